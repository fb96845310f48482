{#
    The landed tables that say something about people, by name,
    each with the conditions and statements of the sweep.
#}
{% macro landed_about_people(erased) %}
    {%- set tables, homes = {}, {} -%}
    {% for source in graph.sources.values() if source.schema == target.schema ~ '_raw' %}
        {% set found = columns_about_people(source) %}
        {% set relation = adapter.get_relation(
            database=source.database, schema=source.schema, identifier=source.identifier
        ) %}
        {% if relation is not none
            and (found.owners or found.contacts or found.own or found.refers) %}
            {% do tables.update({source.identifier: dict(found, relation=relation)}) %}
            {% for name, condition in found.only_where.items() %}
                {% do homes.update({
                    found.own[name]: 'select ' ~ buried_id(name, found.own[name]) ~ ' from '
                    ~ relation ~ ' where lower(' ~ condition ~ ") = 'true'"
                }) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% for table in tables.values() %}
        {% do table.update(sweep_conditions(table, erased, homes)) %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}


{#
    The columns of a landed table that stand for a person, their names quoted. Lists: `owners`
    (customer numbers) and `reusable` (keys that may stand for two things). By name: `contacts`
    (type), `own` (kind), `refers` (kind) and `only_where` (column). See `identifies` and
    `refers_to` in docs/loading.md.
#}
{% macro columns_about_people(source) %}
    {%- set found = {
        'owners': [], 'contacts': {}, 'own': {}, 'refers': {}, 'only_where': {}, 'reusable': []
    } -%}
    {%- set load = (
        (source.get('config') or {}).get('meta') or source.get('meta') or {}
    ).get('load') or {} -%}
    {% for column in source.columns.values() %}
        {% set meta = (column.get('config') or {}).get('meta') or column.get('meta') or {} %}
        {% set name = adapter.quote(column.name) %}
        {% set kind = meta.get('identifies')
            or (meta.get('type') if meta.get('type') in ['email', 'phone'] else none) %}
        {% if kind == 'crm_id' %}{% do found.owners.append(name) %}
        {% elif kind in ['email', 'phone'] %}{% do found.contacts.update({name: kind}) %}
        {% elif kind %}{% do found.own.update({name: kind}) %}
        {% elif meta.get('refers_to') %}{% do found.refers.update({name: meta.get('refers_to')}) %}
        {% endif %}
        {% if load.get('key_means') and column.name in load.get('key') %}
            {% do found.reusable.append(name) %}
        {% endif %}
        {% if meta.get('only_where') %}
            {% do found.only_where.update({name: adapter.quote(meta.get('only_where'))}) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    When a row is an erased person's: by its customer number; without one, by an address or its own
    id; without another address, also by what it refers to.

    A key that may stand for two things (`key_means`) counts like a reference. It is buried only
    where no row with another customer's number or address has it. `emptied`: what the rows of
    others lose. `harvest`: the statement that buries the ids of the person's rows.
#}
{% macro sweep_conditions(table, erased, homes) %}
    {%- set owned, nobody, known, strange, refers, emptied, buried = [], ['true'], [], ['true'], [],
        {}, [] -%}
    {% for name in table.owners %}
        {% do owned.append(among_erased(sha256_hex(name), 'crm_id', erased)) %}
        {% do nobody.append(name ~ ' is null') %}
    {% endfor %}
    {% for name, type in table.contacts.items() %}
        {% set normal = normalize_email(name) if type == 'email' else normalize_phone(name) %}
        {% set theirs = '(' ~ among_erased(sha256_hex('(' ~ normal ~ ')'), type, erased) ~ ' or '
            ~ among_erased('lower(trim(' ~ name ~ '))', type, erased) ~ ')' %}
        {% do known.append(theirs) %}
        {% do strange.append('(' ~ name ~ ' is null or ' ~ theirs ~ ')') %}
        {% do emptied.update({name: theirs}) %}
    {% endfor %}
    {% for name, kind in table.own.items() %}
        {% do (refers if name in table.reusable else known).append(
            among_erased(sha256_hex('(' ~ buried_id(name, kind) ~ ')'), kind, erased)
        ) %}
    {% endfor %}
    {% for name, kind in table.refers.items() %}
        {% do refers.append(
            among_erased(sha256_hex('(' ~ buried_id(name, kind) ~ ')'), kind, erased)
        ) %}
        {% do emptied.update({name: refers[-1]}) %}
    {% endfor %}
    {% if refers %}
        {% do known.append(
            '(' ~ strange | join(' and ') ~ ' and (' ~ refers | join(' or ') ~ '))'
        ) %}
    {% endif %}
    {% if known %}
        {% do owned.append('(' ~ nobody | join(' and ') ~ ' and (' ~ known | join(' or ') ~ '))') %}
    {% endif %}
    {% set theirs = '(' ~ owned | join(' or ') ~ ')' %}
    {% for name, kind in table.own.items() %}
        {% set id = '(' ~ buried_id(name, kind) ~ ')' %}
        {% set named = 'not (' ~ nobody | join(' and ') ~ ')' ~ (
            ' or (' ~ strange | join(' and ') ~ ') is not true' if name in table.reusable else ''
        ) %}
        {% do buried.append("select '" ~ kind ~ "' as kind, plain from (select " ~ id
            ~ ' as plain, ' ~ theirs ~ ' as is_theirs, (' ~ named ~ ') as is_named from '
            ~ table.relation ~ ' where ' ~ name ~ ' is not null'
            ~ (' and ' ~ id ~ ' in (' ~ homes[kind] ~ ')' if kind in homes)
            ~ ') as seen group by plain'
            ~ ' having count(case when is_theirs then 1 end) > 0 and count(case when is_named and '
            ~ 'is_theirs is not true then 1 end) = 0') %}
    {% endfor %}
    {% set harvest = 'insert into ' ~ erased
        ~ ' (erasure_id, identifier_type, identifier_value, value_bits, erased_at)'
        ~ " select distinct 'found later', found.kind, " ~ sha256_hex('found.plain') ~ ', '
        ~ sixty_bits('found.plain')
        ~ ", cast('" ~ run_started_at.strftime('%Y-%m-%d %H:%M:%S') ~ "' as timestamp) from ("
        ~ buried | join(' union all ') ~ ') as found'
        ~ ' where not exists (select 1 from ' ~ erased
        ~ ' as known where known.identifier_type = found.kind and known.identifier_value = '
        ~ sha256_hex('found.plain') ~ ')' %}
    {{ return({'theirs': theirs, 'emptied': emptied, 'harvest': harvest if buried else none}) }}
{% endmacro %}


{#
    A record's id as tombstones have it:
    Salesforce writes one id with 15 letters or, with a check on their case, with 18.
#}
{% macro buried_id(name, kind) -%}
    {%- if kind in [
        'contact_id', 'lead_id', 'account_id', 'individual_id',
        'opportunity_id', 'case_id', 'campaign_member_id'
    ] -%}
    case when length({{ name }}) = 18 then substr({{ name }}, 1, 15) else {{ name }} end
    {%- else -%}{{ name }}{%- endif -%}
{%- endmacro %}
