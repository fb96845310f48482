-- a company that has notices of collection collects no field without one
select fields.source, fields.field, fields.records, fields.first_collected_at, fields.last_collected_at
from {{ ref('collected_fields') }} as fields
where
    fields.version_key is null
    and exists (select 1 from {{ ref('notice_fields') }} as notices where notices.version_key is not null)
