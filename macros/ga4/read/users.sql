{#
    The columns of the export's tables about people, without what a website says of them
    (`user_properties`); `pseudo_user_id` and `stream_id` are those of pseudonymous_users_,
    `user_id` that of users_.
#}
{% macro ga4_users_columns() %}
    {{ return({
        'pseudo_user_id': 'string',
        'stream_id': 'string',
        'user_id': 'string',
        'user_info': ga4_fields(
            'last_active_timestamp_micros:int64 user_first_touch_timestamp_micros:int64 '
            ~ 'first_purchase_date'
        ),
        'device': ga4_fields(
            'operating_system category mobile_brand_name mobile_model_name unified_screen_name'
        ),
        'geo': ga4_fields('city country continent region'),
        'audiences': [ga4_fields(
            'id:int64 name membership_start_timestamp_micros:int64 '
            ~ 'membership_expiry_timestamp_micros:int64 npa:bool'
        )],
        'user_ltv': ga4_fields(
            'revenue_in_usd:float64 sessions:int64 engagement_time_millis:int64 purchases:int64 '
            ~ 'engaged_sessions:int64 session_duration_micros:int64'
        ),
        'predictions': ga4_fields(
            'in_app_purchase_score_7d:float64 purchase_score_7d:float64 churn_score_7d:float64 '
            ~ 'revenue_28d_in_usd:float64'
        ),
        'privacy_info': ga4_fields('is_limited_ad_tracking is_ads_personalization_allowed'),
        'occurrence_date': 'string',
        'last_updated_date': 'string',
    }) }}
{% endmacro %}


{# The people of the given shards, with `user_kind` beside what the export has. #}
{% macro ga4_users_of(shards) -%}
    {%- set properties = ga4_property_list() | selectattr('format', 'equalto', 'ga4') | list -%}
    {%- for kind in ['pseudonymous', 'user'] %}
    select *, '{{ kind }}' as user_kind
    from (
        {{ without_erased(ga4_united(
            ga4_branches(
                shards | selectattr('kind', 'equalto', kind) | list, kind, properties, true
            ),
            ga4_users_columns()
        ), 'user_id', 'pseudo_user_id') }}
    ) as of_{{ kind }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#
    The shards about people to read in this run: a list of {property_id, kind, suffix, location}. A
    day is read where one of its shards is new or changed since the ledger was written.
#}
{% macro ga4_changed_user_shards(inventory) %}
    {% if not execute or load_relation(inventory) is none %}{{ return([]) }}{% endif %}
    {% set ledger = ga4_days_ledger() if is_incremental() else none %}
    {% set query %}
        select shard.property_id, shard.kind, shard.suffix, shard.location
        from {{ inventory }} as shard
        inner join ({{ ga4_user_days_that_differ(inventory, ledger) }}) as differing
            on shard.property_id = differing.property_id and shard.event_date = differing.event_date
        where shard.problem is null
        order by 1, 2, 3
    {% endset %}
    {% set shards = [] %}
    {% for row in run_query(query).rows %}
        {% do shards.append(
            {'property_id': row[0], 'kind': row[1], 'suffix': row[2], 'location': row[3]}
        ) %}
    {% endfor %}
    {{ return(shards) }}
{% endmacro %}

{% macro ga4_user_days_that_differ(inventory, ledger) -%}
    select property_id, event_date, fingerprint
    from (
        select property_id, event_date, string_agg(fingerprint, ' ' order by kind) as fingerprint
        from {{ inventory }}
        where problem is null
        group by property_id, event_date
    ) as day
    {%- if ledger is not none %}
    where not exists (
        select 1
        from {{ ledger }} as built
        where
            built.model = 'base_ga4__users'
            and built.property_id = day.property_id
            and built.event_date = day.event_date
            and built.fingerprint = day.fingerprint
    )
    {%- endif %}
{%- endmacro %}


{# After the table of people: the days that it has read. #}
{% macro ga4_record_user_days() %}
    {%- set ledger = ga4_days_ledger() if execute else none -%}
    {%- if ledger is not none -%}
        {%- set differing -%}
        select property_id, event_date, fingerprint, '{{ invocation_id }}' as revision
        from ({{ ga4_user_days_that_differ(ref('base_ga4__user_shards'), ledger) }}) as differing
        {%- endset -%}
        {{ ga4_days_recorded(differing) }}
    {%- endif -%}
{% endmacro %}


{# A day as the export writes it, 20261031; null where it is none. #}
{% macro ga4_day(expression) -%}
    {{ safe_cast_as(
        "concat(substr(" ~ expression ~ ", 1, 4), '-', substr(" ~ expression
        ~ ", 5, 2), '-', substr(" ~ expression ~ ", 7, 2))",
        'date'
    ) }}
{%- endmacro %}
