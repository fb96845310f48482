{#
    The rows of one platform's reports, with the column names of all platforms. `cost` is an
    expression over the raw columns, in units of the currency and without value added tax.
    `currency` is null where the report has none.
#}
{% macro ads_report(platform, cost, currency='currency') %}
with source as (

    select *
    from {{ source('ads', platform) }}
    where cost_date is not null and {{ known_by_then() }}

),

renamed as (

    select
        '{{ platform }}' as platform,
        cast({{ safe_cast_as('cost_date', 'date') }} as date) as cost_date,
        account_id,
        account_name,
        account_time_zone,
        campaign_id,
        campaign,
        ad_group_id,
        ad_group,
        {{ currency_code(currency) }} as currency,
        {{ cost }} as cost,
        {{ safe_cast_as('impressions', 'int64') }} as impressions,
        {{ safe_cast_as('clicks', 'int64') }} as clicks,
        {{ number_from_text('conversions') }} as platform_conversions,
        {{ number_from_text('conversion_value') }} as platform_value,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source

),

final as (

    select *
    from renamed
    where cost_date is not null

)

select * from final
{% endmacro %}


{#
    What var('ads_accounts') says of a row's account, or of its platform:
    `timezone` or `currency`, else the project's own.
#}
{% macro ads_account_setting(key) -%}
    case
        {%- for name, settings in var('ads_accounts').items() if '/' in name and key in settings %}
        when concat(platform, '/', account_id) = {{ text_literal(name) }}
            then {{ text_literal(settings[key]) }}
        {%- endfor %}
        {%- for name, settings in var('ads_accounts').items()
            if '/' not in name and key in settings %}
        when platform = {{ text_literal(name) }} then {{ text_literal(settings[key]) }}
        {%- endfor %}
        when true then {{ text_literal(var(key)) }}
    end
{%- endmacro %}
