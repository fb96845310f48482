{%- set rules = tier_rules() -%}
{%- set conversions, changes = ref('conversions'), ref('conversion_changes') -%}
{%- set ranks = [] -%}
{%- for rule in rules %}{% do ranks.append([text_literal(rule.name), loop.index]) %}{% endfor -%}

-- what tier each person had when, from landed uploads or verified conversions alone:
-- nothing is lost by a build that did not run
with
{% if rules -%}
chosen as (

    {{ tiers_by_rules(rules, conversions, changes) }}

),
{%- else -%}
changes as (

    select customer_no, upload_number, listed_at, tier, registered_at, is_listed
    from {{ ref('customer_number_changes') }}

),

of_persons as (

    select changes.*, record_persons.person_id
    from changes
    inner join {{ ref('record_persons') }} as record_persons
        on changes.customer_no = record_persons.record_id
        and record_persons.source = 'crm'
    where record_persons.person_id is not null

),

moments as (

    select person_id, listed_at, max(upload_number) as upload_number
    from of_persons
    group by person_id, listed_at

),

-- all numbers of the person as they were by then
by_then as (

    select
        moments.person_id,
        moments.listed_at,
        of_persons.customer_no,
        of_persons.tier,
        of_persons.registered_at,
        of_persons.is_listed
    from moments
    inner join of_persons
        on moments.person_id = of_persons.person_id
        and moments.upload_number >= of_persons.upload_number
    qualify row_number() over (
        partition by moments.person_id, moments.listed_at, of_persons.customer_no
        order by of_persons.upload_number desc
    ) = 1

),

-- of several numbers the one whose tier counts is that of customer_values
chosen as (

    select person_id, listed_at, tier
    from by_then
    qualify row_number() over (
        partition by person_id, listed_at
        order by
            case when tier is null then 1 else 0 end,
            case when is_listed then 0 else 1 end,
            coalesce(registered_at, cast('1970-01-01 00:00:00' as timestamp)) desc,
            customer_no desc
    ) = 1

),
{%- endif %}

changed as (

    select *
    from (
        select
            chosen.*,
            lag(tier) over (partition by person_id order by listed_at) as previous_tier,
            row_number() over (partition by person_id order by listed_at) as place
        from chosen
    ) as compared_again
    where place = 1 or coalesce(tier, '') <> coalesce(previous_tier, '')

),

with_end as (

    select
        person_id,
        tier,
        previous_tier,
        listed_at as valid_from,
        lead(listed_at) over (partition by person_id order by listed_at) as valid_to
    from changed

),

tiers as (

    {% if rules -%}
    {{ rows_of({'tier': 'string', 'tier_rank': 'int64'}, ranks) }}
    {%- else -%}
    select tier, tier_rank
    from {{ list_of('tiers') }}
    {%- endif %}

),

final as (

    select
        with_end.person_id,
        with_end.tier,
        with_end.previous_tier,
        with_end.valid_from,
        with_end.valid_to,
        {{ text_literal('rules' if rules else 'crm') }} as source,
        tiers.tier_rank,
        tiers.tier is not null as is_in_list
    from with_end
    left join tiers on with_end.tier = tiers.tier
    where with_end.tier is not null

)

select * from final
