{% snapshot audience_member_versions %}

{{ config(
    unique_key=['audience', 'anchor_key'],
    strategy='timestamp',
    updated_at='as_of',
) }}

{%- set log = logged() %}

-- only what differs from the last version:
-- by the strategy, each row that is selected at a later clock is a new version
with members as (

    select audience, person_id
    from {{ ref('audience_members') }}

),

known as (

    {% if log is none -%}
    select audience, person_id as anchor_key, true as is_member
    from members
    where false
    {%- else -%}
    select audience, anchor_key, is_member
    from {{ log }}
    where dbt_valid_to is null
    {%- endif %}

),

-- an anchor leads to the person who has the identifier now, also after a merge
resolved as (

    select
        known.audience,
        known.anchor_key,
        known.is_member as was_member,
        members.person_id is not null as is_member
    from known
    left join {{ ref('person_identifiers') }} as identifiers
        on known.anchor_key = identifiers.identifier_key
    left join members
        on known.audience = members.audience
        and identifiers.person_id = members.person_id

),

changed as (

    select audience, anchor_key, is_member
    from resolved
    where is_member <> was_member

    union all

    -- a person_id is the key of the person's anchor
    select members.audience, members.person_id as anchor_key, true as is_member
    from members
    left join known
        on members.audience = known.audience
        and members.person_id = known.anchor_key
    where known.anchor_key is null

),

final as (

    select
        audience,
        anchor_key,
        is_member,
        {{ as_of() }} as as_of
    from changed

)

select * from final

{% endsnapshot %}
