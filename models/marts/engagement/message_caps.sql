{%- set rows = [] -%}
{%- for cap in message_caps() -%}
    {%- set number = loop.index -%}
    {%- for channel in cap.get('channels') or [none] -%}
        {%- do rows.append([
            number,
            text_literal(channel) if channel else 'null',
            cap.most,
            text_literal(cap.within),
            duration_micros(cap.within),
        ]) -%}
    {%- endfor -%}
{%- endfor -%}

-- the caps as their YAML has them; one without channels counts and holds all channels of messages
with caps as (

    {{ rows_of(
        {
            'cap_number': 'int64', 'channel': 'string', 'most': 'int64',
            'time_window': 'string', 'within_micros': 'int64'
        },
        rows,
    ) }}

),

policy as (

    select channel
    from {{ list_of('consent_policy') }}
    where purpose = 'marketing'

),

final as (

    select
        caps.cap_number,
        coalesce(caps.channel, policy.channel) as channel,
        caps.most,
        caps.time_window,
        caps.within_micros,
        policy.channel is not null as is_in_policy
    from caps
    left join policy on coalesce(caps.channel, policy.channel) = policy.channel

)

select * from final
