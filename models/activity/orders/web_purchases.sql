{%- set rule = order_rule() -%}

-- what each purchase that the website reported counts as; docs/orders.md tells the rule
with purchases as (

    select
        event_key,
        property_id,
        event_date,
        event_at,
        event_order,
        device_id,
        person_id,
        session_key,
        {{ exported_transaction_id() }} as transaction_id,
        purchase_revenue as revenue,
        {% for reason in rule.leave_out %}{{ order_flag(reason) }},
        {% endfor -%}
        currency
    from {{ with_person(ref('ga4_purchases')) }} as reported
    where event_name = 'purchase'

),

with_subject as (

    select
        purchases.*,
        {{ fx_rate('purchases') }} as fx_rate,
        {{ transaction_id_kind('transaction_id') }} as id_kind,
        coalesce(purchases.person_id, purchases.device_id) as subject_id
    from purchases
    {{ join_fx_rates('purchases', 'purchases.event_date') }}

),

-- a placeholder is no id, so each such event stands alone;
-- what is left out is no order's first event
with_order_id as (

    select
        *,
        {{ order_left_out() }} as left_out,
        case when id_kind = 'real' then trim(transaction_id) end as order_id,
        case when id_kind = 'real' then {{ order_scope() }} else event_key end as order_scope
    from with_subject

),

since_last as (

    select
        *,
        {{ micros_of('event_at') }} - lag({{ micros_of('event_at') }}) over (
            partition by property_id, order_scope, order_id, left_out
            order by event_order, event_key
        ) as micros_since_last
    from with_order_id

),

-- one id is one order, or a new one where it comes again after the rule's days without it
numbered as (

    select
        *,
        {% if rule.repeat_days is none -%}
        1
        {%- else -%}
        1 + count(
            case when micros_since_last > {{ rule.repeat_days }} * 86400000000 then 1 end
        ) over (
            partition by property_id, order_scope, order_id, left_out
            order by event_order, event_key
            rows between unbounded preceding and current row
        )
        {%- endif %} as order_number
    from since_last

),

ranked as (

    select
        *,
        {{ surrogate_key(['property_id', 'order_scope', 'order_id', 'order_number']) }}
            as order_key,
        row_number() over (
            partition by property_id, order_scope, order_id, order_number, left_out
            order by case when revenue > 0 then 0 else 1 end, event_order, event_key
        ) as report_number
    from numbered

),

final as (

    select
        event_key,
        property_id,
        event_date,
        event_at,
        subject_id,
        person_id,
        device_id,
        session_key,
        transaction_id,
        id_kind,
        order_id,
        order_key,
        revenue,
        currency,
        fx_rate,
        case
            when left_out is not null then left_out
            when report_number > 1 then 'duplicate'
            {%- for kind in ['placeholder', 'empty', 'missing']
                if rule[kind ~ '_id'] == 'if_revenue' %}
            when id_kind = '{{ kind }}' and coalesce(revenue, 0) <= 0 then 'no_revenue'
            {%- endfor %}
            {%- if rule.minimum_revenue is not none %}
            when coalesce(revenue, 0) * fx_rate < {{ rule.minimum_revenue }} then 'below_minimum'
            {%- endif %}
            else 'counted'
        end as order_status
    from ranked

)

select * from final
