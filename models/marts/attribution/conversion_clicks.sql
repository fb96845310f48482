{%- set click_ids = reported_click_ids() -%}

-- the platform's own click that came last before a verified conversion
with limits as (

    select platform, cast(click_days as int64) as click_days
    from {{ list_of('upload_limits') }}

),

conversions as (

    select conversion_key, converted_at
    from {{ ref('conversions') }}
    where verified_at is not null

),

clicks as (

    {% for platform, names in click_ids.items() -%}
    {% set outer_last = loop.last -%}
    {% for name in names -%}
    select
        '{{ platform }}' as platform,
        path_touches.conversion_key,
        path_touches.touched_at as clicked_at,
        '{{ name }}' as click_id_name,
        touches.{{ name }} as click_id
    from {{ ref('attribution_path_touches') }} as path_touches
    inner join {{ ref('touches') }} as touches on path_touches.touch_key = touches.touch_key
    where path_touches.conversion_key is not null and touches.{{ name }} is not null
    {{ 'union all' if not (loop.last and outer_last) }}
    {% endfor -%}
    {% endfor %}
),

final as (

    select clicks.*
    from clicks
    inner join conversions on clicks.conversion_key = conversions.conversion_key
    inner join limits on clicks.platform = limits.platform
    where
        {{ seconds_between('clicks.clicked_at', 'conversions.converted_at') }}
        <= limits.click_days * 86400
    qualify row_number() over (
        partition by clicks.platform, clicks.conversion_key
        order by clicks.clicked_at desc, clicks.click_id_name, clicks.click_id
    ) = 1

)

select * from final
