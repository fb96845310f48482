-- every record that names somebody, with all the identifiers that it carries
with crm_customers as (

    select customer_no, email, phone, name, registered_at, loaded_at
    from {{ ref('stg_crm__customers') }}

),

orders as (

    select order_id, customer_no, email, phone, name, ordered_at
    from {{ ref('stg_shop__orders') }}

),

outcomes as (

    select outcome_id, customer_no, phone, occurred_at
    from {{ ref('stg_offline__outcomes') }}

),

consents as (

    select consent_id, customer_no, email, phone, occurred_at
    from {{ ref('stg_consent__events') }}

),

logins as (

    select user_id, min(first_at) as first_seen_at, max(last_at) as last_seen_at, cast(sum(events) as int64) as events
    from {{ ref('ga4_logins') }}
    group by user_id

),

-- a CRM row and an order say that their identifiers belong together; an outcome and a consent only say that they exist;
-- the GA4 user id is the CRM's customer number
final as (

    select
        'crm' as source,
        customer_no as record_id,
        true as links,
        customer_no as crm_id,
        cast(null as string) as user_id,
        email,
        phone,
        {{ name_key('name') }} as name_key,
        coalesce(registered_at, loaded_at) as first_seen_at,
        coalesce(registered_at, loaded_at) as last_seen_at,
        1 as evidence_count
    from crm_customers

    union all

    select
        'shop' as source,
        order_id as record_id,
        true as links,
        customer_no as crm_id,
        cast(null as string) as user_id,
        email,
        phone,
        {{ name_key('name') }} as name_key,
        ordered_at as first_seen_at,
        ordered_at as last_seen_at,
        1 as evidence_count
    from orders

    union all

    select
        'offline' as source,
        outcome_id as record_id,
        false as links,
        customer_no as crm_id,
        cast(null as string) as user_id,
        cast(null as string) as email,
        phone,
        cast(null as string) as name_key,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at,
        1 as evidence_count
    from outcomes

    union all

    select
        'consent' as source,
        consent_id as record_id,
        false as links,
        customer_no as crm_id,
        cast(null as string) as user_id,
        email,
        phone,
        cast(null as string) as name_key,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at,
        1 as evidence_count
    from consents

    union all

    select
        'ga4' as source,
        user_id as record_id,
        true as links,
        user_id as crm_id,
        user_id,
        cast(null as string) as email,
        cast(null as string) as phone,
        cast(null as string) as name_key,
        first_seen_at,
        last_seen_at,
        events as evidence_count
    from logins

)

select * from final
