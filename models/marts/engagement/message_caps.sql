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

-- the caps as their YAML has them
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

-- a cap without channels counts and holds all channels of messages
with_channels as (

    select cap_number, channel, most, time_window, within_micros
    from caps
    where channel is not null
    union all
    select caps.cap_number, policy.channel, caps.most, caps.time_window, caps.within_micros
    from caps
    cross join policy
    where caps.channel is null

),

final as (

    select
        with_channels.cap_number,
        with_channels.channel,
        with_channels.most,
        with_channels.time_window,
        with_channels.within_micros,
        policy.channel is not null as is_in_policy
    from with_channels
    left join policy on with_channels.channel = policy.channel

)

select * from final
