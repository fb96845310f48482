{%- set rule = madang.sync_rule() -%}
{%- set key = rule.get('key', 'external_id') -%}
{%- set group_rows = [] -%}
{%- for channel, group in rule.get('groups', {}).items() -%}
    {%- do group_rows.append([text_literal(channel), text_literal(group)]) -%}
{%- endfor -%}

-- who is to be subscribed to the group of a channel: those who may be contacted there
with groups_of_channels as (

    {{ rows_of({'channel': 'string', 'group_id': 'string'}, group_rows) }}

),

braze_keys as (

    {{ sync_subscription_keys(key) }}

),

-- who was never asked is neither subscribed nor unsubscribed by this
answered as (

    select
        contactability.person_id,
        contactability.channel,
        contactability.purpose,
        groups_of_channels.group_id,
        nullif(contactability.reason, 'allowed') as reason,
        contactability.is_main_address
    from {{ ref('contactability') }} as contactability
    inner join groups_of_channels on contactability.channel = groups_of_channels.channel
    where
        contactability.purpose = '{{ rule.get('purpose', 'marketing') }}'
        and contactability.reason <> 'no_consent'

),

members as (

    select
        answered.person_id,
        answered.channel,
        answered.purpose,
        braze_keys.sync_key,
        answered.group_id as field,
        'true' as value,
        coalesce(
            answered.reason,
            case when not answered.is_main_address then 'bounced' end,
            case when braze_keys.sync_key is null then 'no_braze_key' end
        ) as held_back_reason,
        braze_keys.warning
    from answered
    left join braze_keys on answered.person_id = braze_keys.person_id

),

-- of several persons with one address a single no holds it back
final as (

    {{ sync_no_wins('members', 'field, coalesce(sync_key, person_id)', 'person_id') }}

)

select * from final
