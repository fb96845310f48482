{%- set columns = identifier_columns() -%}

-- whom a record is about: by customer number, else by its own id, e-mail, telephone,
-- else by the order that it names
with records as (

    select source, record_id, order_id, {{ columns.values() | join(', ') }}
    from {{ ref('identity_records') }}
    where source <> 'ga4'

),

identifiers as (

    select identifier_type, identifier_value, person_id
    from {{ ref('person_identifiers') }}

),

with_person as (

    select
        records.source,
        records.record_id,
        records.order_id,
        coalesce(
            {% for type in columns -%}
            by_{{ type }}.person_id{{ ',' if not loop.last }}
            {% endfor %}
        ) as person_id,
        case
            {% for type in columns -%}
            when by_{{ type }}.person_id is not null then '{{ type }}'
            {% endfor -%}
        end as resolved_by
    from records
    {% for type, column in columns.items() -%}
    left join identifiers as by_{{ type }}
        on records.{{ column }} = by_{{ type }}.identifier_value
        and by_{{ type }}.identifier_type = '{{ type }}'
    {% endfor %}
),

final as (

    select
        with_person.source,
        with_person.record_id,
        coalesce(with_person.person_id, orders.person_id) as person_id,
        case
            when with_person.person_id is not null then with_person.resolved_by
            when orders.person_id is not null then 'order'
        end as resolved_by
    from with_person
    left join with_person as orders
        on with_person.order_id = orders.record_id and orders.source = 'shop'

)

select * from final
