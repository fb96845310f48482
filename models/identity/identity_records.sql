{%- set texts = [
    'crm_id', 'user_id', 'salesforce_id', 'braze_id', 'becomes_id', 'email', 'given_email_hash', 'phone',
    'given_phone_hash', 'order_id', 'name',
] -%}

-- every record that names somebody, with all the identifiers that it carries: `record_sources` lists them
-- an account is a person only where it is a person account; the company that somebody works for is nobody
with person_accounts as (

    select * from {{ ref('stg_salesforce__accounts') }}
    where is_person_account

),

contacts as (

    select contacts.*, person_accounts.account_id as person_account_id
    from {{ ref('stg_salesforce__contacts') }} as contacts
    left join person_accounts on contacts.account_id = person_accounts.account_id

),

-- with a customer number the addresses of Braze are those that were sent there: an echo, and no evidence
braze_users as (

    select
        braze_user_id,
        external_user_id,
        nullif(current_user_id, braze_user_id) as merged_into,
        case when external_user_id is null then email end as email,
        case when external_user_id is null then phone end as phone,
        cast(null as string) as email_hash,
        cast(null as string) as phone_hash,
        first_seen_at,
        last_seen_at
    from {{ ref('stg_braze__users') }}
    where not is_deleted

),

logins as (

    select user_id, min(first_at) as first_seen_at, max(last_at) as last_seen_at, cast(sum(events) as int64) as events
    from {{ ref('ga4_logins') }}
    group by user_id

),

records as (

    {% for source, relation, id, links, seen_at, given in record_sources() -%}
    select
        '{{ source }}' as source,
        {{ id }} as record_id,
        {{ links }} as links,
        {% for column in texts -%}
        {{ given.get(column, 'cast(null as string)') }} as {{ column }},
        {% endfor -%}
        {{ given.get('issued_at', 'cast(null as timestamp)') }} as issued_at,
        {{ seen_at }} as first_seen_at,
        {{ 'last_seen_at' if seen_at == 'first_seen_at' else seen_at }} as last_seen_at,
        {{ 'events' if source == 'ga4' else '1' }} as evidence_count
    from {{ ref(relation) if relation.startswith('stg_') else relation }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- what lies in Salesforce's recycle bin is nobody of its own, unless it was merged into a record that does not
final as (

    select
        source,
        record_id,
        links,
        crm_id,
        user_id,
        case when links then salesforce_id end as salesforce_id,
        braze_id,
        case when links then becomes_id end as becomes_id,
        email,
        phone,
        coalesce({{ sha256_hex('email') }}, given_email_hash) as email_hash,
        coalesce({{ sha256_hex('phone') }}, given_phone_hash) as phone_hash,
        order_id,
        name,
        {{ name_key('name') }} as name_key,
        issued_at,
        first_seen_at,
        last_seen_at,
        evidence_count
    from records

)

select * from final
