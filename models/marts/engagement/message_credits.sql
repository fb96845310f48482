-- what the model of attribution gives to a message:
-- the credits of the clicks in it, and of the visits that they led to
with credits as (

    select
        conversion_key, touch_key, credit, credited_value,
        credited_verified, credited_verified_value
    from {{ ref('attribution_credits') }}
    where model = {{ text_literal(var('returns_model')) }} and touch_key is not null

),

touches as (

    select touch_key, activity_id
    from {{ ref('touches') }}
    where activity_id is not null

),

clicks as (

    select activity_id, message_key
    from {{ ref('message_clicks') }}

),

final as (

    select
        clicks.message_key,
        count(distinct credits.conversion_key) as conversions,
        round(sum(credits.credit), 6) as credited_conversions,
        round(sum(credits.credited_value), 4) as credited_value,
        round(sum(credits.credited_verified), 6) as credited_verified,
        round(sum(credits.credited_verified_value), 4) as credited_verified_value
    from credits
    inner join touches on credits.touch_key = touches.touch_key
    inner join clicks on touches.activity_id = clicks.activity_id
    group by clicks.message_key

)

select * from final
