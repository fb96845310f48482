{#
    The entries of a funnel with an order, as CTEs up to `filled`: the one that counts of each lane
    or subject. The chain is that of funnel_link, with further conditions between two steps: the
    time, the activities in between, a tolerance.
#}
{% macro funnel_ordered_entries(done, said) -%}
{%- set links = said.links | length -%}
{%- set is_open = said.entry == 'open' -%}
started as (

    select
        lane,
        {{ 'life,' if said.chooser == 'life' }}
        {{ 'place_in_life,' if said.order == 'strict' }}
        {{ 'moment as begun,' if is_open }}
        link,
        kind,
        moment,
        turn,
        activity_order
    from {{ done }}
    where kind in (0, 1)

),

{% for k in range(1, links + 1) -%}
link_{{ k }} as (

    {{ funnel_path_link('started' if k == 1 else 'link_' ~ (k - 1), k, said) }}

),

{% endfor -%}
reached as (

    {% for k in range(1, links + 1) -%}
    select
        lane,
        {{ said.chooser }} as chooser,
        {{ k }} as link_reached,
        {{ 'begun' if is_open else 'moment_1 as begun' }},
        moment as arrived,
        {%- for j in range(1, links + 1) %}
        {{ (
            'nullif(moment_' ~ j ~ ', -1)' if is_open else 'moment_' ~ j
        ) if j <= k else 'cast(null as int64)' }} as link_moment_{{ j }}{{ ',' if not loop.last }}
        {%- endfor %}
    from link_{{ k }}
    where kind = 0 and link = {{ k }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

furthest as (

    select *
    from reached
    qualify row_number() over (
        partition by chooser
        order by
            {{ 'begun,' if said.reentry == 'first' }}
            link_reached desc,
            {%- if is_open %}
            {% for j in range(1, links + 1) %}
            case when link_moment_{{ j }} is null then 1 else 0 end{{ ' + ' if not loop.last }}
            {% endfor %},
            {%- endif %}
            arrived,
            begun
    ) = 1

),

{{ funnel_first_moments('furthest', done, said) }}

{{ funnel_filled('earliest', done, said) }}
{%- endmacro %}


{#
    One link of the chain, as funnel_link. A funnel whose first entry counts looks back at the first
    activity that reached a step, every other at the last. What lies within the tolerance of each
    other counts as in order, to the end of it.
    With an open entry a step that continues nothing begins an entry itself; what it left out has
    the moment -1.
#}
{% macro funnel_path_link(rows, k, said) -%}
    {%- set is_open, is_strict = said.entry == 'open', said.order == 'strict' -%}
    {%- set is_last = k == said.links | length -%}
    {%- set keeps = 'first_value' if said.reentry == 'first' else 'last_value' -%}
    {%- set is_excluded = k in funnel_excluded_links(said, 1) -%}
    {%- set begun = 'back_begun' if is_open else 'back_1' -%}
    {%- set carried = [] -%}
    {%- for j in range(1, k) %}
        {% do carried.append(['moment_' ~ j, 'moment_' ~ j, 'back_' ~ j]) %}
    {% endfor -%}
    {%- do carried.append(['moment_' ~ k, 'moment', 'back_' ~ k]) -%}
    {%- if is_open %}{% do carried.append(['begun', 'begun', 'back_begun']) %}{% endif -%}
    {%- set follows = ['moment - ' ~ said.window_micros ~ ' <= ' ~ begun] -%}
    {%- set follows_next = [] -%}
    {%- if not is_last -%}
        {%- set within = said.required[k].get('within') -%}
        {%- if within %}
            {% do follows_next.append('moment - ' ~ duration_micros(within) ~ ' <= back_' ~ k) %}
        {% endif -%}
        {%- if is_strict %}
            {% do follows_next.append('place_in_life = back_place + 1') %}
        {% endif -%}
        {%- if is_excluded %}
            {% do follows_next.append('coalesce(excluded_at, -1) <= back_' ~ k) %}
        {% endif -%}
    {%- endif -%}
    {%- set continues = '(' ~ (follows + follows_next) | join(' and ') ~ ')' -%}
    select
        lane,
        {{ 'life,' if said.chooser == 'life' }}
        {{ 'place_in_life,' if is_strict }}
        link,
        kind,
        moment,
        turn,
        activity_order,
        {%- for name, own, back in carried %}
        {%- if is_open %}
        case
            when link = {{ k }} then {{ own }}
            when kind = 0 and coalesce({{ continues }}, false) then {{ back }}
            else {{ 'moment' if name == 'begun' else '-1' }}
        end as {{ name }}{{ ',' if not loop.last }}
        {%- else %}
        case when link = {{ k }} then {{ own }} else {{ back }} end
            as {{ name }}{{ ',' if not loop.last }}
        {%- endif %}
        {%- endfor %}
    from (
        select
            *,
            {%- if is_strict %}
            {{ keeps }}(
                case when kind = 0 and link = {{ k }} then place_in_life end ignore nulls
            ) over looking_back as back_place,
            {%- endif %}
            {%- if is_excluded %}
            max(case when kind = 1 and link = {{ k }} then moment end) over looking_back
                as excluded_at,
            {%- endif %}
            {%- for name, own, back in carried %}
            {{ keeps }}(
                case when kind = 0 and link = {{ k }} then {{ own }} end ignore nulls
            ) over looking_back as {{ back }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ rows }}
        where link >= {{ k }}
        window looking_back as (
            partition by lane
            order by
                turn,
                {{ 'link, activity_order' if said.tie_micros else 'activity_order, link desc' }},
                kind
            rows between unbounded preceding and 1 preceding
        )
    ) as looked_back
    where
        case
            when kind = 1 then link > {{ k }}
            when link = {{ k }} then {{ 'true' if is_open else 'back_' ~ k ~ ' is null' }}
            {%- if not is_open %}
            when link = {{ k + 1 }} then {{ continues }}
            else {{ follows[0] }}
            {%- else %}
            else true
            {%- endif %}
        end
{%- endmacro %}


{#
    Entries with their first step as the funnel counts it: with reentry best,
    the earliest activity that can be it. And the moment until which they can go on.
#}
{% macro funnel_first_moments(entries, done, said) -%}
{%- set links = said.links | length -%}
{%- set is_best = said.reentry == 'best'
    and said.order == 'ordered'
    and said.entry == 'closed'
    and said['count'] != 'entries' -%}
{%- set excluded = funnel_excluded_links(said, 1) -%}
{%- if is_best %}
{%- if 1 in excluded %}
excluded_before as (

    select entries.lane, max(done.moment) as moment
    from {{ entries }} as entries
    inner join {{ done }} as done
        on entries.lane = done.lane
        and done.kind = 1
        and done.link = 1
        and done.moment < entries.link_moment_2
    group by entries.lane

),

{% endif %}
earlier as (

    select entries.lane, min(done.moment) as moment
    from {{ entries }} as entries
    inner join {{ done }} as done
        on entries.lane = done.lane
        and done.kind = 0
        and done.link = 1
        and done.moment between entries.arrived - {{ said.window_micros }} and entries.link_moment_1
        {%- if said.required[1].get('within') %}
        and done.moment
            >= coalesce(entries.link_moment_2, entries.link_moment_1)
                - {{ duration_micros(said.required[1].within) }}
        {%- endif %}
    {%- if 1 in excluded %}
    left join excluded_before on entries.lane = excluded_before.lane
    where done.moment > coalesce(excluded_before.moment, -1)
    {%- endif %}
    group by entries.lane

),
{% endif %}
{{ funnel_closes(entries, done, said) }}
earliest as (

    select
        entries.lane,
        {{ 'coalesce(earlier.moment, entries.begun)' if is_best else 'entries.begun' }} as begun,
        {{ funnel_closing_moment(
            'coalesce(earlier.moment, entries.begun)' if is_best else 'entries.begun', said
        ) }} as closes,
        {%- for step in said.steps %}
        {%- set link = said.links.index(step.name) + 1 if step.name in said.links else 0 %}
        {{
            'cast(null as int64)'
            if not link else 'coalesce(earlier.moment, entries.link_moment_1)'
            if is_best and link == 1 else 'entries.link_moment_' ~ link
        }} as moment_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ entries }} as entries
    {%- if is_best %}
    left join earlier on entries.lane = earlier.lane
    {%- endif %}
    {%- if excluded %}
    left join stopped on entries.lane = stopped.lane
    {%- endif %}
    {%- if said['count'] == 'entries' %}
    left join followed on entries.lane = followed.lane
    {%- endif %}

),
{%- endmacro %}
