{%- set rule = madang.sync_rule() -%}
{%- set campaign_rows = [] -%}
{%- for audience, campaign in rule.get('campaigns', {}).items() -%}
    {%- do campaign_rows.append([
        text_literal(audience), text_literal(campaign.campaign_id), text_literal(campaign.channel),
        campaign.hour
        if campaign.get('hour') is not none and campaign.get('hour') is defined
        else 'null',
        loop.index,
    ]) -%}
{%- endfor -%}

-- a message of a campaign to each person who entered an audience, once an entry,
-- by the channel that permits it
with campaigns as (

    {{ rows_of(
        {
            'audience': 'string', 'campaign_id': 'string', 'channel': 'string', 'hour': 'int64',
            'message_place': 'int64',
        },
        campaign_rows,
    ) }}

),

permits as (

    {{ sync_permits() }}

),

braze_keys as (

    {{ sync_braze_keys() }}

),

-- who was in the audience when it began is not greeted for it
entries as (

    select
        membership.audience,
        membership.person_id,
        membership.entered_at,
        campaigns.campaign_id,
        campaigns.channel,
        campaigns.hour,
        campaigns.message_place,
        {{ message_of_entry(
            'campaigns.campaign_id', 'membership.person_id', 'membership.entered_at'
        ) }} as sync_key,
        case when campaigns.hour is not null then {{ timestamp_plus(
            timestamp_from_local_text(
                'cast(' ~ date_plus(local_date('membership.entered_at'), 1) ~ ' as string)'
            ),
            'campaigns.hour', 'hour'
        ) }} end as send_at
    from {{ ref('audience_membership') }} as membership
    inner join campaigns on membership.audience = campaigns.audience
    where
        membership.exited_at is null
        and membership.is_entry_seen
        and membership.entered_at > {{ before_as_of(rule.get('within', '3 days')) }}

),

-- of a person who was several: what was sent for this entry under an earlier person_id,
-- or may have been
already_sent as (

    select distinct entries.audience, entries.person_id
    from entries
    inner join {{ ref('requested_messages') }} as requested
        on entries.audience = requested.audience
        and entries.person_id = requested.person_id
        and entries.campaign_id = requested.campaign_id
        and entries.entered_at <= requested.entered_at
    where
        requested.sync in ({{ madang.sync_names() }})
        and entries.sync_key <> requested.sync_key

),

wanted as (

    select
        entries.person_id,
        entries.audience,
        entries.channel,
        permits.purpose,
        entries.message_place,
        entries.sync_key,
        entries.channel as field,
        {{ json_object({
            'user': 'braze_keys.sync_key',
            'campaign_id': 'entries.campaign_id',
            'audience': 'entries.audience',
            'send_micros': 'cast(' ~ micros_of('entries.send_at') ~ ' as string)',
        }) }} as value,
        case
            when permits.person_id is null then 'not_permitted'
            when already_sent.person_id is not null then 'sent_before'
            else {{ sync_held_back(
                'permits',
                'braze_keys.sync_key',
                'no_braze_key',
                known_address='permits.is_main_address',
                is_message=true,
                message_hour='case when entries.send_at > ' ~ as_of() ~ ' then entries.hour else '
                ~ hour_now() ~ ' end',
            ) }}
        end as held_back_reason
    from entries
    left join permits
        on entries.audience = permits.audience
        and entries.person_id = permits.person_id
        and entries.channel = permits.channel
    left join braze_keys on entries.person_id = braze_keys.person_id
    left join already_sent
        on entries.audience = already_sent.audience
        and entries.person_id = already_sent.person_id

),

final as (

    {{ sync_within_caps('wanted') }}

)

select * from final
