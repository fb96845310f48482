select device_id, valid_from, valid_to, next_valid_from
from (
    select
        device_id,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by device_id order by valid_from) as next_valid_from
    from {{ ref('device_owners') }}
) as with_next
where next_valid_from < valid_to
