with customer_values as (

    select person_id, field, field_value
    from {{ ref('customer_values') }}
    where is_chosen and field in ('name', 'email', 'phone')

),

final as (

    select
        person_id,
        {% for field in ['name', 'email', 'phone'] -%}
        max(case when field = '{{ field }}' then field_value end)
            as {{ field }}{{ ',' if not loop.last }}
        {% endfor %}
    from customer_values
    group by person_id

)

select * from final
