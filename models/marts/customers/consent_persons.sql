-- whom a statement concerns: the person of its record,
-- and who has an address of it that is not that person's
with statements as (

    select statement_id, source, record_id, customer_no, email_hash, phone_hash
    from {{ ref('consent_statements') }}

),

record_persons as (

    select source, record_id, person_id
    from {{ ref('record_persons') }}
    where source in ('consent', 'braze', 'salesforce') and person_id is not null

),

customer_numbers as (

    select identifier_value as customer_no, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'crm_id'

),

addresses as (

    select distinct person_id, {{ sha256_hex('field_value') }} as address_hash
    from {{ ref('customer_values') }}
    where field in ('email', 'phone')

),

of_records as (

    select
        statements.statement_id,
        coalesce(record_persons.person_id, customer_numbers.person_id) as person_id
    from statements
    left join record_persons
        on statements.source = record_persons.source
        and statements.record_id = record_persons.record_id
    left join customer_numbers on statements.customer_no = customer_numbers.customer_no

),

named_addresses as (

    select statement_id, email_hash as address_hash
    from statements
    where email_hash is not null

    union distinct

    select statement_id, phone_hash
    from statements
    where phone_hash is not null

),

of_addresses as (

    select distinct named_addresses.statement_id, addresses.person_id
    from named_addresses
    inner join addresses on named_addresses.address_hash = addresses.address_hash
    left join of_records on named_addresses.statement_id = of_records.statement_id
    left join addresses as own_addresses
        on of_records.person_id = own_addresses.person_id
        and named_addresses.address_hash = own_addresses.address_hash
    where own_addresses.person_id is null

),

final as (

    select statement_id, person_id, 'record' as met_by
    from of_records
    where person_id is not null

    union all

    select statement_id, person_id, 'address' as met_by
    from of_addresses

)

select * from final
