-- who was sent as many messages as a cap allows, and on which channels that holds them
with caps as (

    select cap_number, channel, most, time_window
    from {{ ref('message_caps') }}

),

sent as (

    select person_id, channel, sent_at
    from {{ ref('person_messages') }}

),

reached as (

    {{ messages_in_caps('sent') }}

),

-- of several caps that hold a channel the first
final as (

    select
        reached.person_id,
        caps.channel,
        caps.cap_number,
        caps.most,
        caps.time_window,
        reached.messages
    from reached
    inner join caps on reached.cap_number = caps.cap_number
    where reached.messages >= caps.most
    qualify
        row_number() over (partition by reached.person_id, caps.channel order by caps.cap_number)
        = 1

)

select * from final
