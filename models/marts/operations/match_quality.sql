{{ config(materialized='view') }}

-- what was sent to advertising platforms by match key,
-- what they took of it and how many persons they found
with runs as (

    select
        run_id,
        sync,
        destination,
        {{ week_of(local_date('started_at')) }} as week
    from {{ ref('stg_sync__runs') }}

),

counts as (

    select replace(run_id, '-later', '') as run_id, audience, status, reason, match_key, row_count
    from {{ ref('stg_sync__run_counts') }}
    where match_key is not null and operation <> 'remove' and status <> 'skipped'

),

answers as (

    select run_id, audience, match_percent_low, match_percent_high, match_records
    from {{ ref('stg_sync__answers') }}
    where match_records is not null

),

by_key as (

    select
        runs.sync,
        runs.destination,
        counts.audience,
        runs.week,
        counts.match_key,
        {%- for name, condition in {
            'sent': 'true',
            'accepted': "counts.status in ('accepted', 'applied')",
            'applied': "counts.status = 'applied'",
            'rejected': "counts.status = 'rejected'",
            'invalid': "counts.status = 'rejected' "
                ~ "and coalesce(counts.reason, 'none') <> 'list refused'",
            'unknown': "counts.status = 'unknown'",
        }.items() %}
        cast(sum(case when {{ condition }} then counts.row_count else 0 end) as int64) as {{ name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from counts
    inner join runs on counts.run_id = runs.run_id
    group by runs.sync, runs.destination, counts.audience, runs.week, counts.match_key

),

-- the rate of a platform that reports bands lies between their ends
rates as (

    select
        runs.sync,
        answers.audience,
        runs.week,
        sum(case when answers.match_percent_low is not null then answers.match_records end)
            as rate_records,
        sum(case when answers.match_percent_low is null then answers.match_records end)
            as records_without_rate,
        sum(answers.match_percent_low * answers.match_records) as found_low,
        sum(answers.match_percent_high * answers.match_records) as found_high
    from answers
    inner join runs on answers.run_id = runs.run_id
    group by runs.sync, answers.audience, runs.week

),

-- what a platform counted on a list before the last run of the week that asked
sizes as (

    select
        sync,
        audience,
        {{ week_of(local_date('asked_at')) }} as week,
        people_low,
        people_high,
        row_number() over (
            partition by sync, audience, {{ week_of(local_date('asked_at')) }}
            order by asked_at desc, run_id desc
        ) as recency
    from {{ ref('stg_sync__answers') }}
    where people_low is not null

),

final as (

    select
        -- ids
        by_key.sync,
        by_key.destination,
        by_key.audience,

        -- strings
        case when by_key.audience is null then 'conversions' else 'members' end as kind,
        by_key.match_key,

        -- rows
        by_key.sent,
        by_key.accepted,
        by_key.applied,
        by_key.rejected,
        by_key.invalid,
        by_key.unknown,

        -- shares
        round(1e4 * by_key.invalid / nullif(by_key.accepted + by_key.invalid, 0)) / 1e4
            as invalid_share,
        round(1e4 * rates.found_low / nullif(100 * rates.rate_records, 0)) / 1e4 as match_rate_low,
        round(1e4 * rates.found_high / nullif(100 * rates.rate_records, 0)) / 1e4
            as match_rate_high,
        cast(rates.rate_records as int64) as rate_records,
        cast(rates.records_without_rate as int64) as records_without_rate,
        sizes.people_low as list_people_low,
        sizes.people_high as list_people_high,

        -- dates
        by_key.week
    from by_key
    left join rates
        on by_key.sync = rates.sync
        and by_key.week = rates.week
        and coalesce(by_key.audience, '') = coalesce(rates.audience, '')
    left join sizes
        on by_key.sync = sizes.sync
        and by_key.week = sizes.week
        and by_key.audience = sizes.audience
        and sizes.recency = 1
    where by_key.sent <> 0

)

select * from final
