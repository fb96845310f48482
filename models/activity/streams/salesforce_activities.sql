{%- set won_value = 'case when is_won then amount end' -%}
{%- set won_currency = 'case when is_won then currency end' -%}
{%- set outcome = "case when is_won then 'opportunity_won' else 'opportunity_lost' end" -%}
{%- set closed_at = timestamp_from_local_text('cast(close_date as string)') -%}
{%- set answered_at = timestamp_from_local_text('cast(first_responded_date as string)') -%}
{%- set happenings = [
    ('leads', 'lead_id', 'lead', "'lead_created'", 'lead_id', 'created_at', 'lead_source', 'true'),
    (
        'leads', 'lead_id', 'lead', "'lead_converted'",
        'lead_id', 'converted_at', 'lead_source', 'is_converted'
    ),
    (
        'opportunities', 'opportunity_id', 'opportunity',
        "'opportunity_created'", 'contact_id', 'created_at', 'stage', 'true'
    ),
    (
        'opportunities', 'opportunity_id', 'opportunity',
        outcome, 'contact_id', closed_at, 'stage', 'is_closed'
    ),
    (
        'members', 'campaign_member_id', 'campaign', "'campaign_responded'", 'member_id',
        answered_at, 'campaign_name', 'has_responded'
    ),
    ('cases', 'case_id', 'case', "'case_opened'", 'contact_id', 'created_at', 'origin', 'true'),
    ('cases', 'case_id', 'case', "'case_closed'", 'contact_id', 'closed_at', 'origin', 'is_closed'),
] -%}

-- what happened in sales and service; a record in the recycle bin did not happen
with persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'salesforce'

),

leads as (

    select *
    from {{ ref('stg_salesforce__leads') }}
    where not is_deleted

),

opportunities as (

    select *
    from {{ ref('stg_salesforce__opportunities') }}
    where not is_deleted

),

members as (

    select
        members.campaign_member_id,
        members.has_responded,
        members.first_responded_date,
        coalesce(members.contact_id, members.lead_id) as member_id,
        campaigns.campaign_name
    from {{ ref('stg_salesforce__campaign_members') }} as members
    left join {{ ref('stg_salesforce__campaigns') }} as campaigns
        on members.campaign_id = campaigns.campaign_id
    where not members.is_deleted

),

cases as (

    select *
    from {{ ref('stg_salesforce__cases') }}
    where not is_deleted

),

happened as (

    {% for relation, id, object_type, action, who, moment, object_name, condition in happenings -%}
    {%- set has_value = action == outcome -%}
    select
        {{ id }} as record_id,
        {{ action }} as action,
        {{ who }} as who,
        {{ moment }} as occurred_at,
        '{{ object_type }}' as object_type,
        {{ object_name }} as object_name,
        {{ won_value if has_value else 'cast(null as ' ~ float64() ~ ')' }} as value,
        {{ won_currency if has_value else 'cast(null as string)' }} as currency
    from {{ relation }}
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        {{ surrogate_key(["'salesforce'", 'happened.record_id', 'happened.action']) }}
            as activity_id,
        persons.person_id,
        cast(null as string) as device_id,
        happened.occurred_at,
        {{ local_date('happened.occurred_at') }} as activity_date,
        {{ order_of_micros(micros_of('happened.occurred_at')) }} as activity_order,
        'salesforce' as source,
        happened.action,
        happened.object_type,
        happened.record_id as object_id,
        happened.object_name,
        happened.value,
        happened.currency,
        cast(null as string) as session_key,
        cast(null as string) as channel_group,
        cast(null as string) as campaign
    from happened
    left join persons on happened.who = persons.record_id
    where happened.occurred_at is not null

)

select * from final
