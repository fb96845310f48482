{%- set columns = identifier_columns() -%}

-- whom a record is about: by customer number, else by its own id, else e-mail, else telephone
with records as (

    select source, record_id, {{ columns.values() | join(', ') }}
    from {{ ref('identity_records') }}
    where source <> 'ga4'

),

identifiers as (

    select identifier_type, identifier_value, person_id
    from {{ ref('person_identifiers') }}

),

final as (

    select
        records.source,
        records.record_id,
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
)

select * from final
