{%- set rule = madang.sync_rule() -%}
{%- set campaign_rows = [] -%}
{%- for audience, told in rule.get('campaigns', {}).items() -%}
    {%- do campaign_rows.append([
        text_literal(audience), text_literal(told.campaign_id), text_literal(told.channel),
        told.hour if told.get('hour') is not none and told.get('hour') is defined else 'null',
    ]) -%}
{%- endfor -%}

-- a message of a campaign to each person who entered an audience, once an entry, by the channel that permits it
with campaigns as (

    {{ rows_of({'audience': 'string', 'campaign_id': 'string', 'channel': 'string', 'hour': 'int64'}, campaign_rows) }}

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
        case when campaigns.hour is not null then {{ timestamp_plus(
            timestamp_from_local_text('cast(' ~ date_plus(local_date('membership.entered_at'), 1) ~ ' as string)'),
            'campaigns.hour', 'hour'
        ) }} end as send_at
    from {{ ref('audience_membership') }} as membership
    inner join campaigns on membership.audience = campaigns.audience
    where
        membership.exited_at is null
        and membership.is_entry_seen
        and membership.entered_at > {{ before_as_of(rule.get('within', '3 days')) }}

),

final as (

    select
        entries.person_id,
        entries.audience,
        entries.channel,
        permits.purpose,
        {{ surrogate_key([
            'entries.campaign_id', 'entries.person_id', 'cast(' ~ micros_of('entries.entered_at') ~ ' as string)'
        ]) }} as sync_key,
        entries.channel as field,
        {{ json_object({
            'user': 'braze_keys.sync_key',
            'campaign_id': 'entries.campaign_id',
            'audience': 'entries.audience',
            'send_micros': 'cast(' ~ micros_of('entries.send_at') ~ ' as string)',
        }) }} as value,
        case
            when permits.person_id is null then 'not_permitted'
            else {{ sync_held_back(
                'permits', 'braze_keys.sync_key', 'no_braze_key', known_address='permits.is_main_address'
            ) }}
        end as held_back_reason
    from entries
    left join permits
        on entries.audience = permits.audience
        and entries.person_id = permits.person_id
        and entries.channel = permits.channel
    left join braze_keys on entries.person_id = braze_keys.person_id

)

select * from final
