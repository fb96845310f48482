-- sources that are hosts or names of sites, and the hosts of referrers
with referrers as (

    select distinct landing_referrer
    from {{ ref('session_totals') }}
    where landing_referrer is not null

),

seen as (

    select source_lower as host
    from {{ ref('traffic_sources') }}

    union distinct

    select {{ url_host('landing_referrer') }} as host
    from referrers

),

known as (

    select host as known_host, channel_plus, name
    from {{ list_of('channel_hosts') }}

),

-- the longest name that fits: blog.naver.com rather than naver.com
final as (

    select seen.host, known.known_host, known.channel_plus, known.name
    from seen
    inner join known
        on seen.host = known.known_host
        or seen.host like concat('%.', known.known_host)
    qualify row_number() over (partition by seen.host order by length(known.known_host) desc) = 1

)

select * from final
