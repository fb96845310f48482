{%- set no_text = 'cast(null as string)' -%}
{%- set boxes = ['has_opted_out_of_email', 'do_not_call'] -%}
{%- set boxes_of_individuals = [
    'has_opted_out_processing', 'has_opted_out_profiling', 'has_opted_out_solicit',
    'has_opted_out_tracking', 'should_forget',
] -%}

-- every yes and no that any source has, in the source's own words;
-- consent_signal_rules says what they mean
with salesforce_people as (

    {% for object, id in [('contacts', 'contact_id'), ('leads', 'lead_id')] -%}
    select
        {{ id }} as record_id,
        individual_id,
        coalesce({{ sha256_hex('email') }}, email_hash) as email_hash,
        coalesce({{ sha256_hex('phone') }}, phone_hash) as phone_hash,
        {% for box in boxes -%}
        {{ box }}_at{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('stg_salesforce__' ~ object) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

individuals as (

    select *, coalesce(merged_into_id, individual_id) as kept_id
    from {{ ref('stg_salesforce__individuals') }}

),

-- an Individual speaks for its contacts and leads,
-- one that was merged for those of the one that was kept
salesforce_boxes as (

    {% for box in boxes -%}
    select
        record_id, record_id as told_by, '{{ box }}' as signal,
        email_hash, phone_hash, {{ box }}_at as occurred_at
    from salesforce_people
    union all
    {% endfor -%}
    {% for box in boxes_of_individuals -%}
    select
        coalesce(people.record_id, individuals.individual_id) as record_id,
        individuals.individual_id as told_by,
        '{{ box }}' as signal,
        people.email_hash,
        people.phone_hash,
        individuals.{{ box }}_at as occurred_at
    from individuals
    left join salesforce_people as people on individuals.kept_id = people.individual_id
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

from_braze as (

    {% for relation, signal, via in [
        (
            'messages',
            "case when outcome = 'replied' then concat('replied_', " ~ signal_word('reply_meaning')
            ~ ') else outcome end',
            no_text
        ),
        ('subscriptions', "concat(scope, '_', status)", signal_word('state_change_source')),
    ] -%}
    select
        'braze' as source,
        event_id as told_by,
        {{ signal }} as signal,
        {{ via }} as via,
        channel,
        {{ no_text }} as purpose,
        braze_user_id as record_id,
        external_user_id as customer_no,
        {{ sha256_hex('email') }} as email_hash,
        {{ sha256_hex('phone') }} as phone_hash,
        cast(null as boolean) as is_night,
        {{ no_text }} as policy_version,
        event_at as occurred_at
    from {{ ref('stg_braze__' ~ relation) }}
    where not is_test
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

from_salesforce as (

    select
        'salesforce' as source,
        concat(told_by, ' ', signal) as told_by,
        signal,
        {{ no_text }} as via,
        {{ no_text }} as channel,
        {{ no_text }} as purpose,
        record_id,
        {{ no_text }} as customer_no,
        email_hash,
        phone_hash,
        cast(null as boolean) as is_night,
        {{ no_text }} as policy_version,
        occurred_at
    from salesforce_boxes
    where occurred_at is not null

),

braze_words as (

    select distinct signal
    from {{ list_of('consent_signal_rules') }}
    where source = 'braze'

),

reported as (

    {% for source in ['consent_log', 'braze', 'salesforce'] -%}
    select *
    from from_{{ source }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (

    select
        {{ surrogate_key(['source', 'told_by', 'record_id']) }} as statement_id,
        reported.*
    from reported
    where
        source <> 'braze'
        or {{ regex_matches('signal', '^(global|group)_') }}
        or signal in (select braze_words.signal from braze_words)

)

select * from final
