{#
    Erased people stay erased. `madang erase` writes hashes of a person's identifiers into the ledger (erased_identifiers). Before every build the landed tables
    are swept by them. Events of the GA4 export are passed over when they are read. Without an erased person none of this costs more than looking whether the
    table is there.
#}
{% macro erased_identifiers() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=madang.ledger_schema(), identifier='erased_identifiers'
    ) if execute else none) }}
{% endmacro %}


{% macro among_erased(expression, type, erased) -%}
    ({{ expression }} in (select identifier_value from {{ erased }} where identifier_type = '{{ type }}'))
{%- endmacro %}


{#
    Deletes from the landed tables what is about an erased person. It also keeps the hash of such rows' own ids (an order, a contact of Salesforce), so that
    rows that refer to them go too, now or later. A table is looked at when rows have come or somebody was erased since it was last.
#}
{% macro sweep_erased() %}
    {% set erased = erased_identifiers() if flags.WHICH in ['build', 'run', 'run-operation'] else none %}
    {% if erased is none or raw_schema() != target.schema ~ '_raw' %}{{ return('') }}{% endif %}
    {% set sweeps = api.Relation.create(database=target.database, schema=erased.schema, identifier='erasure_sweeps') %}
    {% do run_query('create table if not exists ' ~ sweeps ~ ' (table_name string, swept string)') %}
    {% set landed = landed_about_people(erased) %}
    {% set count = 'select count(*) from ' ~ erased %}
    {% set state = namespace(names=unswept(landed, sweeps, erased), buried=0, grows=true) %}
    {% if state.names %}{% set state.buried = run_query(count).rows[0][0] %}{% endif %}
    {% for round in range(20) %}
        {% if state.names and state.grows %}
            {% for name in state.names if landed[name].harvest %}{% do run_query(landed[name].harvest) %}{% endfor %}
            {% set buried = run_query(count).rows[0][0] %}
            {% set state.grows = buried > state.buried %}
            {% if state.grows %}
                {% set state.buried = buried %}
                {% set state.names = landed.keys() | list %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% for name in state.names %}{% do sweep_table(landed[name], sweeps, erased) %}{% endfor %}
    {{ return('') }}
{% endmacro %}


{# The landed tables that say something about people, by name, each with the conditions and statements of the sweep. #}
{% macro landed_about_people(erased) %}
    {%- set tables, homes = {}, {} -%}
    {% for source in graph.sources.values() if source.schema == target.schema ~ '_raw' %}
        {% set found = columns_about_people(source) %}
        {% set relation = adapter.get_relation(database=source.database, schema=source.schema, identifier=source.identifier) %}
        {% if relation is not none and (found.owners or found.contacts or found.own or found.refers) %}
            {% do tables.update({source.identifier: dict(found, relation=relation)}) %}
            {% for name, condition in found.only_where.items() %}
                {% do homes.update({found.own[name]: 'select ' ~ buried_id(name, found.own[name]) ~ ' from ' ~ relation ~ ' where lower(' ~ condition ~ ") = 'true'"}) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% for table in tables.values() %}{% do table.update(sweep_conditions(table, erased, homes)) %}{% endfor %}
    {{ return(tables) }}
{% endmacro %}


{#
    Which columns of a landed table stand for a person: {owners: [customer numbers], contacts: {name: type}, own: {name: kind}, refers: {name: kind},
    only_where: {name: column}, reusable: [keys that may stand for two things]}, the names quoted. See `identifies` and `refers_to` in docs/loading.md.
#}
{% macro columns_about_people(source) %}
    {%- set found = {'owners': [], 'contacts': {}, 'own': {}, 'refers': {}, 'only_where': {}, 'reusable': []} -%}
    {%- set load = ((source.get('config') or {}).get('meta') or source.get('meta') or {}).get('load') or {} -%}
    {% for column in source.columns.values() %}
        {% set meta = (column.get('config') or {}).get('meta') or column.get('meta') or {} %}
        {% set name = adapter.quote(column.name) %}
        {% set kind = meta.get('identifies') or (meta.get('type') if meta.get('type') in ['email', 'phone'] else none) %}
        {% if kind == 'crm_id' %}{% do found.owners.append(name) %}
        {% elif kind in ['email', 'phone'] %}{% do found.contacts.update({name: kind}) %}
        {% elif kind %}{% do found.own.update({name: kind}) %}
        {% elif meta.get('refers_to') %}{% do found.refers.update({name: meta.get('refers_to')}) %}
        {% endif %}
        {% if load.get('key_means') and column.name in load.get('key') %}{% do found.reusable.append(name) %}{% endif %}
        {% if meta.get('only_where') %}{% do found.only_where.update({name: adapter.quote(meta.get('only_where'))}) %}{% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    A row is an erased person's by its customer number. A row without one is by an address or by its own id. A row without another address, too, is by what it
    refers to. A key that may stand for two things (`key_means`) counts like what a row refers to, and is buried only where no row with another customer's
    number or address has it. `emptied` is what the rows of others lose; `harvest` buries what the person's rows are known by.
#}
{% macro sweep_conditions(table, erased, homes) %}
    {%- set owned, nobody, known, strange, refers, emptied, buried = [], ['true'], [], ['true'], [], {}, [] -%}
    {% for name in table.owners %}
        {% do owned.append(among_erased(sha256_hex(name), 'crm_id', erased)) %}
        {% do nobody.append(name ~ ' is null') %}
    {% endfor %}
    {% for name, type in table.contacts.items() %}
        {% set normal = normalize_email(name) if type == 'email' else normalize_phone(name) %}
        {% set theirs = '(' ~ among_erased(sha256_hex('(' ~ normal ~ ')'), type, erased) ~ ' or ' ~ among_erased('lower(trim(' ~ name ~ '))', type, erased) ~ ')' %}
        {% do known.append(theirs) %}
        {% do strange.append('(' ~ name ~ ' is null or ' ~ theirs ~ ')') %}
        {% do emptied.update({name: theirs}) %}
    {% endfor %}
    {% for name, kind in table.own.items() %}
        {% do (refers if name in table.reusable else known).append(among_erased(sha256_hex('(' ~ buried_id(name, kind) ~ ')'), kind, erased)) %}
    {% endfor %}
    {% for name, kind in table.refers.items() %}
        {% do refers.append(among_erased(sha256_hex('(' ~ buried_id(name, kind) ~ ')'), kind, erased)) %}
        {% do emptied.update({name: refers[-1]}) %}
    {% endfor %}
    {% if refers %}{% do known.append('(' ~ strange | join(' and ') ~ ' and (' ~ refers | join(' or ') ~ '))') %}{% endif %}
    {% if known %}{% do owned.append('(' ~ nobody | join(' and ') ~ ' and (' ~ known | join(' or ') ~ '))') %}{% endif %}
    {% set theirs = '(' ~ owned | join(' or ') ~ ')' %}
    {% for name, kind in table.own.items() %}
        {% set id = '(' ~ buried_id(name, kind) ~ ')' %}
        {% set named = 'not (' ~ nobody | join(' and ') ~ ')' ~ (' or (' ~ strange | join(' and ') ~ ') is not true' if name in table.reusable else '') %}
        {% do buried.append("select '" ~ kind ~ "' as kind, plain from (select " ~ id ~ ' as plain, ' ~ theirs ~ ' as is_theirs, (' ~ named ~ ') as is_named from '
            ~ table.relation ~ ' where ' ~ name ~ ' is not null' ~ (' and ' ~ id ~ ' in (' ~ homes[kind] ~ ')' if kind in homes) ~ ') as seen group by plain'
            ~ ' having count(case when is_theirs then 1 end) > 0 and count(case when is_named and is_theirs is not true then 1 end) = 0') %}
    {% endfor %}
    {% set harvest = 'insert into ' ~ erased ~ ' (erasure_id, identifier_type, identifier_value, value_bits, erased_at)'
        ~ " select distinct 'found later', found.kind, " ~ sha256_hex('found.plain') ~ ', ' ~ sixty_bits('found.plain')
        ~ ", cast('" ~ run_started_at.strftime('%Y-%m-%d %H:%M:%S') ~ "' as timestamp) from (" ~ buried | join(' union all ') ~ ') as found'
        ~ ' where not exists (select 1 from ' ~ erased ~ ' as known where known.identifier_type = found.kind and known.identifier_value = '
        ~ sha256_hex('found.plain') ~ ')' %}
    {{ return({'theirs': theirs, 'emptied': emptied, 'harvest': harvest if buried else none}) }}
{% endmacro %}


{# A record's id as tombstones have it: Salesforce writes one id with 15 letters or, with a check on their case, with 18. #}
{% macro buried_id(name, kind) -%}
    {%- if kind in ['contact_id', 'lead_id', 'account_id', 'individual_id', 'opportunity_id', 'case_id', 'campaign_member_id'] -%}
    case when length({{ name }}) = 18 then substr({{ name }}, 1, 15) else {{ name }} end
    {%- else -%}{{ name }}{%- endif -%}
{%- endmacro %}


{# What a table held and who was erased when it was last swept, as one text. #}
{% macro sweep_state(table, erased) -%}
    (select concat(cast(count(*) as string), ' ', coalesce(cast(max(_loaded_at) as string), ''), ' ', cast((select count(*) from {{ erased }}) as string))
    from {{ table.relation }})
{%- endmacro %}


{# The names of the tables to which rows came, or since whose last sweep somebody was erased: one question for all of them. #}
{% macro unswept(landed, sweeps, erased) %}
    {% set states, names = [], [] %}
    {% for name, table in landed.items() %}
        {% do states.append("select '" ~ name ~ "' as table_name, " ~ sweep_state(table, erased) ~ ' as swept') %}
    {% endfor %}
    {% if states %}
        {% set found = run_query(
            'select found.table_name from (' ~ states | join(' union all ') ~ ') as found left join ' ~ sweeps ~ ' as earlier'
            ~ ' on found.table_name = earlier.table_name and found.swept = earlier.swept where earlier.table_name is null order by 1'
        ) %}
        {% for row in found.rows %}{% do names.append(row[0]) %}{% endfor %}
    {% endif %}
    {{ return(names) }}
{% endmacro %}


{% macro sweep_table(table, sweeps, erased) %}
    {% set either = ([table.theirs] + table.emptied.values() | list) | join(' or ') %}
    {% if run_query('select count(*) from ' ~ table.relation ~ ' where ' ~ either).rows[0][0] %}
        {% set ledger = built_models_ledger() %}
        {% if ledger is not none %}{% do run_query('delete from ' ~ ledger ~ ' where true') %}{% endif %}
        {% do run_query('delete from ' ~ table.relation ~ ' where ' ~ table.theirs) %}
        {% if table.emptied %}
            {% set cells = [] %}
            {% for name, condition in table.emptied.items() %}
                {% do cells.append(name ~ ' = case when ' ~ condition ~ ' then null else ' ~ name ~ ' end') %}
            {% endfor %}
            {% do run_query('update ' ~ table.relation ~ ' set ' ~ cells | join(', ') ~ ' where ' ~ table.emptied.values() | join(' or ')) %}
        {% endif %}
    {% endif %}
    {% set name = table.relation.identifier %}
    {% do run_query('delete from ' ~ sweeps ~ " where table_name = '" ~ name ~ "'") %}
    {% do run_query('insert into ' ~ sweeps ~ " (table_name, swept) select '" ~ name ~ "', " ~ sweep_state(table, erased)) %}
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
