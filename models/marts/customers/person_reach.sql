-- on which channels a person may be contacted for any purpose,
-- else the reason that is nearest to a yes
with contactability as (

    select person_id, reason, is_allowed, case when is_allowed then channel end as open_channel
    from {{ ref('contactability') }}

),

reasons as (

    select reason, step
    from {{ list_of('contact_reasons') }}

),

final as (

    select
        contactability.person_id,
        {{ any_true('contactability.is_allowed') }} as is_reachable,
        string_agg(distinct contactability.open_channel, ', ' order by contactability.open_channel)
            as reachable_channels,
        case
            when not {{ any_true('contactability.is_allowed') }}
                then {{ last_by('contactability.reason', 'coalesce(reasons.step, 0)') }}
        end as not_reachable_reason
    from contactability
    left join reasons on contactability.reason = reasons.reason
    group by contactability.person_id

)

select * from final
