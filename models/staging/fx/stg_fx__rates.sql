with source as (

    select rate_date, from_currency, to_currency, rate
    from {{ list_of('fx_rates') }}

),

renamed as (

    select
        upper(trim(from_currency)) as from_currency,
        upper(trim(to_currency)) as to_currency,
        {{ safe_cast_as('rate', float64()) }} as rate,
        {{ safe_cast_as('rate_date', 'date') }} as rate_date
    from source

),

-- a rate counts until the next one, and no longer than it may be old
final as (

    select
        from_currency,
        to_currency,
        rate,
        rate_date as valid_from,
        least(
            coalesce(
                lead(rate_date) over (partition by from_currency, to_currency order by rate_date),
                date '9999-12-31'
            ),
            {{ date_plus('rate_date', var('fx_rate_max_age_days') + 1) }}
        ) as valid_to
    from renamed
    where rate > 0 and rate_date is not null and from_currency <> to_currency

)

select * from final
