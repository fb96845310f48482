-- a company that has notices of collection collects no field without one
with notices as (

    select count(*) as covered
    from {{ ref('notice_fields') }}

)

select
    fields.source, fields.field, fields.records, fields.first_collected_at, fields.last_collected_at
from {{ ref('collected_fields') }} as fields
cross join notices
where fields.version_key is null and notices.covered > 0
