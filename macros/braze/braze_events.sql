{#
    Events of Braze that meet a condition, with the last external id of their users. is_orphan: the
    profile was merged into another one. is_deleted: the profile was deleted. A deleted user has no
    address and no number.
#}
{% macro braze_events(condition='true') -%}
    select
        events.*,
        coalesce(users.external_user_id, events.external_user_id) as last_external_user_id,
        coalesce(users.current_user_id, events.braze_user_id) as current_user_id,
        case when not coalesce(users.is_deleted, false) then events.email end as kept_email,
        case when not coalesce(users.is_deleted, false) then events.phone end as kept_phone,
        coalesce(users.is_orphan, false) as is_orphan,
        coalesce(users.is_deleted, false) as is_deleted
    from {{ ref('base_braze__events') }} as events
    left join {{ ref('stg_braze__users') }} as users on events.braze_user_id = users.braze_user_id
    where {{ condition }}
{%- endmacro %}
