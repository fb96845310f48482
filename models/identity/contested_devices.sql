{%- set windows = [
    var('device_backfill_days'), var('device_ttl_days'),
    var('record_backfill_days'), var('record_ttl_days'),
] -%}
{%- set persons = [var('shared_device_persons'), var('record_shared_device_persons')] -%}

-- the owner of these devices depends on the order of their logins and records. Every other device
-- had one person from first to last. With windows shorter than a session, or limits below two
-- persons, every device is here
with sightings as (

    select device_id, person_id, first_at, lives_until
    from {{ device_sightings() }} as sightings

),

final as (

    select device_id
    from sightings
    group by device_id
    having
        min(person_id) < max(person_id)
        or max(first_at) > min(lives_until)
        or {{ windows | min }} < 7
        or {{ persons | min }} < 2

)

select * from final
