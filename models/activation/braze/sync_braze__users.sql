-- exactly what Braze is to hold: one custom attribute an audience and channel, for those who may be contacted there
with permits as (

    {{ sync_permits() }}

),

braze_keys as (

    {{ sync_braze_keys() }}

),

-- Braze writes to the address that it has, the CRM's; of another one that is still open it does not know
final as (

    select
        permits.person_id,
        permits.audience,
        permits.channel,
        permits.purpose,
        braze_keys.sync_key,
        concat('madang_', permits.audience, '_', permits.channel) as field,
        'true' as value,
        {{ sync_held_back(
            'permits',
            'braze_keys.sync_key',
            'no_braze_key' if madang.sync_rule().get('key_order') else 'no_external_id',
            known_address='permits.is_main_address'
        ) }} as held_back_reason,
        braze_keys.warning
    from permits
    left join braze_keys on permits.person_id = braze_keys.person_id

)

select * from final
