-- sources that are hosts or names of sites, and the hosts of referrers
with referrers as (

    select distinct landing_referrer
    from {{ ref('session_totals') }}
    where landing_referrer is not null

),

hosts as (

    select source_lower as host
    from {{ ref('traffic_sources') }}

    union distinct

    select {{ url_host('landing_referrer') }} as host
    from referrers

),

listed as (

    select host as known_host, channel_plus, name
    from {{ list_of('channel_hosts') }}

),

-- the longest name that fits: blog.naver.com rather than naver.com
final as (

    select hosts.host, listed.known_host, listed.channel_plus, listed.name
    from hosts
    inner join listed
        on hosts.host = listed.known_host
        or hosts.host like concat('%.', listed.known_host)
    qualify row_number() over (partition by hosts.host order by length(listed.known_host) desc) = 1

)

select * from final
