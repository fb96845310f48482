{%- set specs = conversion_specs() -%}
{%- set effects = {} -%}
{%- for spec in specs -%}
    {%- for action, effect in conversion_effects(spec).items() -%}
        {%- do effects.setdefault(effect, {}).setdefault(spec.name, []).append(action) -%}
    {%- endfor -%}
{%- endfor -%}
{%- set at_once = specs | rejectattr('verified_by') | map(attribute='name') | list -%}

-- which later activities are about a conversion, and what each does to it
with conversions as (

    select
        conversion_key,
        conversion_type,
        is_event,
        source,
        subject_id,
        object_type,
        object_id,
        converted_at,
        conversion_date,
        conversion_order,
        verified_worth,
        verify_by
    from {{ ref('online_conversions') }}

),

later as (

    select
        activity_id, source, subject_id, action, object_type, object_id,
        occurred_at, activity_date, activity_order, value, currency
    from {{ ref('activities') }}
    where object_id is not null and action in ({{ text_literals(conversion_actions(specs)) }})

),

-- an event of the website meets outcomes of its number, unless they are of another product that is
-- converted, too; a record meets those of its number, source and subject
met as (

    select
        conversions.conversion_key,
        conversions.conversion_type,
        conversions.conversion_date,
        conversions.verified_worth,
        conversions.verify_by,
        later.activity_id,
        later.action,
        later.occurred_at,
        later.activity_date,
        later.activity_order,
        later.value,
        later.currency,
        case
            {% for effect, actions in effects.items() -%}
            {% for name, listed in actions.items() -%}
            when conversions.conversion_type = {{ text_literal(name) }}
                and later.action in ({{ text_literals(listed) }})
                then '{{ effect }}'
            {% endfor -%}
            {% else -%}
            when false then 'none'
            {% endfor -%}
        end as effect
    from conversions
    inner join later
        on conversions.object_id = later.object_id
        and later.activity_order >= conversions.conversion_order
        and (
            (conversions.is_event and (
                conversions.object_type = later.object_type
                or later.object_type not in (
                    select object_type from conversions where object_type is not null
                )
                or conversions.object_type is null
                or later.object_type is null
            ))
            or (
                conversions.source = later.source
                and coalesce(conversions.subject_id, '') = coalesce(later.subject_id, '')
            )
        )

),

with_rate as (

    select
        met.conversion_key,
        met.conversion_type,
        met.verified_worth,
        met.verify_by,
        met.activity_id,
        met.action,
        met.occurred_at,
        met.activity_date,
        met.activity_order,
        met.effect,
        {{ converted('met.value', '(' ~ fx_rate('met') ~ ')') }} as amount
    from met
    {{ join_fx_rates('met', 'met.conversion_date') }}
    where met.effect is not null

    {% if at_once -%}
    union all

    select
        conversion_key,
        conversion_type,
        verified_worth,
        verify_by,
        conversion_key as activity_id,
        cast(null as string) as action,
        converted_at as occurred_at,
        conversion_date as activity_date,
        conversion_order as activity_order,
        'verifies' as effect,
        cast(null as {{ float64() }}) as amount
    from conversions
    where conversion_type in ({{ text_literals(at_once) }})
    {%- endif %}

),

-- what would verify after the deadline, where nothing did before it, changes nothing
final as (

    select
        conversion_key,
        conversion_type,
        activity_id,
        action,
        occurred_at,
        activity_date,
        activity_order,
        case
            when effect = 'verifies'
            and min(case when effect = 'verifies' then occurred_at end) over (
                partition by conversion_key
            ) > verify_by
                then 'too_late'
            else effect
        end as effect,
        amount,
        verified_worth
    from with_rate

)

select * from final
