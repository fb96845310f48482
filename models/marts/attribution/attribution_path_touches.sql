{%- set lookbacks = conversion_lookbacks() -%}
{%- set steps = {} -%}
{%- for name, reach in lookbacks.items() if reach.steps -%}
    {%- do steps.update({name: reach.steps}) -%}
{%- endfor -%}

-- which touches lie before which conversion, and those that lie before none
with touches as (

    select touch_key, subject_id, touched_at, touch_date, channel_group, is_direct
    from {{ ref('touches') }}
    where subject_id is not null

),

untracked as (

    {{ untracked_persons() }}

),

conversions as (

    select
        conversions.conversion_key,
        conversions.conversion_type,
        conversions.device_id,
        conversions.converted_at,
        {{ path_begins('conversions.converted_at') }} as begins_at,
        {{ month_before('conversions.conversion_date', 0) }} as path_month,
        case when untracked.person_id is null then conversions.person_id end as person_id
    from {{ ref('conversions') }} as conversions
    left join untracked on conversions.person_id = untracked.person_id

),

-- by the person, and by the device where a touch of it is nobody's
subjects as (

    {% for id in ['person_id', 'device_id'] -%}
    select
        conversion_key, conversion_type, converted_at, begins_at, path_month, {{ id }} as subject_id
    from conversions
    where {{ id }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

converting as (

    select
        subjects.conversion_key as path_key,
        subjects.conversion_key,
        subjects.conversion_type,
        subjects.path_month,
        subjects.converted_at as ended_at,
        touches.touch_key,
        touches.touched_at,
        touches.channel_group,
        touches.is_direct
    from subjects
    inner join touches
        on subjects.subject_id = touches.subject_id
        and subjects.converted_at >= touches.touched_at
        and subjects.begins_at <= touches.touched_at

),

types as (

    {% for name in lookbacks or ['none'] -%}
    select {{ text_literal(name) }} as conversion_type
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

led_to as (

    select distinct conversion_type, touch_key
    from converting

),

-- a subject's touches of a month that led to no conversion of a type are one path
led_to_none as (

    select
        {{ surrogate_key([
            "'path'", 'types.conversion_type', 'touches.subject_id',
            month_before('touches.touch_date', 0),
        ]) }} as path_key,
        cast(null as string) as conversion_key,
        types.conversion_type,
        {{ month_before('touches.touch_date', 0) }} as path_month,
        touches.touch_key, touches.touched_at, touches.channel_group, touches.is_direct
    from touches
    cross join types
    left join led_to
        on touches.touch_key = led_to.touch_key
        and types.conversion_type = led_to.conversion_type
    where led_to.touch_key is null

),

not_converting as (

    select *, max(touched_at) over (partition by path_key) as ended_at
    from led_to_none

),

{%- set columns = 'path_key, conversion_key, conversion_type, path_month, ended_at, '
    ~ 'touch_key, touched_at, channel_group, is_direct' %}

combined as (

    select {{ columns }}
    from converting

    union all

    select {{ columns }}
    from not_converting
    where touched_at >= {{ path_begins('ended_at') }}

),

{%- if steps %}

-- no more than the last steps
limited as (

    select *
    from combined
    qualify
        row_number() over (partition by path_key order by touched_at desc, touch_key desc)
        <= coalesce({{ by_conversion_type(steps, 'int64') }}, 1000000000)

),
{%- endif %}

final as (

    select
        {{ columns }},
        row_number() over in_order as position,
        count(*) over (partition by path_key) as touches,
        coalesce(lag(channel_group) over in_order <> channel_group, true) as is_exposure,
        row_number() over (partition by path_key, channel_group order by touched_at, touch_key) = 1
            as is_first_of_channel,
        count(case when not is_direct then 1 end) over (partition by path_key) = 0
            as is_path_of_direct
    from {{ 'limited' if steps else 'combined' }}
    window in_order as (partition by path_key order by touched_at, touch_key)

)

select * from final
