{{ config(materialized='append_when_changed', schema='history') }}

{%- set log = logged() -%}
{%- set figures = restated_figures() -%}
{%- set places = ['activity_date', 'channel_group', 'campaign_key', 'conversion_type'] -%}
{%- set names = ['fact_key', 'fact_kind', 'happened_date', 'conversion_key', 'person_id']
    + places + figures -%}
{%- set differ = [] -%}
{%- for name in names[2:] -%}
    {%- do differ.append('facts.' ~ name ~ ' is distinct from earlier.' ~ name) -%}
{%- endfor %}

-- each fact that changed since the build before: what it added goes out, what it adds now goes in
with facts as (

    select {{ names | join(', ') }}
    from {{ ref('figure_facts') }}

),

logged as (

    {% if log is none -%}
    select
        {{ names | join(', ') }}, cast(0 as int64) as build,
        {{ as_of() }} as known_at, '' as rules, '' as entry
    from facts
    where false
    {%- else -%}
    select {{ names | join(', ') }}, build, known_at, rules, entry
    from {{ log }}
    {%- endif %}

),

builds as (

    select
        coalesce(max(build), 0) as last_build,
        coalesce({{ last_by('rules', 'build') }}, '') as last_rules,
        max({{ local_date('known_at') }}) as last_day,
        max(case when fact_kind <> 'cost' then happened_date end) as last_happened_date
    from logged

),

-- how each fact stood after the build before
earlier as (

    select *
    from logged
    qualify
        row_number() over (partition by fact_key order by build desc, entry) = 1
        and entry = 'in'

),

-- whose each conversion was, at the build before and now
conversions_before as (

    select conversion_key, max(person_id) as person_id
    from earlier
    where conversion_key is not null
    group by conversion_key

),

conversions_now as (

    select conversion_key, max(person_id) as person_id
    from facts
    where conversion_key is not null
    group by conversion_key

),

owners as (

    select
        conversions_before.conversion_key,
        coalesce(conversions_before.person_id, '') <> coalesce(conversions_now.person_id, '')
            as is_of_another
    from conversions_before
    inner join conversions_now on conversions_before.conversion_key = conversions_now.conversion_key

),

changed as (

    select
        coalesce(facts.fact_key, earlier.fact_key) as changed_key,
        coalesce(facts.conversion_key, earlier.conversion_key) as changed_conversion,
        facts.fact_key is not null as is_there, earlier.fact_key is not null as was_there,
        coalesce(facts.fact_kind, earlier.fact_kind) as changed_kind,
        facts.happened_date as happens_on,
        facts.verified_conversions > earlier.verified_conversions
        or facts.verified_value > earlier.verified_value as is_verified_now,
        coalesce(facts.channel_group, '') <> coalesce(earlier.channel_group, '')
        or coalesce(facts.campaign_key, '') <> coalesce(earlier.campaign_key, '') as is_elsewhere
    from facts
    full outer join earlier on facts.fact_key = earlier.fact_key
    where facts.fact_key is null or earlier.fact_key is null or {{ differ | join(' or ') }}

),

-- the first cause that holds
caused as (

    select
        changed.changed_key, changed.is_there, changed.was_there, builds.last_build + 1 as build,
        case
            when builds.last_build = 0 then 'new'
            when changed.changed_kind = 'cost' and not changed.was_there
                and changed.happens_on >= builds.last_day then 'new'
            when changed.changed_kind = 'cost' and changed.was_there and changed.is_there
                and changed.is_elsewhere then 'reassigned'
            when changed.changed_kind = 'cost' then 'cost'
            when owners.is_of_another then 'merge_or_unmerge'
            when not changed.was_there
            and changed.changed_kind = 'conversion'
            and owners.conversion_key is null
            and (
                changed.happens_on >= builds.last_day
                or changed.happens_on > builds.last_happened_date
            ) then 'new'
            when builds.last_rules <> {{ text_literal(figure_rules()) }} then 'rule'
            when changed.changed_kind = 'reversal' and not changed.was_there then 'cancellation'
            when changed.is_verified_now then 'verification'
            when changed.is_elsewhere and changed.was_there and changed.is_there then 'reassigned'
            else 'late_data'
        end as cause
    from changed
    cross join builds
    left join owners on changed.changed_conversion = owners.conversion_key

),

final as (

    {% for entry, relation, condition, sign in [
        ('out', 'earlier', 'was_there', '0 - '), ('in', 'facts', 'is_there', ''),
    ] -%}
    select
        {% for name in names -%}
        {{ (sign if name in figures) ~ relation }}.{{ name }} as {{ name }},
        {% endfor -%}
        caused.build,
        {{ as_of() }} as known_at,
        {{ text_literal(figure_rules()) }} as rules,
        '{{ entry }}' as entry,
        caused.cause
    from caused
    inner join {{ relation }} on caused.changed_key = {{ relation }}.fact_key
    where caused.{{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
