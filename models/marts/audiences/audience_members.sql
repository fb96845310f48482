with candidates as (

    select audience, person_id, matched_activities, last_matched_at, rule_version
    from {{ ref('audience_candidates') }}
    where person_id is not null

),

-- of the reasons on several channels the one that is closest to being allowed
permits as (

    select
        permits.audience,
        permits.person_id,
        count(case when permits.held_back_reason is null then 1 end) as allowed_channels,
        {{ last_by('permits.held_back_reason', 'reasons.step') }} as closest_reason
    from {{ ref('audience_permits') }} as permits
    left join {{ list_of('contact_reasons') }} as reasons
        on permits.held_back_reason = reasons.reason
    where permits.is_first_purpose
    group by permits.audience, permits.person_id

),

-- the list of customers that membership and consent rest on may be old
crm as (

    select max(last_loaded_at) as crm_as_of
    from {{ ref('source_freshness') }}
    where is_crm

),

final as (

    select
        candidates.audience,
        candidates.person_id,
        candidates.matched_activities,
        candidates.last_matched_at,
        permits.allowed_channels > 0 as is_contactable,
        case when permits.allowed_channels > 0 then 'allowed' else permits.closest_reason end
            as contact_reason,
        candidates.rule_version,
        crm.crm_as_of
    from candidates
    cross join crm
    inner join permits
        on candidates.audience = permits.audience
        and candidates.person_id = permits.person_id

)

select * from final
