{%- set rule = madang.sync_rule() -%}

-- exactly what Braze is to hold: one custom attribute an audience and channel,
-- for those who may be contacted there
with permits as (

    {{ sync_permits() }}

),

braze_keys as (

    {{ sync_braze_keys() }}

),

last_sent as (

    {{ sync_last_sent() }}

),

-- with `hold_days`, who left lately and still may be contacted
leavers as (

    {{ sync_leavers(rule.get('hold_days') or 0) }}

),

combined as (

    select
        audience, person_id, channel, purpose, held_back_reason,
        is_main_address, late_source, false as is_leaver
    from permits

    union all

    select
        audience, person_id, channel, purpose, held_back_reason, is_main_address,
        cast(null as string) as late_source, true as is_leaver
    from leavers

),

-- Braze writes to the address that it has, the CRM's;
-- of another one that is still open it does not know
wanted as (

    select
        combined.person_id,
        combined.audience,
        combined.channel,
        combined.purpose,
        combined.is_leaver,
        braze_keys.sync_key,
        concat('madang_', combined.audience, '_', combined.channel) as field,
        'true' as value,
        {{ sync_held_back(
            'combined',
            'braze_keys.sync_key',
            'no_braze_key' if rule.get('key_order') else 'no_external_id',
            known_address='combined.is_main_address'
        ) }} as held_back_reason,
        braze_keys.warning
    from combined
    left join braze_keys on combined.person_id = braze_keys.person_id

),

-- a hold keeps what Braze has, and gives nothing
final as (

    select
        wanted.person_id,
        wanted.audience,
        wanted.channel,
        wanted.purpose,
        wanted.sync_key,
        wanted.field,
        wanted.value,
        wanted.held_back_reason,
        coalesce(
            wanted.warning,
            {%- if rule.get('array_attribute') %}
            case when count(case when wanted.held_back_reason is null then 1 end)
                over (partition by wanted.sync_key) > 25 then 'array_is_full' end,
            {%- endif %}
            case when not last_sent.is_there then 'came_back' end
        ) as warning
    from wanted
    left join last_sent
        on wanted.sync_key = last_sent.sync_key
        and wanted.field = last_sent.field
    where not wanted.is_leaver or coalesce(last_sent.is_there, false)

)

select * from final
