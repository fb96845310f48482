{#
    The sightings of persons on devices: one row for each run of logins, and for each record that
    was made there. A sighting makes its person the owner from `owned_since` to `lives_until`. With
    `devices`, a relation with device_id, only sightings on these devices.
#}
{% macro device_sightings(devices=none) -%}
    (
        select
            logins.device_id,
            logins.session_key,
            user_ids.person_id,
            logins.first_at,
            logins.first_order,
            logins.events,
            true as is_login,
            {{ timestamp_plus('logins.first_at', '-' ~ var('device_backfill_days'), 'day') }}
                as owned_since,
            {{ timestamp_plus('logins.last_at', var('device_ttl_days'), 'day') }} as lives_until
        from {{ ref('ga4_logins') }} as logins
        {% if devices %}
        inner join {{ devices }} as devices on logins.device_id = devices.device_id
        {% endif %}
        inner join {{ ref('person_identifiers') }} as user_ids
            on logins.user_id = user_ids.identifier_value
            and user_ids.identifier_type = 'user_id'
        where logins.device_id is not null

        union all

        select
            sighted.device_id,
            sighted.session_key,
            sighted.person_id,
            sighted.event_at as first_at,
            sighted.event_order as first_order,
            1 as events,
            false as is_login,
            {{ timestamp_plus('sighted.event_at', '-' ~ var('record_backfill_days'), 'day') }}
                as owned_since,
            {{ timestamp_plus('sighted.event_at', var('record_ttl_days'), 'day') }} as lives_until
        from {{ ref('record_sightings') }} as sighted
        {% if devices %}
        inner join {{ devices }} as devices on sighted.device_id = devices.device_id
        {% endif %}
        where sighted.person_id is not null and sighted.device_id is not null
    )
{%- endmacro %}


{# The evidence of a run of sightings: a login is stronger than a record. #}
{% macro evidence_of_run(is_login) -%}
    case when {{ any_true(is_login) }} then 'logged in' else 'record' end
{%- endmacro %}
