-- depends_on: {{ ref('attribution_removal_effects') }}
{%- set models = attribution_models() or [{'name': 'last', 'kind': 'last'}] -%}
{%- set markov = models | selectattr('kind', 'equalto', 'markov') | list -%}
{%- set views = {} -%}
{%- for spec in models -%}
    {%- do views.setdefault(model_view(spec), []).append(spec) -%}
{%- endfor %}

-- each conversion's value divided among its touches, model by model;
-- what was taken back later has rows of its own
with path_touches as (

    select
        path_touches.conversion_key,
        path_touches.touch_key,
        path_touches.channel_group,
        path_touches.touched_at,
        path_touches.is_direct,
        path_touches.is_exposure,
        path_touches.is_first_of_channel,
        path_touches.is_path_of_direct
        {%- for spec in markov %},
        effects_{{ spec.name }}.removal_effect as effect_{{ spec.name }}
        {%- endfor %}
    from {{ ref('attribution_path_touches') }} as path_touches
    {% for spec in markov -%}
    left join {{ ref('attribution_removal_effects') }} as effects_{{ spec.name }}
        on path_touches.conversion_type = effects_{{ spec.name }}.conversion_type
        and path_touches.path_month = effects_{{ spec.name }}.path_month
        and path_touches.channel_group = effects_{{ spec.name }}.channel_group
        and effects_{{ spec.name }}.model = {{ text_literal(spec.name) }}
    {% endfor -%}
    where path_touches.conversion_key is not null

),

{% for view, specs in views.items() -%}
{%- set weighted = [] -%}
{%- for spec in specs if is_weighted(spec) -%}{%- do weighted.append(spec) -%}{%- endfor -%}
{{ view }}_places as (

    select
        *,
        row_number() over in_order as place,
        count(*) over of_path as touches,
        max(touched_at) over of_path as last_touched_at,
        count(case when is_first_of_channel then 1 end) over of_path as channels,
        row_number() over of_channel_in_order as place_of_channel,
        count(*) over (partition by conversion_key, channel_group) as touches_of_channel
    from path_touches
    where {{ view_condition(view) }}
    window
        of_path as (partition by conversion_key),
        in_order as (partition by conversion_key order by touched_at, touch_key),
        of_channel_in_order
            as (partition by conversion_key, channel_group order by touched_at, touch_key)

),

{{ view }}_weighted as (

    select
        *
        {%- for spec in weighted %},
        {{ credit_weight(spec) }} as weight_{{ spec.name }}
        {%- endfor %}
    from {{ view }}_places

),

{{ view }}_added_up as (

    select
        *
        {%- for spec in weighted %},
        sum(weight_{{ spec.name }}) over (
            partition by conversion_key
            order by place
            rows between unbounded preceding and current row
        ) as part_{{ spec.name }},
        sum(weight_{{ spec.name }}) over (partition by conversion_key) as total_{{ spec.name }}
        {%- endfor %}
    from {{ view }}_weighted

),

{% endfor -%}
shares as (

    {% for view, specs in views.items() -%}
    select
        added_up.conversion_key, added_up.touch_key, added_up.channel_group, models.model,
        case models.model
            {% for spec in specs %}
            when {{ text_literal(spec.name) }} then {{ share_of_credit(spec) }}
            {% endfor %}
        end as share,
        case models.model
            {% for spec in specs %}
            when {{ text_literal(spec.name) }} then {{ share_of_credit(spec, before=true) }}
            {% endfor %}
        end as share_before
    from {{ view }}_added_up as added_up
    cross join (
        {%- for spec in specs %}
        select {{ text_literal(spec.name) }} as model{{ ' union all' if not loop.last }}
        {%- endfor %}
    ) as models
    union all
    {% endfor -%}

    -- what no touch lies before is shown, too
    select
        conversions.conversion_key,
        cast(null as string) as touch_key,
        '(unattributed)' as channel_group,
        models.model,
        1.0 as share,
        0.0 as share_before
    from {{ ref('conversions') }} as conversions
    cross join (
        {%- for spec in models %}
        select {{ text_literal(spec.name) }} as model{{ ' union all' if not loop.last }}
        {%- endfor %}
    ) as models
    left join (select distinct conversion_key from path_touches) as with_touches
        on conversions.conversion_key = with_touches.conversion_key
    where with_touches.conversion_key is null

),

entries as (

    select *
    from {{ ref('attribution_entries') }}

),

final as (

    select
        shares.conversion_key, shares.touch_key, shares.model, entries.entry, entries.change_number,
        entries.conversion_type, entries.entry_date, shares.channel_group,
        {% for column, whole, units in [
            ('credit', 'entries.online * 1e12', '1e12'),
            ('credited_value', 'entries.online_units', '1e6'),
            ('credited_verified', 'entries.verified * 1e12', '1e12'),
            ('credited_verified_value', 'entries.verified_units', '1e6'),
        ] -%}
        ({{ in_units('shares.share', whole) }} - {{ in_units('shares.share_before', whole) }})
        / {{ units }} as {{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    from shares
    inner join entries on shares.conversion_key = entries.conversion_key
    where shares.share > shares.share_before

)

select * from final
