-- what each statement means for whom: its person, and where it names somebody else's address those who have that address
with statements as (

    select *
    from {{ ref('consent_statements') }}

),

rules as (

    select source, signal, via, channel, purpose, effect, reason
    from {{ ref('consent_signal_rules') }}

),

policy as (

    select channel, purpose, address
    from {{ ref('consent_policy') }}

),

record_persons as (

    select source, record_id, person_id
    from {{ ref('record_persons') }}
    where source in ('consent', 'braze', 'salesforce') and person_id is not null

),

customer_numbers as (

    select identifier_value as customer_no, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'crm_id'

),

addresses as (

    select distinct person_id, {{ sha256_hex('field_value') }} as address_hash
    from {{ ref('customer_values') }}
    where field in ('email', 'phone')

),

-- of the rules for a signal those that name the way it came by stand before those for any way
with_rule as (

    select
        statements.*,
        coalesce(rules.channel, 'own') as rule_channel,
        coalesce(rules.purpose, 'own') as rule_purpose,
        coalesce(rules.effect, 'unknown') as effect,
        rules.reason
    from statements
    left join rules
        on statements.source = rules.source
        and statements.signal = rules.signal
        and rules.via in ('any', statements.via)
    qualify rank() over (
        partition by statements.statement_id order by case when rules.via = 'any' then 1 else 0 end
    ) = 1

),

of_records as (

    select statements.statement_id, coalesce(record_persons.person_id, customer_numbers.person_id) as person_id
    from statements
    left join record_persons
        on statements.source = record_persons.source
        and statements.record_id = record_persons.record_id
    left join customer_numbers on statements.customer_no = customer_numbers.customer_no

),

named_addresses as (

    select statement_id, email_hash as address_hash
    from statements
    where email_hash is not null

    union distinct

    select statement_id, phone_hash
    from statements
    where phone_hash is not null

),

of_addresses as (

    select distinct named_addresses.statement_id, addresses.person_id
    from named_addresses
    inner join addresses on named_addresses.address_hash = addresses.address_hash
    left join of_records on named_addresses.statement_id = of_records.statement_id
    left join addresses as own_addresses
        on of_records.person_id = own_addresses.person_id
        and named_addresses.address_hash = own_addresses.address_hash
    where own_addresses.person_id is null

),

-- only a no is heard for whom it does not name
of_persons as (

    select with_rule.*, of_records.person_id, case when of_records.person_id is not null then 'record' end as met_by
    from with_rule
    left join of_records on with_rule.statement_id = of_records.statement_id

    union all

    select with_rule.*, of_addresses.person_id, 'address'
    from with_rule
    inner join of_addresses on with_rule.statement_id = of_addresses.statement_id
    where with_rule.effect = 'closes'

),

for_channels as (

    select
        of_persons.*,
        policy.channel as policy_channel,
        policy.purpose as policy_purpose,
        case policy.address when 'email' then of_persons.email_hash when 'phone' then of_persons.phone_hash end
            as address_hash
    from of_persons
    inner join policy
        on (
            of_persons.rule_channel in (policy.channel, 'all')
            or (of_persons.rule_channel = 'own' and coalesce(of_persons.channel, policy.channel) = policy.channel)
        )
        and (
            of_persons.rule_purpose in (policy.purpose, 'all')
            or (of_persons.rule_purpose = 'own' and coalesce(of_persons.purpose, policy.purpose) = policy.purpose)
        )
    where of_persons.effect <> 'closes_address' or policy.address in ('email', 'phone')

),

-- a bounce that does not say of which address closes the channel
final as (

    select
        {{ surrogate_key(['statement_id', 'policy_channel', 'policy_purpose', 'person_id', 'met_by']) }} as signal_id,
        statement_id,
        person_id,
        met_by,
        policy_channel as channel,
        policy_purpose as purpose,
        source,
        signal,
        via,
        case when effect = 'closes_address' and address_hash is null then 'closes' else effect end as effect,
        reason,
        address_hash,
        is_night,
        policy_version,
        occurred_at
    from for_channels

)

select * from final
