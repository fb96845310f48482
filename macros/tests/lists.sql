{# Every rate has a day, two currencies of three letters and a number above zero. #}
{% test rates_that_can_be_read(model) %}
    select *
    from {{ model }}
    where not coalesce(
        {{ madang.safe_cast_as('rate_date', 'date') }} is not null
        and {{ madang.regex_matches('trim(from_currency)', '^[A-Za-z]{3}$') }}
        and {{ madang.regex_matches('trim(to_currency)', '^[A-Za-z]{3}$') }}
        and {{ madang.safe_cast_as('rate', madang.float64()) }} between 1e-12 and 1e12,
        false
    )
{% endtest %}


{# Words of a list that are read as one (see word_key) stand for one thing. #}
{% test words_mean_one_thing(model, columns) %}
    select {{ madang.word_key('word') }} as word_key
    from {{ model }}
    group by 1
    having
    {% for column in columns %}
    min({{ column }}) <> max({{ column }}){{ ' or ' if not loop.last }}
    {% endfor %}
{% endtest %}


{# Every value of `column` stands with one value of `of`. #}
{% test one_meaning_of(model, column, of) %}
    select {{ column }}
    from {{ model }}
    group by {{ column }}
    having min({{ of }}) <> max({{ of }})
{% endtest %}


{#
    Every channel and purpose of a table of permits is one that people are asked about:
    in `consent_policy`.
#}
{% test is_in_the_policy(model) %}
    select permits.channel, permits.purpose, count(*) as rows_found
    from {{ model }} as permits
    left join {{ madang.list_of('consent_policy') }} as policy
        on permits.channel = policy.channel and permits.purpose = policy.purpose
    where policy.channel is null
    group by permits.channel, permits.purpose
{% endtest %}


{#
    A campaign of a platform is mapped to one campaign of links:
    with two its cost would have two places.
#}
{% test one_target_per_campaign(model) %}
    select
        lower(trim(platform)) as platform,
        min(campaign) as campaign,
        min(utm_campaign) as one_target,
        max(utm_campaign) as another_target
    from {{ model }}
    group by
        lower(trim(platform)), coalesce(trim(account_id), ''),
        {{ madang.campaign_word('campaign') }}
    having count(distinct {{ madang.campaign_word('utm_campaign') }}) > 1
{% endtest %}


{# Every tier is in the list of tiers, where a company has one. #}
{% test every_tier_is_in_the_list(model) %}
    select tier, count(*) as rows_found
    from {{ model }}
    where not is_in_list and exists (select 1 from {{ madang.list_of('tiers') }} as tiers)
    group by tier
{% endtest %}
