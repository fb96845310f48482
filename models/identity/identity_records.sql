{%- set texts = [
    'crm_id', 'user_id', 'salesforce_id', 'braze_id', 'becomes_id', 'email', 'given_email_hash',
    'phone', 'given_phone_hash', 'chat_key', 'order_id', 'name',
] -%}

-- every record that names somebody, with all the identifiers that it carries:
-- `record_sources` lists them
with records as (

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
    from {{ record_relation(relation) }} as {{ relation }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- what lies in Salesforce's recycle bin is nobody of its own,
-- unless it was merged into a record that does not
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
        chat_key,
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
