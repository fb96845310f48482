{%- set shards = ga4_changed_user_shards(ref('base_ga4__user_shards')) -%}
{{ config(
    materialized='incremental',
    unique_key='user_key',
    on_schema_change='append_new_columns',
    pre_hook="{{ ga4_forget_days() }}",
    post_hook="{{ ga4_record_user_days() }}"
) }}

with source as (

    {{ ga4_users_of(shards) }}

),

masked as (

    select * replace ({{ ga4_masked_id('user_id') }} as user_id)
    from source

),

keyed as (

    select
        *,
        coalesce(user_id, pseudo_user_id) as exported_id,
        {{ surrogate_key(['property_id', 'user_kind', 'coalesce(user_id, pseudo_user_id)']) }}
            as user_key,
        {{ date_from_suffix('substr(shard_suffix, -8)') }} as shard_date
    from masked
    where coalesce(user_id, pseudo_user_id) is not null

),

-- a person is exported on every day on which something about them changed; the last word counts
latest as (

    select *
    from keyed
    qualify row_number() over (
        partition by user_key
        order by
            shard_date desc, last_updated_date desc,
            user_info.last_active_timestamp_micros desc, stream_id
    ) = 1

),

final as (

    select latest.*
    from latest
    {%- if is_incremental() %}
    left join {{ this }} as held on latest.user_key = held.user_key
    where held.shard_date is null or held.shard_date <= latest.shard_date
    {%- endif %}

)

select * from final
