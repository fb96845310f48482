{#
    Find values that cannot belong to one person, beyond what a count says. Each is a selection from
    the relations that it is given.
#}

{#
    When each customer number, address or device came to an identifier that has more of them than
    its limit: few rows, as few have.
#}
{% macro newcomers_over_limit(counted, sightings, devices, rules) -%}
    {%- set limits = [
        ('too many customers', 'crm_id', 'crm_ids'),
        ('too many addresses', 'email_hash', 'emails'),
        ('too many addresses', 'phone_hash', 'phones'),
    ] -%}
    {% for reason, column, count in limits -%}
    select
        counted.identifier_type,
        counted.identifier_value,
        '{{ reason }}' as reason,
        '{{ count }}' as kind,
        rules.max_{{ count }} as at_most,
        rules.window_days,
        sightings.{{ column }} as newcomer,
        min(sightings.first_seen_at) as came_at
    from {{ counted }} as counted
    inner join {{ rules }} as rules
        on counted.identifier_type = rules.identifier_type
        and counted.{{ count }} > rules.max_{{ count }}
    inner join {{ sightings }} as sightings
        on counted.identifier_type = sightings.identifier_type
        and counted.identifier_value = sightings.identifier_value
    where sightings.{{ column }} is not null
    group by
        counted.identifier_type,
        counted.identifier_value,
        rules.max_{{ count }},
        rules.window_days,
        sightings.{{ column }}

    union all

    {% endfor -%}
    select
        rules.identifier_type,
        devices.user_id as identifier_value,
        'too many devices' as reason,
        'devices' as kind,
        rules.max_devices as at_most,
        rules.window_days,
        devices.device_id as newcomer,
        devices.came_at
    from {{ devices }} as devices
    inner join {{ rules }} as rules
        on rules.identifier_type = 'user_id' and devices.devices_of_user > rules.max_devices
{%- endmacro %}


{#
    Those to which more than their limit came within their window; without a window, ever.
    One row an identifier.
#}
{% macro crowded_identifiers(newcomers) -%}
    select earlier.identifier_type, earlier.identifier_value, min(earlier.reason) as reason
    from (
        select
            *,
            row_number() over (
                partition by identifier_type, identifier_value, kind order by came_at, newcomer
            ) as place
        from {{ newcomers }}
    ) as earlier
    inner join (
        select
            *,
            row_number() over (
                partition by identifier_type, identifier_value, kind order by came_at, newcomer
            ) as place
        from {{ newcomers }}
    ) as later
        on earlier.identifier_type = later.identifier_type
        and earlier.identifier_value = later.identifier_value
        and earlier.kind = later.kind
        and earlier.place + earlier.at_most = later.place
    where
        earlier.window_days is null
        or coalesce({{ seconds_between('earlier.came_at', 'later.came_at') }}, 0)
            <= earlier.window_days * 86400
    group by earlier.identifier_type, earlier.identifier_value
{%- endmacro %}


{#
    Customer numbers that another person had before: all records older than the CRM's date have
    another name and no address in common with the owner. Where the owner has such old records too,
    the CRM's date is not that of the number.
#}
{% macro numbers_given_again(records) -%}
    select earlier.crm_id
    from {{ records }} as earlier
    inner join {{ records }} as owners
        on earlier.crm_id = owners.crm_id and earlier.first_seen_at < owners.issued_at
    where earlier.name_key is not null and owners.name_key is not null
    group by earlier.crm_id
    having count(
        case
            when earlier.name_key = owners.name_key
                or earlier.email_hash = owners.email_hash
                or earlier.phone_hash = owners.phone_hash then 1
        end
    ) = 0
{%- endmacro %}


{#
    Both together, one row an identifier.
    A customer number that was given again names nobody as a user id either.
#}
{% macro identifiers_beyond_limits(newcomers, records) -%}
    select identifier_type, identifier_value, min(reason) as reason
    from (
        {{ crowded_identifiers(newcomers) }}

        union all

        select
            types.identifier_type,
            case types.identifier_type when 'crm_id' then given_again.crm_id else users.user_id end
                as identifier_value,
            'given to somebody else' as reason
        from (
            {{ numbers_given_again(records) }}
        ) as given_again
        left join {{ records }} as users
            on given_again.crm_id = users.crm_id and users.user_id is not null
        cross join (
            select 'crm_id' as identifier_type union all select 'user_id' as identifier_type
        ) as types
    ) as reasons
    group by identifier_type, identifier_value
{%- endmacro %}
