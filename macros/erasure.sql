{#
    Erased people stay erased. `madang erase` writes hashes of a person's identifiers into the ledger (erased_identifiers); before every build the landed tables are swept
    by them, and events of the GA4 export are passed over as they are read. Without an erased person none of this costs more than looking whether the table is there.
#}
{% macro erased_identifiers() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=target.schema ~ '_ledger', identifier='erased_identifiers'
    ) if execute else none) }}
{% endmacro %}


{% macro among_erased(expression, type, erased) -%}
    ({{ expression }} in (select identifier_value from {{ erased }} where identifier_type = '{{ type }}'))
{%- endmacro %}


{#
    Deletes from the landed tables what is about an erased person: rows with their customer number, and rows without any with their e-mail address or telephone. In
    other people's rows these are emptied. A table is looked at when rows have come or somebody was erased since it was last.
#}
{% macro sweep_erased() %}
    {% set erased = erased_identifiers() if flags.WHICH in ['build', 'run', 'run-operation'] else none %}
    {% if erased is none %}{{ return('') }}{% endif %}
    {% set sweeps = api.Relation.create(database=target.database, schema=erased.schema, identifier='erasure_sweeps') %}
    {% do run_query('create table if not exists ' ~ sweeps ~ ' (table_name string, swept string)') %}
    {% set people = run_query('select count(*) from ' ~ erased).rows[0][0] %}
    {% for source in graph.sources.values() if source.schema == target.schema ~ '_raw' %}
        {% set landed = adapter.get_relation(database=source.database, schema=source.schema, identifier=source.identifier) %}
        {% set found = columns_about_people(source) %}
        {% if landed is not none and (found.numbers or found.contacts) %}
            {% do sweep_table(landed, found, erased, sweeps, people) %}
        {% endif %}
    {% endfor %}
    {{ return('') }}
{% endmacro %}


{# Which columns of a landed table hold customer numbers, and which addresses: {numbers: […], contacts: {name: type}}. #}
{% macro columns_about_people(source) %}
    {%- set numbers, contacts = [], {} -%}
    {% for column in source.columns.values() %}
        {% set type = ((column.get('config') or {}).get('meta') or column.get('meta') or {}).get('type') %}
        {% if column.name in ['customer_no', 'external_user_id'] %}{% do numbers.append(column.name) %}
        {% elif type == 'email' or column.name == 'email_address' %}{% do contacts.update({column.name: 'email'}) %}
        {% elif type == 'phone' or column.name.endswith('phone_number') %}{% do contacts.update({column.name: 'phone'}) %}
        {% endif %}
    {% endfor %}
    {{ return({'numbers': numbers, 'contacts': contacts}) }}
{% endmacro %}


{% macro sweep_table(landed, found, erased, sweeps, people) %}
    {%- set state = "(select concat(cast(count(*) as string), ' ', coalesce(cast(max(_loaded_at) as string), ''), ' " ~ people ~ "') from " ~ landed ~ ")" -%}
    {% set swept = "table_name = '" ~ landed.identifier ~ "'" %}
    {% if run_query('select count(*) from ' ~ sweeps ~ ' where ' ~ swept ~ ' and swept = ' ~ state).rows[0][0] %}{{ return('') }}{% endif %}
    {%- set theirs, nobody, contacts = [], ['true'], {} -%}
    {% for name in found.numbers %}
        {% do theirs.append(among_erased(sha256_hex(name), 'crm_id', erased)) %}
        {% do nobody.append(name ~ ' is null') %}
    {% endfor %}
    {% for name, type in found.contacts.items() %}
        {% set normal = normalize_email(name) if type == 'email' else normalize_phone(name) %}
        {% do contacts.update({name: among_erased(sha256_hex('(' ~ normal ~ ')'), type, erased)}) %}
    {% endfor %}
    {% if contacts %}{% do theirs.append('(' ~ nobody | join(' and ') ~ ' and (' ~ contacts.values() | join(' or ') ~ '))') %}{% endif %}
    {% if run_query('select count(*) from ' ~ landed ~ ' where ' ~ (theirs + contacts.values() | list) | join(' or ')).rows[0][0] %}
        {% do run_query('delete from ' ~ landed ~ ' where ' ~ theirs | join(' or ')) %}
        {% if contacts %}
            {% set emptied = [] %}
            {% for name, condition in contacts.items() %}
                {% do emptied.append(name ~ ' = case when ' ~ condition ~ ' then null else ' ~ name ~ ' end') %}
            {% endfor %}
            {% do run_query('update ' ~ landed ~ ' set ' ~ emptied | join(', ') ~ ' where ' ~ contacts.values() | join(' or ')) %}
        {% endif %}
        {% set ledger = built_models_ledger() %}
        {% if ledger is not none %}{% do run_query('delete from ' ~ ledger ~ ' where true') %}{% endif %}
    {% endif %}
    {% do run_query('delete from ' ~ sweeps ~ ' where ' ~ swept) %}
    {% do run_query("insert into " ~ sweeps ~ " (table_name, swept) select '" ~ landed.identifier ~ "', " ~ state) %}
    {% do adapter.commit() %}
{% endmacro %}


{# A selection of the export without the events of erased people: those with their user id, and those of devices that were only theirs. #}
{% macro without_erased(selection, user_id, device_id) -%}
    {%- set erased = erased_identifiers() -%}
    {%- set people = run_query('select count(*) from ' ~ erased).rows[0][0] if erased is not none else 0 -%}
    {%- if people -%}
    {%- set ids = '(select value_bits from ' ~ erased ~ ' where identifier_type = ' -%}
    select *
    from (
    {{ selection }}
    ) as of_everybody
    where
        -- {{ people }} identifiers are erased
        (({{ sixty_bits('trim(' ~ user_id ~ ')') }} in {{ ids }}'crm_id')) is not true)
        and (({{ sixty_bits(device_id) }} in {{ ids }}'device')) is not true)
    {%- else -%}
    {{ selection }}
    {%- endif -%}
{%- endmacro %}
