with met as (

    select distinct statement_id
    from {{ ref('consent_persons') }}

),

told as (

    select statement_id, source, signal, coalesce(email_hash, phone_hash) as address_hash
    from {{ ref('consent_statements') }}

),

final as (

    select
        told.source,
        told.signal,
        count(*) as statements,
        count(told.address_hash) as with_address
    from told
    left join met on told.statement_id = met.statement_id
    where met.statement_id is null
    group by told.source, told.signal

)

select * from final
