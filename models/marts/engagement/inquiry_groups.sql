-- how often each group was asked about in a week; inquiries that were merged into another are one
with inquiries as (

    select *, {{ week_of('received_date') }} as week
    from {{ ref('inquiries') }}
    where is_root

),

final as (

    select
        week,
        inquiry_group,
        count(*) as inquiries,
        {{ six_decimals('count(*) / sum(count(*)) over (partition by week)') }} as share,
        count(distinct person_id) as persons,
        count(case when person_id is null then 1 end) as inquiries_without_person,
        cast(sum(merged_inquiries) as int64) as merged_inquiries,
        count(case when reopenings > 0 then 1 end) as reopened_inquiries,
        count(case when is_open then 1 end) as open_inquiries,
        count(case when first_answered_at is not null then 1 end) as answered_inquiries,
        count(case when groups_matched > 1 then 1 end) as inquiries_of_several_groups,
        count(case when merge_problem is not null then 1 end) as merge_problems,
        min(rules_version) as rules_version
    from inquiries
    group by week, inquiry_group

)

select * from final
