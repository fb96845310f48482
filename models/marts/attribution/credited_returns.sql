-- each credit with its campaign, the day of its touch and the days of what happened
with credits as (

    select *
    from {{ ref('attribution_credits') }}

),

touches as (

    select
        touch_key,
        touch_kind,
        touch_date,
        source,
        campaign,
        {{ surrogate_key(['source', 'medium', 'campaign', 'campaign_id']) }} as link_key
    from {{ ref('touches') }}

),

links as (

    select link_key, campaign_key
    from {{ ref('link_campaigns') }}

),

conversions as (

    select
        conversion_key,
        conversion_date,
        {{ local_date('verified_at') }} as verified_date,
        is_new_customer
    from {{ ref('conversions') }}

),

expectations as (

    select
        conversion_key, final_probability, expected_value,
        expected_value_variance, expected_value_error
    from {{ ref('conversion_expectations') }}
    where is_now

),

final as (

    select
        {{ surrogate_key([
            'credits.conversion_key', 'credits.model', 'credits.touch_key', 'credits.channel_group',
            'credits.change_number',
        ]) }} as credit_key,
        credits.conversion_key,
        credits.touch_key,
        credits.model,
        credits.entry,
        credits.change_number,
        credits.conversion_type,
        credits.channel_group,
        case
            when credits.touch_key is null then {{ surrogate_key(["'no campaign'"]) }}
            else coalesce(
                links.campaign_key,
                {{ unbilled_campaign_key('touches.source', 'touches.campaign') }}
            )
        end as campaign_key,
        touches.touch_kind,
        touches.source,
        conversions.is_new_customer,
        coalesce(touches.touch_date, conversions.conversion_date) as touch_date,
        conversions.conversion_date,
        coalesce(
            case when credits.entry = 'reversal' then credits.entry_date end,
            conversions.verified_date
        ) as verified_date,
        credits.credit,
        credits.credited_value,
        credits.credited_verified,
        credits.credited_verified_value,
        -- whole units, so that sums are the same in whatever order they are made
        case
            when credits.entry = 'conversion'
                then round(1e6 * credits.credit * expectations.final_probability) / 1e6
            else 0
        end as expected,
        case
            when credits.entry = 'conversion'
                then round(1e6 * credits.credit * expectations.expected_value) / 1e6
            else 0
        end as expected_value,
        case
            when credits.entry = 'conversion'
                then round(
                    1e2 * credits.credit * credits.credit * expectations.expected_value_variance
                ) / 1e2
            else 0
        end as expected_value_variance,
        case
            when credits.entry = 'conversion'
                then round(1e6 * credits.credit * expectations.expected_value_error) / 1e6
            else 0
        end as expected_value_error
    from credits
    inner join conversions on credits.conversion_key = conversions.conversion_key
    left join touches on credits.touch_key = touches.touch_key
    left join links on touches.link_key = links.link_key
    left join expectations on credits.conversion_key = expectations.conversion_key

)

select * from final
