{#
    What a message costs on each channel, as the list has it, in a currency: (channel,
    channel_group, price, currency). Another currency than the project's is converted at the rate of
    the message's day, by `join_fx_rates` and `converted`.
#}
{% macro message_prices() -%}
    select
        channel,
        channel_group,
        {{ number_from_text('price') }} as price,
        {{ currency_code('currency', reporting_currency()) }} as currency
    from {{ list_of('message_prices') }}
{%- endmacro %}
