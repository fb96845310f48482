-- every name that a platform ever gave a campaign; one with an id keeps its key when it is renamed
with versions as (

    select
        platform,
        account_id,
        campaign_id,
        campaign,
        cost_date,
        {{ campaign_word('campaign') }} as campaign_word
    from {{ ref('stg_ads__cost_versions') }}

),

final as (

    select
        {{ surrogate_key([
            'platform', 'account_id', "case when campaign_id is not null then 'id' else 'name' end",
            'coalesce(campaign_id, campaign_word)',
        ]) }} as ad_campaign_key,
        platform,
        account_id,
        campaign_id,
        campaign,
        campaign_word,
        min(cost_date) as first_date,
        max(cost_date) as last_date
    from versions
    group by platform, account_id, campaign_id, campaign, campaign_word

)

select * from final
