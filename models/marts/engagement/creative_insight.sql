{%- set columns = [
    'channel', 'campaign_id', 'campaign_name', 'action', 'object_type', 'object',
    'persons_with', 'converters_with', 'persons_without', 'converters_without',
] -%}

-- what people who converted after a campaign had searched, viewed and asked before it,
-- against those who did not
with messages as (

    select
        channel, coalesce(campaign_id, canvas_id) as campaign_id,
        campaign_name, person_id, reached_at, conversions
    from {{ ref('messages') }}
    where person_id is not null and window_ends_at <= {{ as_of() }}

),

-- one row per campaign and person: what they did before its first message counts
recipients as (

    select
        channel,
        campaign_id,
        person_id,
        max(campaign_name) as campaign_name,
        min(reached_at) as first_reached_at,
        {{ timestamp_plus('min(reached_at)', '-' ~ var('insight_days'), 'day') }} as earliest_at,
        max(case when conversions > 0 then 1 else 0 end) as has_converted
    from messages
    group by channel, campaign_id, person_id

),

campaigns as (

    select
        channel,
        campaign_id,
        max(campaign_name) as campaign_name,
        count(*) as persons,
        cast(sum(has_converted) as int64) as converters
    from recipients
    group by channel, campaign_id

),

interests as (

    select
        person_id,
        occurred_at,
        action,
        object_type,
        -- an inquiry's id is a number of its own; its name says what it is about
        case source when 'inquiry' then object_name else coalesce(object_id, object_name) end
            as object
    from {{ ref('activities') }}
    where person_id is not null and action in ({{ text_literals(var('insight_actions')) }})

),

interested as (

    select distinct
        recipients.channel,
        recipients.campaign_id,
        recipients.person_id,
        recipients.has_converted,
        interests.action,
        interests.object_type,
        interests.object
    from recipients
    inner join interests
        on recipients.person_id = interests.person_id
        and recipients.first_reached_at > interests.occurred_at
        and recipients.earliest_at <= interests.occurred_at
    where interests.object is not null

),

counted as (

    select
        channel,
        campaign_id,
        action,
        object_type,
        object,
        count(*) as persons_with,
        cast(sum(has_converted) as int64) as converters_with
    from interested
    group by channel, campaign_id, action, object_type, object

),

with_others as (

    select
        counted.*,
        campaigns.campaign_name,
        campaigns.persons - counted.persons_with as persons_without,
        campaigns.converters - counted.converters_with as converters_without
    from counted
    inner join campaigns
        on counted.channel = campaigns.channel
        and coalesce(counted.campaign_id, '') = coalesce(campaigns.campaign_id, '')

),

compared as (

    select
        *,
        {{ share_contrast('converters', 'persons') }},
        persons_with >= {{ var('insight_least_persons') }}
        and persons_without >= {{ var('insight_least_persons') }} as has_support
    from with_others

),

final as (

    select
        {{ surrogate_key(['channel', 'campaign_id', 'action', 'object_type', 'object']) }}
            as insight_key,
        {{ columns | join(', ') }},
        rate_with,
        rate_without,
        lift,
        difference,
        difference_low,
        difference_high,
        has_support,
        case
            when has_support
                then row_number() over (
                    partition by channel, campaign_id, has_support
                    order by difference_low desc, difference desc, action, object_type, object
                )
        end as place
    from compared

)

select * from final
