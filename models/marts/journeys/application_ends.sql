-- applications that came to nothing, were taken back or were ended later,
-- with the reason in words of lists
with applications as (

    select
        application_key, application_id, person_id, product,
        branch_id, status, meaning, reason, last_at
    from {{ ref('outcome_latest') }}
    where meaning in ('lost', 'reversed', 'churned')

),

reasons as (

    {{ words_of(list_of('outcome_reasons'), ['reason', 'detail']) }}

),

final as (

    select
        applications.application_key,
        applications.application_id,
        applications.person_id,
        applications.product,
        applications.branch_id,
        applications.status,
        applications.meaning,
        coalesce(nullif(reasons.reason, ''), applications.status) as reason,
        nullif(reasons.detail, '') as detail,
        applications.reason is not null and reasons.word_key is null as has_unlisted_reason,
        applications.last_at as ended_at
    from applications
    left join reasons on {{ word_key('applications.reason') }} = reasons.word_key

)

select * from final
