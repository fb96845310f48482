{%- set problems = {
    'no_person': ['1 = 1', 'person_id is null'],
    'no_campaign': ['1 = 1', 'coalesce(campaign_id, canvas_id) is null'],
    'no_sending': ['is_listed', 'started_at is null'],
    'response_before_sending': ['1 = 1', 'has_early_response'],
    'response_not_reached': [
        'is_listed',
        'started_at is not null and reached_at is null '
        ~ 'and coalesce(opened_at, clicked_at) is not null',
    ],
    'channel_not_listed': ['1 = 1', 'not is_listed'],
    'no_price': ['reached_at is not null', 'reached_at is not null and cost is null'],
} -%}

-- what is odd about messages, counted, so that no rate hides it
with channels as (

    select channel
    from {{ list_of('message_channels') }}
    where coalesce(conversion_type, '') = ''

),

messages as (

    select messages.*, channels.channel is not null as is_listed
    from {{ ref('messages') }} as messages
    left join channels on messages.channel = channels.channel

),

counted as (

    select
        channel,
        {% for problem, (among, condition) in problems.items() -%}
        count(case when {{ among }} then 1 end) as among_{{ problem }},
        count(case when {{ condition }} then 1 end) as {{ problem }}{{ ',' if not loop.last }}
        {% endfor -%}
    from messages
    group by channel

),

left_out as (

    select
        channel,
        count(*) as events,
        count(case when is_test then 1 end) as tests,
        count(case when is_deleted and not is_test then 1 end) as deleted
    from {{ ref('stg_braze__messages') }}
    group by channel

),

final as (

    {% for problem in problems -%}
    select
        channel,
        '{{ problem }}' as problem,
        'message' as of_what,
        {{ problem }} as found,
        among_{{ problem }} as among
    from counted

    union all

    {% endfor -%}
    select channel, 'test' as problem, 'event' as of_what, tests as found, events as among
    from left_out

    union all

    select channel, 'deleted_user' as problem, 'event' as of_what, deleted as found, events as among
    from left_out

)

select * from final
