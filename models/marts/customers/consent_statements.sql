{%- set no_text = 'cast(null as string)' -%}

-- every yes and no that any source was told, in the source's own words; consent_signal_rules says what they mean
with individuals as (

    select individual_id, coalesce(merged_into_id, individual_id) as kept_id
    from {{ ref('stg_salesforce__individuals') }}

),

-- who is behind a record of Salesforce; an Individual has no address of its own
salesforce_people as (

    {% for relation, id, named_by in [
        ('contacts', 'contact_id', 'contact_id'), ('leads', 'lead_id', 'lead_id'),
        ('contacts', 'contact_id', 'individual_id'), ('leads', 'lead_id', 'individual_id'),
    ] -%}
    select
        {{ named_by }} as named_by,
        {{ id }} as record_id,
        coalesce({{ sha256_hex('email') }}, email_hash) as email_hash,
        coalesce({{ sha256_hex('phone') }}, phone_hash) as phone_hash
    from {{ ref('stg_salesforce__' ~ relation) }}
    where {{ named_by }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

from_consent_log as (

    select
        'consent' as source,
        consent_id as told_by,
        status as signal,
        {{ signal_word('collected_via') }} as via,
        channel,
        purpose,
        consent_id as record_id,
        {{ no_text }} as customer_no,
        coalesce({{ sha256_hex('email') }}, email_hash) as email_hash,
        coalesce({{ sha256_hex('phone') }}, phone_hash) as phone_hash,
        is_night,
        policy_version,
        coalesce(occurred_at, loaded_at) as occurred_at
    from {{ ref('stg_consent__events') }}

),

from_braze_messages as (

    select
        'braze' as source,
        event_id as told_by,
        case
            when outcome = 'replied' then concat('replied_', {{ signal_word('reply_meaning') }})
            else outcome
        end as signal,
        {{ no_text }} as via,
        channel,
        {{ no_text }} as purpose,
        braze_user_id as record_id,
        external_user_id as customer_no,
        {{ sha256_hex('email') }} as email_hash,
        {{ sha256_hex('phone') }} as phone_hash,
        cast(null as boolean) as is_night,
        {{ no_text }} as policy_version,
        event_at as occurred_at
    from {{ ref('stg_braze__messages') }}
    where not is_test

),

from_braze_subscriptions as (

    select
        'braze' as source,
        event_id as told_by,
        concat(scope, '_', status) as signal,
        {{ signal_word('state_change_source') }} as via,
        channel,
        {{ no_text }} as purpose,
        braze_user_id as record_id,
        external_user_id as customer_no,
        {{ sha256_hex('email') }} as email_hash,
        {{ sha256_hex('phone') }} as phone_hash,
        cast(null as boolean) as is_night,
        {{ no_text }} as policy_version,
        event_at as occurred_at
    from {{ ref('stg_braze__subscriptions') }}
    where not is_test

),

from_salesforce as (

    select
        'salesforce' as source,
        opt_outs.opt_out_id as told_by,
        opt_outs.opt_out as signal,
        {{ no_text }} as via,
        {{ no_text }} as channel,
        {{ no_text }} as purpose,
        coalesce(people.record_id, opt_outs.record_id) as record_id,
        {{ no_text }} as customer_no,
        people.email_hash,
        people.phone_hash,
        cast(null as boolean) as is_night,
        {{ no_text }} as policy_version,
        opt_outs.opted_out_at as occurred_at
    from {{ ref('stg_salesforce__opt_outs') }} as opt_outs
    left join individuals on opt_outs.record_id = individuals.individual_id
    left join salesforce_people as people on coalesce(individuals.kept_id, opt_outs.record_id) = people.named_by

),

told as (

    {% for source in ['consent_log', 'braze_messages', 'braze_subscriptions', 'salesforce'] -%}
    select *
    from from_{{ source }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (

    select
        {{ surrogate_key(['source', 'told_by', 'record_id']) }} as statement_id,
        told.*
    from told
    where
        source <> 'braze'
        or {{ regex_matches('signal', '^(global|group)_') }}
        or signal in (select signal from {{ ref('consent_signal_rules') }} where source = 'braze')

)

select * from final
