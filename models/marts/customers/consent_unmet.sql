with met as (

    select distinct statement_id
    from {{ ref('consent_persons') }}

),

reported as (

    select statement_id, source, signal, coalesce(email_hash, phone_hash) as address_hash
    from {{ ref('consent_statements') }}

),

final as (

    select
        reported.source,
        reported.signal,
        count(*) as statements,
        count(reported.address_hash) as with_address
    from reported
    left join met on reported.statement_id = met.statement_id
    where met.statement_id is null
    group by reported.source, reported.signal

)

select * from final
