{#
    All tests that one scan of a table can make, as one node. It has one row per `columns` (nulls are a value here). No row is null in a column of `not_null`. A
    column of `one_of` has a value of its list or none. Each condition of `holds` holds for every row (one that is null does not). A failing row is a key, how
    many rows have it, and what is `broken` in some of them.
#}
{% test one_row_per(model, columns, not_null=[], one_of={}, holds=[]) %}
    {%- set rules = [] %}
    {%- for column in not_null %}{% do rules.append((column ~ ' is null', column ~ ' is null')) %}{% endfor %}
    {%- for column, values in one_of.items() %}
        {%- set listed = [] %}
        {%- for value in values %}{% do listed.append(madang.text_literal(value) if value is string else value) %}{% endfor %}
        {%- do rules.append((column ~ ' not in (' ~ listed | join(', ') ~ ')', column ~ ' is none of: ' ~ values | join(', '))) %}
    {%- endfor %}
    {%- for condition in holds %}{% do rules.append(('not coalesce(' ~ condition ~ ', false)', 'does not hold: ' ~ condition)) %}{% endfor %}
    {%- if not rules %}
    select {{ columns | join(', ') }}, count(*) as rows_found
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
    {%- else %}
    select
        *,
        rtrim(concat(
            {%- for _, told in rules %}
            if((broken_rules & {{ 2 ** loop.index0 }}) > 0, {{ madang.text_literal(told ~ '; ') }}, ''){{ ',' if not loop.last }}
            {%- endfor %}
        ), '; ') as broken
    from (
        select
            {{ columns | join(', ') }},
            count(*) as rows_found,
            bit_or(
                {%- for broken, _ in rules %}
                {{ '+ ' if not loop.first }}if({{ broken }}, {{ 2 ** loop.index0 }}, 0)
                {%- endfor %}
            ) as broken_rules
        from {{ model }}
        group by {{ columns | join(', ') }}
    ) as keys
    where rows_found > 1 or broken_rules > 0
    {%- endif %}
{% endtest %}


{# A condition that holds for every row; a condition that is null does not hold. #}
{% test holds(model, condition, column_name=none) %}
    select *
    from {{ model }}
    where not coalesce({{ condition }}, false)
{% endtest %}


{# Every rate has a day, two currencies of three letters and a number above zero. #}
{% test rates_that_can_be_read(model) %}
    select *
    from {{ model }}
    where not coalesce(
        {{ madang.safe_cast_as('rate_date', 'date') }} is not null
        and {{ madang.regex_matches('trim(from_currency)', '^[A-Za-z]{3}$') }}
        and {{ madang.regex_matches('trim(to_currency)', '^[A-Za-z]{3}$') }}
        and {{ madang.safe_cast_as('rate', madang.float64()) }} between 1e-12 and 1e12,
        false
    )
{% endtest %}


{# Every value is a SHA-256, where `only` holds. #}
{% test hashed(model, column_name, only='true') %}
    select {{ column_name }}
    from {{ model }}
    where
        {{ only }}
        and {{ column_name }} is not null
        and not {{ madang.regex_matches('cast(' ~ column_name ~ ' as string)', '^[0-9a-f]{64}$') }}
{% endtest %}


{#
    No value holds an e-mail address or a mobile telephone number, as masking knows them. Hashes and UUIDs are not looked at: among millions of them some read
    like a number.
#}
{% test without_personal_data(model, column_name) %}
    {%- set text = 'cast(' ~ column_name ~ ' as string)' %}
    select {{ column_name }}
    from {{ model }}
    where
        not {{ madang.regex_matches(text, '^(masked:)?[0-9A-Fa-f-]{32,}$') }}
        and (
            {{ madang.regex_matches(text, '[^@ ]+@[^@ ]+[.][A-Za-z]{2,}') }}
            or {{ madang.regex_matches(text, madang.ga4_phone_pattern()) }}
        )
{% endtest %}


{# Words of a list that are read as one (see word_key) stand for one thing. #}
{% test words_mean_one_thing(model, columns) %}
    select {{ madang.word_key('word') }} as word_key
    from {{ model }}
    group by 1
    having {% for column in columns %}min({{ column }}) <> max({{ column }}){{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}


{# Every value of `column` stands with one value of `of`. #}
{% test one_meaning_of(model, column, of) %}
    select {{ column }}
    from {{ model }}
    group by {{ column }}
    having min({{ of }}) <> max({{ of }})
{% endtest %}


{# Every channel and purpose of a table of permits is one that people are asked about: in `consent_policy`. #}
{% test is_in_the_policy(model) %}
    select permits.channel, permits.purpose, count(*) as rows_found
    from {{ model }} as permits
    left join {{ madang.list_of('consent_policy') }} as policy
        on permits.channel = policy.channel and permits.purpose = policy.purpose
    where policy.channel is null
    group by permits.channel, permits.purpose
{% endtest %}


{#
    Of a sync model: no row that may be sent is for a channel on which its person may not be contacted. None is for a person who said no in any source and did
    not say yes since. Both are read from the sources themselves and not from consent_signals.
#}
{% test sends_only_what_is_allowed(model) %}
    with persons as (
        select source, record_id, person_id
        from {{ ref('record_persons') }}
        where person_id is not null
    ),

    said as (
        select persons.person_id, consents.channel, consents.purpose, consents.status = 'granted' as is_yes, consents.occurred_at
        from {{ ref('stg_consent__events') }} as consents
        inner join persons on consents.consent_id = persons.record_id and persons.source = 'consent'
        where consents.status in ('granted', 'withdrawn')
        union all
        select persons.person_id, messages.channel, cast(null as string), false, messages.event_at
        from {{ ref('stg_braze__messages') }} as messages
        inner join persons on messages.braze_user_id = persons.record_id and persons.source = 'braze'
        where messages.outcome in ('unsubscribed', 'marked_as_spam') and not messages.is_test
        union all
        select persons.person_id, subscriptions.channel, 'marketing', subscriptions.status = 'opted_in', subscriptions.event_at
        from {{ ref('stg_braze__subscriptions') }} as subscriptions
        inner join persons on subscriptions.braze_user_id = persons.record_id and persons.source = 'braze'
        where
            not subscriptions.is_test
            and (
                subscriptions.status = 'unsubscribed'
                or (
                    subscriptions.status = 'opted_in'
                    and {{ madang.signal_word('subscriptions.state_change_source') }} in ('preference_center', 'subscription_page')
                )
            )
        union all
        select contacts.person_id, 'email', cast(null as string), false, messages.event_at
        from {{ ref('stg_braze__messages') }} as messages
        inner join {{ ref('contacts') }} as contacts on messages.email = contacts.email
        where messages.outcome = 'bounced' and messages.channel = 'email' and not messages.is_test
        {% for channel, object, id, box in [
            ('email', 'contacts', 'contact_id', 'has_opted_out_of_email'), ('email', 'leads', 'lead_id', 'has_opted_out_of_email'),
            ('sms', 'contacts', 'contact_id', 'do_not_call'), ('sms', 'leads', 'lead_id', 'do_not_call'),
            ('kakao', 'contacts', 'contact_id', 'do_not_call'), ('kakao', 'leads', 'lead_id', 'do_not_call'),
        ] -%}
        union all
        select persons.person_id, '{{ channel }}', 'marketing', false, records.{{ box }}_at
        from {{ ref('stg_salesforce__' ~ object) }} as records
        inner join persons on records.{{ id }} = persons.record_id and persons.source = 'salesforce'
        {% endfor -%}
        union all
        select
            persons.person_id, cast(null as string), cast(null as string), false,
            coalesce(individuals.should_forget_at, individuals.has_opted_out_processing_at, individuals.has_opted_out_solicit_at)
        from {{ ref('stg_salesforce__individuals') }} as individuals
        inner join {{ ref('stg_salesforce__contacts') }} as contacts on individuals.individual_id = contacts.individual_id
        inner join persons on contacts.contact_id = persons.record_id and persons.source = 'salesforce'
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


{# A campaign of a platform is mapped to one campaign of links: with two its cost would have two places. #}
{% test one_target_per_campaign(model) %}
    select
        lower(trim(platform)) as platform,
        min(campaign) as campaign,
        min(utm_campaign) as one_target,
        max(utm_campaign) as another_target
    from {{ model }}
    group by lower(trim(platform)), coalesce(trim(account_id), ''), {{ madang.campaign_word('campaign') }}
    having count(distinct {{ madang.campaign_word('utm_campaign') }}) > 1
{% endtest %}


{# Every tier is in the list of tiers, where a company has one. #}
{% test every_tier_is_in_the_list(model) %}
    select tier, count(*) as rows_found
    from {{ model }}
    where not is_in_list and exists (select 1 from {{ madang.list_of('tiers') }} as tiers)
    group by tier
{% endtest %}
