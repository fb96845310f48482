with records as (

    select * from {{ ref('identity_records') }}

),

rules as (

    select
        identifier_type, max_names, max_odd_names, max_crm_ids,
        max_emails, max_phones, max_devices, window_days
    from {{ list_of('identifier_rules') }}

),

blocked as (

    select identifier_type, pattern, reason from {{ list_of('blocked_identifiers') }}

),

-- the devices on which a user id logged in, since when
devices as (

    select
        user_id, device_id, min(first_at) as came_at,
        count(*) over (partition by user_id) as devices_of_user
    from {{ ref('ga4_logins') }}
    where device_id is not null
    group by user_id, device_id

),

user_devices as (

    select distinct 'user_id' as identifier_type, user_id, devices_of_user
    from devices

),

-- names that are not the owner's, as far as they were compared
other_names as (

    select
        identifier_type,
        identifier_value,
        count(case when is_odd then 1 end) as odd_names,
        count(case when is_another_person then 1 end) as other_persons
    from {{ ref('identifier_names') }}
    group by identifier_type, identifier_value

),

-- what people took out, whatever the rules say
excluded as (

    select distinct left_type as identifier_type, left_value as identifier_value
    from {{ ref('identity_decisions') }}
    where decision = 'exclude'

),

-- a record also names whom it became:
-- the contact of a converted lead, the user into whom one of Braze was merged
sightings as (

    {{ sightings_of_identifiers('records') }}

),

counted as (

    select
        identifier_type, identifier_value, min(plain_value) as plain_value,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        string_agg(distinct source, ', ' order by source) as sources,
        cast(sum(evidence_count) as int64) as evidence_count,
        count(distinct name_key) as names, count(distinct crm_id) as crm_ids,
        count(distinct email_hash) as emails, count(distinct phone_hash) as phones
    from sightings
    group by identifier_type, identifier_value

),

-- at most one row an identifier, whatever the number of patterns that it matches
forbidden as (

    select identifier_type, identifier_value, min(reason) as reason
    from (
        select counted.identifier_type, counted.identifier_value, blocked.reason
        from counted
        inner join blocked
            on counted.identifier_type = blocked.identifier_type
            and {{ regex_matches_column(
                'lower(coalesce(counted.plain_value, counted.identifier_value))', 'blocked.pattern'
            ) }}
        union all
        select identifier_type, identifier_value, 'placeholder' as reason
        from counted
        where
            identifier_type not in ('email', 'phone')
            and {{ is_placeholder_id('identifier_value') }}
    ) as matched
    group by identifier_type, identifier_value

),

newcomers as (

    {{ newcomers_over_limit('counted', 'sightings', 'devices', 'rules') }}

),

beyond_limits as (

    {{ identifiers_beyond_limits('newcomers', 'records') }}

),

final as (

    select
        counted.identifier_type,
        counted.identifier_value,
        {{ surrogate_key(['counted.identifier_type', 'counted.identifier_value']) }}
            as identifier_key,
        counted.first_seen_at, counted.last_seen_at, counted.sources, counted.evidence_count,
        counted.names, counted.crm_ids, counted.emails, counted.phones,
        coalesce(user_devices.devices_of_user, 0) as devices,
        case
            when excluded.identifier_value is not null then 'excluded'
            when forbidden.reason is not null then forbidden.reason
            when other_names.odd_names > rules.max_odd_names
                or coalesce(other_names.other_persons + 1, counted.names) > rules.max_names
                then 'several names'
            when beyond_limits.reason is not null then beyond_limits.reason
        end as quarantine_reason
    from counted
    left join rules on counted.identifier_type = rules.identifier_type
    left join other_names
        on counted.identifier_type = other_names.identifier_type
        and counted.identifier_value = other_names.identifier_value
    left join forbidden
        on counted.identifier_type = forbidden.identifier_type
        and counted.identifier_value = forbidden.identifier_value
    left join excluded
        on counted.identifier_type = excluded.identifier_type
        and counted.identifier_value = excluded.identifier_value
    left join beyond_limits
        on counted.identifier_type = beyond_limits.identifier_type
        and counted.identifier_value = beyond_limits.identifier_value
    left join user_devices
        on counted.identifier_type = user_devices.identifier_type
        and counted.identifier_value = user_devices.user_id

)

select * from final
