-- addresses that came with several names: which of these are another person's
with rules as (

    select identifier_type
    from {{ list_of('identifier_rules') }}
    where max_odd_names is not null

),

named as (

    {% for type in ['email', 'phone'] -%}
    select
        records.{{ type }}_hash as identifier_value,
        '{{ type }}' as identifier_type,
        records.name_key, records.name, records.crm_id, records.evidence_count,
        records.first_seen_at
    from {{ ref('identity_records') }} as records
    inner join rules on rules.identifier_type = '{{ type }}'
    where records.{{ type }}_hash is not null and records.name_key is not null
    {{ 'union all' if not loop.last }}

    {% endfor %}
),

-- so many names that nobody need compare them are several people's in any case
several as (

    select identifier_type, identifier_value
    from named
    group by identifier_type, identifier_value
    having count(distinct name_key) between 2 and 20

),

by_customer as (

    select
        named.identifier_type, named.identifier_value, named.name_key, named.crm_id,
        min({{ single_letters(name_words('named.name')) }}) as words,
        sum(named.evidence_count) as records,
        min(named.first_seen_at) as first_seen_at
    from named
    inner join several
        on named.identifier_type = several.identifier_type
        and named.identifier_value = several.identifier_value
    group by named.identifier_type, named.identifier_value, named.name_key, named.crm_id

),

-- the name on most records is whose the address is
ranked as (

    select
        identifier_type,
        identifier_value,
        name_key,
        min(words) as words,
        row_number() over (
            partition by identifier_type, identifier_value
            order by sum(records) desc, min(first_seen_at), name_key
        ) as place
    from by_customer
    where words is not null
    group by identifier_type, identifier_value, name_key

),

single_words as (

    select ranked.*, word
    from ranked
    cross join {{ rows_of_words('ranked.words', 'word') }}

),

-- each word of another name beside each of the owner's
matched as (

    select
        other.identifier_type,
        other.identifier_value,
        other.name_key,
        min(other.words) as words,
        min(own.words) as own_words,
        {% for of in ['other', 'own'] -%}
        count(distinct {{ of }}.word)
        - count(
            distinct case when {{ is_word_alike('other.word', 'own.word') }} then {{ of }}.word end
        ) as odd_{{ of }}_words{{ ',' if not loop.last }}
        {% endfor %}
    from single_words as other
    inner join single_words as own
        on other.identifier_type = own.identifier_type
        and other.identifier_value = own.identifier_value
        and own.place = 1
    where other.place > 1
    group by other.identifier_type, other.identifier_value, other.name_key

),

-- two scripts cannot be compared, nor can a first name alone and a surname alone
compared as (

    select
        *,
        {{ script_of('words') }} = {{ script_of('own_words') }}
        and ({{ script_of('words') }} <> 'latin' or words like '% %' or own_words like '% %')
        and odd_other_words > 0
        and odd_own_words > 0
        and {{ edit_distance("replace(words, ' ', '')", "replace(own_words, ' ', '')") }}
        > case when {{ script_of('words') }} = 'latin' then 2 else 1 end as is_odd
    from matched

),

own_customers as (

    select by_customer.identifier_type, by_customer.identifier_value, by_customer.crm_id
    from by_customer
    inner join ranked
        on by_customer.identifier_type = ranked.identifier_type
        and by_customer.identifier_value = ranked.identifier_value
        and by_customer.name_key = ranked.name_key
    where ranked.place = 1 and by_customer.crm_id is not null

),

-- a customer of that name, or a second record without a customer, is evidence of another person
final as (

    select
        compared.identifier_type,
        compared.identifier_value,
        compared.name_key,
        compared.is_odd,
        compared.is_odd
        and (
            count(
                case when by_customer.crm_id is not null and own_customers.crm_id is null then 1 end
            ) > 0
            or coalesce(sum(case when by_customer.crm_id is null then by_customer.records end), 0)
                > 1
        ) as is_another_person
    from compared
    inner join by_customer
        on compared.identifier_type = by_customer.identifier_type
        and compared.identifier_value = by_customer.identifier_value
        and compared.name_key = by_customer.name_key
    left join own_customers
        on by_customer.identifier_type = own_customers.identifier_type
        and by_customer.identifier_value = own_customers.identifier_value
        and by_customer.crm_id = own_customers.crm_id
    group by compared.identifier_type, compared.identifier_value, compared.name_key, compared.is_odd

)

select * from final
