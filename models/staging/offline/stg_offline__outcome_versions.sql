-- every version of each outcome that was reported, in the order in which it happened,
-- whenever its file came
with source as (

    select
        outcome_id, product, application_id, line_id, customer_no, phone, status, occurred_at,
        cancelled_at, value, currency, reason, branch_id, _sha256, _row, _loaded_at
    from {{ source('offline', 'outcomes') }}

),

statuses as (

    {{ words_of(list_of('outcome_statuses'), ['status', 'meaning']) }}

),

products as (

    {{ words_of(list_of('outcome_products'), ['product']) }}

),

-- words that the lists do not know are kept as they are
understood as (

    select
        source.*,
        coalesce(products.product, {{ masked_text(word_key('source.product')) }}) as known_product,
        coalesce(statuses.status, {{ masked_text(word_key('source.status')) }}) as known_status,
        coalesce(statuses.meaning, 'unknown') as meaning,
        products.product is not null as is_known_product
    from source
    left join products on {{ word_key('source.product') }} = products.word_key
    left join statuses on {{ word_key('source.status') }} = statuses.word_key
    where source.outcome_id is not null and {{ known_by_then() }}

),

renamed as (

    select
        -- ids
        outcome_id as given_outcome_id, application_id, line_id, customer_no, branch_id,

        -- strings
        known_product as product,
        known_status as status,
        meaning,
        {{ normalize_phone('phone') }} as phone,
        {{ hash_as_given('phone') }} as phone_hash,
        {{ currency_code('currency', reporting_currency()) }} as currency,
        {{ masked_text('reason') }} as reason,

        -- numerics
        {{ number_from_text('value') }} as value,

        -- booleans
        is_known_product,

        -- timestamps
        coalesce(
            case
                when meaning in ('lost', 'reversed', 'churned')
                    then {{ timestamp_from_text('cancelled_at') }}
            end,
            {{ timestamp_from_text('occurred_at') }}
        ) as occurred_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from understood

),

-- an outcome number that was given to two applications,
-- customers or telephones stands for two outcomes
compared as (

    select
        *,
        coalesce(min(product) over same_number = max(product) over same_number, true)
        and coalesce(
            min(application_id) over same_number = max(application_id) over same_number, true
        )
        and coalesce(min(customer_no) over same_number = max(customer_no) over same_number, true)
        and (
            coalesce(min(any_phone) over same_number = max(any_phone) over same_number, true)
            or count(*) over same_number = count(application_id) over same_number
            or count(*) over same_number = count(customer_no) over same_number
        ) as is_one_outcome
    from (select *, coalesce(phone, phone_hash) as any_phone from renamed) as reported
    window same_number as (partition by given_outcome_id)

),

with_outcome as (

    select
        *,
        case
            when is_one_outcome then given_outcome_id
            else {{ surrogate_key(
                ['given_outcome_id', 'product', 'application_id', 'customer_no', 'any_phone']
            ) }}
        end as outcome_id
    from compared

),

-- one status at one moment, told again, is no other version; what was loaded last knows best
deduplicated as (

    select *
    from with_outcome
    qualify row_number() over (
        partition by outcome_id, occurred_at, status
        order by loaded_at desc, file_sha256, file_row desc
    ) = 1

),

-- a status that was told again later, or another one of the same moment that was loaded later,
-- takes a version's place
ranked as (

    select
        *,
        row_number() over (
            partition by outcome_id, status
            order by occurred_at desc, loaded_at desc, file_sha256, file_row desc
        ) > 1
        or row_number() over (
            partition by outcome_id, occurred_at
            order by loaded_at desc, file_sha256, file_row desc, status desc
        ) > 1 as is_superseded,
        count(*) over (partition by outcome_id) as versions,
        row_number() over (
            partition by outcome_id
            order by occurred_at desc, loaded_at desc, file_sha256, file_row desc, status desc
        ) as recency
    from deduplicated

),

final as (

    select
        {{ surrogate_key(['outcome_id', micros_of('occurred_at'), 'status']) }} as version_key,
        ranked.*,
        versions - recency + 1 as version_number,
        recency = 1 as is_last
    from ranked

)

select * from final
