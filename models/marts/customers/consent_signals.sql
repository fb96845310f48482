-- what each statement means, by the list of rules, on each channel and purpose, and for whom
with statements as (

    select *
    from {{ ref('consent_statements') }}

),

rules as (

    select source, signal, via, channel, purpose, effect, reason
    from {{ list_of('consent_signal_rules') }}

),

policy as (

    select channel, purpose, address
    from {{ list_of('consent_policy') }}

),

persons as (

    select statement_id, person_id, met_by
    from {{ ref('consent_persons') }}

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

-- only a no is heard for who has an address that it names. The two sides are compared as numbers:
-- over an `or` of both DuckDB would hold every statement against every person
of_persons as (

    select with_rule.*, persons.person_id, persons.met_by
    from with_rule
    left join persons
        on with_rule.statement_id = persons.statement_id
        and case with_rule.effect when 'closes' then 1 else 0 end
            >= case persons.met_by when 'record' then 0 else 1 end

),

for_channels as (

    select
        of_persons.*,
        policy.channel as policy_channel,
        policy.purpose as policy_purpose,
        case policy.address
            when 'email' then of_persons.email_hash
            when 'phone' then of_persons.phone_hash
        end as address_hash
    from of_persons
    inner join policy
        on (
            of_persons.rule_channel in (policy.channel, 'all')
            or (
                of_persons.rule_channel = 'own'
                and coalesce(of_persons.channel, policy.channel) = policy.channel
            )
        )
        and (
            of_persons.rule_purpose in (policy.purpose, 'all')
            or (
                of_persons.rule_purpose = 'own'
                and coalesce(of_persons.purpose, policy.purpose) = policy.purpose
            )
        )
    where of_persons.effect <> 'closes_address' or policy.address in ('email', 'phone')

),

-- a bounce that does not say of which address closes the channel
final as (

    select
        {{ surrogate_key(
            ['statement_id', 'policy_channel', 'policy_purpose', 'person_id', 'met_by']
        ) }} as signal_id,
        statement_id,
        person_id,
        met_by,
        policy_channel as channel,
        policy_purpose as purpose,
        source,
        signal,
        via,
        case when effect = 'closes_address' and address_hash is null then 'closes' else effect end
            as effect,
        reason,
        address_hash,
        is_night,
        policy_version,
        occurred_at
    from for_channels

)

select * from final
