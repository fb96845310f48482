with met as (

    select distinct statement_id
    from {{ ref('consent_persons') }}

),

statements as (

    select statement_id, source, signal, coalesce(email_hash, phone_hash) as address_hash
    from {{ ref('consent_statements') }}

),

final as (

    select
        statements.source,
        statements.signal,
        count(*) as statements,
        count(statements.address_hash) as with_address
    from statements
    left join met on statements.statement_id = met.statement_id
    where met.statement_id is null
    group by statements.source, statements.signal

)

select * from final
