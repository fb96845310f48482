{%- set models = markov_models() -%}

-- how often each step was made in the paths of a month:
-- from the last channels to the next one, or to the path's end
with path_touches as (

    select *
    from {{ ref('attribution_path_touches') }}

),

{% for spec in models -%}
{%- set order = spec.get('order', 1) -%}
{{ spec.name }}_steps as (

    select
        path_key,
        conversion_key,
        conversion_type,
        path_month,
        channel_group as channel,
        {% for back in range(1, order + 1) -%}
        coalesce(lag(channel_group, {{ back }}) over in_order, '(start)')
            as channel_{{ back }}_before,
        {% endfor -%}
        lead(channel_group) over in_order is null as is_last
    from path_touches
    where {{ view_condition(model_view(spec)) }}
    window in_order as (partition by path_key order by touched_at, touch_key)

),

{{ spec.name }}_states as (

    select
        conversion_type,
        path_month,
        channel,
        {%- set states = [] -%}
        {%- for back in range(order, 0, -1) -%}
            {%- do states.append('channel_' ~ back ~ '_before') -%}
        {%- endfor %}
        concat({{ states | join(", ' > ', ") }}) as state,
        concat({{ (states[1:] + ['channel']) | join(", ' > ', ") }}) as reached,
        case
            when is_last then case when conversion_key is null then '(null)' else '(conversion)' end
        end as path_end
    from {{ spec.name }}_steps

),

{% endfor -%}
steps as (

    {% for spec in models -%}
    select
        {{ text_literal(spec.name) }} as model,
        {{ spec.get('order', 1) }} as markov_order,
        conversion_type,
        path_month,
        state,
        channel,
        reached as next_state,
        count(*) as paths
    from {{ spec.name }}_states
    group by conversion_type, path_month, state, channel, reached

    union all

    select
        {{ text_literal(spec.name) }} as model,
        {{ spec.get('order', 1) }} as markov_order,
        conversion_type,
        path_month,
        reached as state,
        path_end as channel,
        path_end as next_state,
        count(*) as paths
    from {{ spec.name }}_states
    where path_end is not null
    group by conversion_type, path_month, reached, path_end
    {{ 'union all' if not loop.last }}
    {% else -%}
    select
        'none' as model,
        1 as markov_order,
        conversion_type,
        path_month,
        channel_group as state,
        channel_group as channel,
        channel_group as next_state,
        touches as paths
    from path_touches
    where false
    {% endfor %}

)

select * from steps
