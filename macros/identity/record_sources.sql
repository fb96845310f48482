{#
    What the records of each source say about people: (source, relation, key, links, moment,
    columns). `links`: the record's identifiers surely belong to one person. The columns are those
    of identity_records that are not null. A relation is a staging model, or one that
    `record_relation` makes.

    A new source that names people is one more entry. A company's own sources are in
    `madang_streams`.
#}
{% macro record_sources() %}
    {%- set addresses = {
        'email': 'email', 'given_email_hash': 'email_hash',
        'phone': 'phone', 'given_phone_hash': 'phone_hash',
    } -%}
    {%- set numbered = dict(addresses, crm_id='customer_no') -%}
    {%- set named = dict(numbered, name='name') -%}
    {%- set created_at = 'coalesce(created_at, loaded_at)' -%}
    {%- set registered_at = 'coalesce(registered_at, loaded_at)' -%}
    {%- set kept = '(not is_deleted or merged_into_id is not null)' -%}
    {%- set known = [
        (
            'crm',
            'stg_crm__customers',
            'customer_no',
            'true',
            registered_at,
            dict(named, issued_at='registered_at')
        ),
        (
            'shop', 'stg_shop__orders', 'order_id', 'true',
            'ordered_at', dict(named, order_id='order_id')
        ),
        (
            'offline', 'stg_offline__outcomes', 'outcome_id', 'false', 'occurred_at',
            {'crm_id': 'customer_no', 'phone': 'phone', 'given_phone_hash': 'phone_hash'},
        ),
        ('consent', 'stg_consent__events', 'consent_id', 'false', 'occurred_at', numbered),
        (
            'inquiry', 'stg_inquiries__inquiries', 'inquiry_id',
            'true', 'coalesce(received_at, last_state_at)',
            dict(numbered, order_id='order_id', chat_key='chat_key'),
        ),
        (
            'salesforce', 'contacts', 'contact_id', kept, created_at,
            dict(
                named,
                salesforce_id='contact_id',
                becomes_id='coalesce(merged_into_id, person_account_id)'
            ),
        ),
        (
            'salesforce', 'stg_salesforce__leads', 'lead_id', kept, created_at,
            dict(
                named,
                salesforce_id='lead_id',
                becomes_id='coalesce(merged_into_id, converted_contact_id)'
            ),
        ),
        (
            'salesforce', 'person_accounts', 'account_id', kept, created_at,
            {
                'crm_id': 'customer_no', 'salesforce_id': 'account_id',
                'becomes_id': 'merged_into_id', 'name': 'account'
            },
        ),
        (
            'braze', 'braze_users', 'braze_user_id', 'true', 'first_seen_at',
            dict(
                addresses, crm_id=customer_number_of('external_user_id'),
                braze_id='braze_user_id', becomes_id='merged_into'
            ),
        ),
        (
            'ga4',
            'logins',
            'user_id',
            'true',
            'first_seen_at',
            {'crm_id': customer_number_of('user_id'), 'user_id': 'user_id'}
        ),
    ] -%}
    {%- for stream in own_streams() if stream.get('identifiers') -%}
        {%- set given = {} -%}
        {%- for type, column in stream.identifiers.items() -%}
            {%- set column = normalize_email(column)
                if type == 'email' else normalize_phone(column)
                if type == 'phone' else column -%}
            {%- do given.update({type: '(' ~ column ~ ')'}) -%}
        {%- endfor -%}
        {%- do known.append((
            stream.source, stream.model, stream.key,
            stream.get('links', false) | string | lower, stream.occurred_at, given
        )) -%}
    {%- endfor -%}
    {{ return(known) }}
{% endmacro %}


{# The relation of an entry of `record_sources`. #}
{% macro record_relation(name) -%}
    {%- if name == 'contacts' -%}
    (
        select contacts.*, person_accounts.account_id as person_account_id
        from {{ ref('stg_salesforce__contacts') }} as contacts
        left join {{ record_relation('person_accounts') }} as person_accounts
            on contacts.account_id = person_accounts.account_id
    )
    {%- elif name == 'person_accounts' -%}
    {#-
        an account is a person only where it is a person account;
        the company that somebody works for is nobody
    #}
    (
        select * from {{ ref('stg_salesforce__accounts') }}
        where is_person_account
    )
    {%- elif name == 'braze_users' -%}
    {#-
        with a customer number the addresses of Braze are those that were sent there:
        an echo, and no evidence
    #}
    (
        select
            braze_user_id,
            external_user_id,
            nullif(current_user_id, braze_user_id) as merged_into,
            case when external_user_id is null then email end as email,
            case when external_user_id is null then phone end as phone,
            cast(null as string) as email_hash,
            cast(null as string) as phone_hash,
            first_seen_at,
            last_seen_at
        from {{ ref('stg_braze__users') }}
        where not is_deleted
    )
    {%- elif name == 'logins' -%}
    (
        select
            user_id, min(first_at) as first_seen_at,
            max(last_at) as last_seen_at, cast(sum(events) as int64) as events
        from {{ ref('ga4_logins') }}
        group by user_id
    )
    {%- else -%} {{ ref(name) }}
    {%- endif -%}
{%- endmacro %}


{#
    The ids by which records and online actions meet: (source, model, key of the record, column of
    the id, what it is an id of). The columns say so in the YAML of their staging model: `meta:
    {meets: application}`.
#}
{% macro records_that_meet() %}
    {%- set columns = columns_that_meet() -%}
    {%- set found = [] -%}
    {%- for source, relation, id, links, seen_at, given in record_sources() -%}
        {%- for column, kind in columns.get(relation, {}).items() -%}
            {%- do found.append((source, relation, id, column, kind)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{% macro columns_that_meet() %}
    {%- set found = {} -%}
    {%- for node in (graph.nodes.values() if execute else []) if node.resource_type == 'model' -%}
        {%- for column in node.columns.values() if column.meta.get('meets') -%}
            {%- do found.setdefault(node.name, {}).update({column.name: column.meta.meets}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{# The actions whose object is such an id, with what it is an id of: `meets` of the action. #}
{% macro actions_that_meet() %}
    {%- set found = {} -%}
    {%- for action in named_actions() if action.get('meets') -%}
        {%- do found.update({action.name: action.meets}) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{# The names of the actions that meet records of a kind. #}
{% macro actions_meeting(kind) %}
    {%- set found = [] -%}
    {%- for action, of in actions_that_meet().items() if of == kind %}
        {% do found.append(action) %}
    {% endfor -%}
    {{ return(found) }}
{% endmacro %}
