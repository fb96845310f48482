{#
    A row's values beside its key, as JSON whose values are all texts. The sync names the columns
    (`columns`). Each comes from `customers`, from `contacts`, from the permit, or from a scenario's
    trigger. `permits`, `customers` and `key` are expressions of the model. Dates are in the
    project's time zone, because such a column has no zone.
#}
{% macro sync_row(permits, customers, key, key_column='key') -%}
    {%- set rule = madang.sync_rule() -%}
    {%- set values = {rule.get('key_column', key_column): key} -%}
    {%- set of_permits = [
        'audience', 'channel', 'person_id', 'scenario',
        'stage', 'started_at', 'triggered_at', 'usable_until'
    ] -%}
    {%- for name, column in rule.get('columns', {}).items() -%}
        {%- set of = permits if column['from'] in of_permits else customers -%}
        {%- do values.update(
            {name: madang.sync_row_value(of ~ '.' ~ column['from'], column.get('type', 'Text'))}
        ) -%}
    {%- endfor -%}
    {{ madang.json_object(values) }}
{%- endmacro %}


{% macro sync_row_value(expression, type) -%}
    {%- if type == 'Date' -%}
    {{ madang.local_time_text(expression) }}
    {%- elif type == 'Decimal' -%}
    {{ madang.float_text(expression) }}
    {%- else -%}
    cast({{ expression }} as string)
    {%- endif -%}
{%- endmacro %}


{# The customers with their name, address and number, which a sync may name as columns, too. #}
{% macro sync_customers() -%}
    select customers.*, contacts.name, contacts.email, contacts.phone
    from {{ ref('customers') }} as customers
    left join {{ ref('contacts') }} as contacts on customers.person_id = contacts.person_id
{%- endmacro %}


{#
    The journeys that the sync names, in their order (`message_place`), and after how many days a
    person may enter again (null: never). One without a name where there are none.
#}
{% macro sync_journeys() -%}
    {%- for journey, rule in madang.sync_rule().get('journeys', {'': {}}).items() %}
    select
        {{ madang.text_literal(journey) }} as journey,
        {{ loop.index }} as message_place,
        cast({{ rule.get('again_after_days') or 'null' }} as int64) as again_after_days
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#
    The rows of a sync whose members are customers by their number: one row per person and list. A
    list is an audience and a channel, and `prefix` begins its name. `knows_address`: the
    destination writes to its own address of the person.
#}
{% macro sync_members_by_number(prefix='', key_column='key', knows_address=false) -%}
with permits as (

    {{ madang.sync_permits() }}

),

customer_numbers as (

    {{ madang.sync_customer_numbers() }}

),

customers as (

    {{ madang.sync_customers() }}

),

final as (

    select
        permits.person_id,
        permits.audience,
        permits.channel,
        permits.purpose,
        customer_numbers.customer_no as sync_key,
        concat('{{ prefix }}', permits.audience, '_', permits.channel) as field,
        {{ madang.sync_row('permits', 'customers', 'customer_numbers.customer_no', key_column) }}
            as value,
        {{ madang.sync_held_back(
            'permits', 'customer_numbers.customer_no', 'no_external_id',
            known_address='permits.is_main_address' if knows_address else none
        ) }} as held_back_reason
    from permits
    left join customer_numbers on permits.person_id = customer_numbers.person_id
    left join customers on permits.person_id = customers.person_id

)

select * from final
{%- endmacro %}
