{{ config(cluster_by=clustered_by(['action', 'person_id'])) }}
{%- set outcomes = ref('offline_activities') -%}
{%- set branches = [
    ref('web_activities'), outcomes, ref('shop_activities'), ref('web_order_activities'),
    ref('consent_activities'), ref('crm_activities'), ref('braze_activities'),
    ref('inquiry_activities'), ref('salesforce_activities'), ref('own_activities'),
] -%}
{%- set columns = [
    'activity_id', 'person_id', 'device_id', 'occurred_at', 'activity_date', 'activity_order',
    'source', 'action', 'object_type', 'object_id', 'object_name', 'value', 'currency',
    'session_key', 'channel_group', 'campaign',
] -%}

-- the one stream: whatever happened, wherever it came from, is one row;
-- a new source is one more branch
with combined as (

    {% for branch in branches -%}
    select
        {{ columns | join(', ') }},
        {% for column, type in {'fulfilled': 'int64', 'reason': 'string'}.items() -%}
        {{
            column if branch == outcomes else 'cast(null as ' ~ type ~ ') as ' ~ column
        }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ branch }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- what lies after the run's clock has not happened yet
final as (

    select
        *,
        coalesce(person_id, device_id) as subject_id
    from combined
    where {{ has_happened('occurred_at', branches) }}

)

select * from final
