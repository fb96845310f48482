{#
    Of a sync model, no row that may be sent is for a channel on which its person may not be
    contacted. None is for a person who said no in any source, and not yes since. Both are read from
    the sources, not from consent_signals.
#}
{% test sends_only_what_is_allowed(model) %}
    with persons as (
        select source, record_id, person_id
        from {{ ref('record_persons') }}
        where person_id is not null
    ),

    said as (
        select
            persons.person_id, consents.channel, consents.purpose,
            consents.status = 'granted' as is_yes, consents.occurred_at
        from {{ ref('stg_consent__events') }} as consents
        inner join persons on consents.consent_id = persons.record_id and persons.source = 'consent'
        where consents.status in ('granted', 'withdrawn')
        union all
        select persons.person_id, messages.channel, cast(null as string), false, messages.event_at
        from {{ ref('stg_braze__messages') }} as messages
        inner join persons
            on messages.braze_user_id = persons.record_id and persons.source = 'braze'
        where messages.outcome in ('unsubscribed', 'marked_as_spam') and not messages.is_test
        union all
        select
            persons.person_id, subscriptions.channel, 'marketing',
            subscriptions.status = 'opted_in', subscriptions.event_at
        from {{ ref('stg_braze__subscriptions') }} as subscriptions
        inner join persons
            on subscriptions.braze_user_id = persons.record_id and persons.source = 'braze'
        where
            not subscriptions.is_test
            and (
                subscriptions.status = 'unsubscribed'
                or (
                    subscriptions.status = 'opted_in'
                    and {{ madang.signal_word('subscriptions.state_change_source') }} in (
                        'preference_center', 'subscription_page'
                    )
                )
            )
        union all
        select contacts.person_id, 'email', cast(null as string), false, messages.event_at
        from {{ ref('stg_braze__messages') }} as messages
        inner join {{ ref('contacts') }} as contacts on messages.email = contacts.email
        where messages.outcome = 'bounced' and messages.channel = 'email' and not messages.is_test
        {% for channel, object, id, box in [
            ('email', 'contacts', 'contact_id', 'has_opted_out_of_email'),
            ('email', 'leads', 'lead_id', 'has_opted_out_of_email'),
            ('sms', 'contacts', 'contact_id', 'do_not_call'),
            ('sms', 'leads', 'lead_id', 'do_not_call'),
            ('kakao', 'contacts', 'contact_id', 'do_not_call'),
            ('kakao', 'leads', 'lead_id', 'do_not_call'),
        ] -%}
        union all
        select persons.person_id, '{{ channel }}', 'marketing', false, records.{{ box }}_at
        from {{ ref('stg_salesforce__' ~ object) }} as records
        inner join persons on records.{{ id }} = persons.record_id and persons.source = 'salesforce'
        {% endfor -%}
        union all
        select
            persons.person_id, cast(null as string), cast(null as string), false,
            coalesce(
                individuals.should_forget_at,
                individuals.has_opted_out_processing_at,
                individuals.has_opted_out_solicit_at
            )
        from {{ ref('stg_salesforce__individuals') }} as individuals
        inner join {{ ref('stg_salesforce__contacts') }} as contacts
            on individuals.individual_id = contacts.individual_id
        inner join persons
            on contacts.contact_id = persons.record_id and persons.source = 'salesforce'
    ),

    last_words as (
        select
            sent.person_id, sent.channel, sent.field,
            max(case when not said.is_yes then said.occurred_at end) as last_no,
            max(case when said.is_yes then said.occurred_at end) as last_yes
        from {{ model }} as sent
        inner join said
            on sent.person_id = said.person_id
            and sent.channel = coalesce(said.channel, sent.channel)
            and sent.purpose = coalesce(said.purpose, sent.purpose)
        where sent.held_back_reason is null
        group by sent.person_id, sent.channel, sent.field
    )

    select sent.person_id, sent.channel, sent.field, 'not allowed in contactability' as broken
    from {{ model }} as sent
    left join {{ ref('contactability') }} as contactability
        on sent.person_id = contactability.person_id
        and sent.channel = contactability.channel
        and sent.purpose = contactability.purpose
    where sent.held_back_reason is null and not coalesce(contactability.is_allowed, false)
    union all
    select person_id, channel, field, 'said no in a source, and not yes since' as broken
    from last_words
    where last_no is not null and not coalesce(last_yes > last_no, false)
{% endtest %}
