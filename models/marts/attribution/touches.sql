{%- set specs = touch_specs()
    or [{'action': 'none', 'kind': 'offline', 'channel_group': 'none'}] -%}
{%- set names = [
    'touch_kind', 'person_id', 'device_id', 'touched_at',
    'touch_date', 'channel_group', 'channel_plus', 'source', 'medium',
    'campaign',
] -%}
{%- set click_ids = click_id_names() | map('lower') | list -%}

-- what could have led to a conversion: visits, clicks in messages, and what else the rules name
with sessions as (

    select
        session_key as touch_of,
        'session' as touch_kind,
        person_id, device_id, started_at as touched_at, session_date as touch_date, channel_group,
        channel_plus, source, medium, campaign, campaign_id,
        {% for name in click_id_names() -%}
        {{ 'gclid' if name == 'gclid' else address_parameter('landing_page', name) }}
            as {{ name | lower }},
        {% endfor -%}
        {{ is_direct('source', 'medium') }} as is_direct
    from {{ ref('sessions') }}
    where traffic_kind = 'visitor' and {{ has_happened('started_at', [ref('sessions')]) }}

),

activities as (

    select *
    from {{ ref('activities') }}
    where action in ({{ text_literals(specs | map(attribute='action') | unique | list) }})

),

other_touches as (

    {% for spec in specs -%}
    select
        activity_id as touch_of,
        {{ text_literal(spec.kind) }} as touch_kind,
        person_id,
        device_id,
        occurred_at as touched_at,
        activity_date as touch_date,
        {{ touch_channel(spec) }} as channel_group,
        {{ touch_channel(spec) }} as channel_plus,
        source,
        object_type as medium,
        {{ 'campaign' if spec.kind == 'offline' else 'object_name' }} as campaign,
        {{ 'cast(null as string)' if spec.kind == 'offline' else 'object_id' }} as campaign_id,
        {{ plus_duration('occurred_at', spec.same_visit) if spec.get(
            'same_visit'
        ) else 'cast(null as timestamp)' }} as visit_until
    from activities
    where {{ meets_condition('activities', {'action': spec.action, 'where': spec.get('where')}) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- a click and the visit that it led to are one touch: the visit, which then knows the campaign's id
visits as (

    select
        other_touches.touch_of, sessions.touch_of as session_key,
        other_touches.campaign_id, other_touches.touched_at
    from other_touches
    inner join sessions
        on other_touches.person_id = sessions.person_id
        and other_touches.channel_group = sessions.channel_group
        and other_touches.touched_at <= sessions.touched_at
        and other_touches.visit_until >= sessions.touched_at
    qualify
        row_number() over (
            partition by other_touches.touch_of order by sessions.touched_at, sessions.touch_of
        ) = 1

),

visited_campaigns as (

    select
        session_key,
        {{ last_by('campaign_id', 'touched_at') }} as campaign_id,
        {{ last_by('touch_of', 'touched_at') }} as activity_id
    from visits
    group by session_key

),

combined as (

    select
        sessions.touch_of,
        sessions.{{ names | join(', sessions.') }},
        coalesce(sessions.campaign_id, visited_campaigns.campaign_id) as campaign_id,
        visited_campaigns.activity_id,
        {% for name in click_ids -%}
        sessions.{{ name }},
        {% endfor -%}
        sessions.is_direct
    from sessions
    left join visited_campaigns on sessions.touch_of = visited_campaigns.session_key

    union all

    select
        other_touches.touch_of,
        other_touches.{{ names | join(', other_touches.') }},
        other_touches.campaign_id,
        other_touches.touch_of as activity_id,
        {% for name in click_ids -%}
        cast(null as string) as {{ name }},
        {% endfor -%}
        false as is_direct
    from other_touches
    left join visits on other_touches.touch_of = visits.touch_of
    where visits.touch_of is null

),

-- who does not want to be tracked is no person here: only the device tells what belongs together
untracked as (

    {{ untracked_persons() }}

),

final as (

    select
        {{ surrogate_key(['combined.touch_kind', 'combined.touch_of']) }} as touch_key,
        case when untracked.person_id is null then combined.person_id end as person_id,
        combined.device_id,
        coalesce(
            case when untracked.person_id is null then combined.person_id end, combined.device_id
        ) as subject_id,
        combined.touch_kind,
        combined.touch_of,
        combined.touched_at,
        combined.touch_date,
        coalesce(combined.channel_group, 'Unassigned') as channel_group,
        combined.channel_plus,
        combined.source,
        combined.medium,
        combined.campaign,
        combined.campaign_id,
        combined.activity_id,
        {% for name in click_ids -%}
        combined.{{ name }},
        {% endfor -%}
        combined.is_direct
    from combined
    left join untracked on combined.person_id = untracked.person_id

)

select * from final
