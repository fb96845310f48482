{# The columns name one row: no two rows hold the same values, nulls included. #}
{% test unique_together(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as rows_found
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}


{# A condition that holds for every row; a condition that is null does not hold. #}
{% test holds(model, condition, column_name=none) %}
    select *
    from {{ model }}
    where not coalesce({{ condition }}, false)
{% endtest %}


{# Every rate has a day, two currencies of three letters and a number above zero. #}
{% test rates_that_can_be_read(model) %}
    select *
    from {{ model }}
    where not coalesce(
        {{ safe_cast_as('rate_date', 'date') }} is not null
        and {{ regex_matches('trim(from_currency)', '^[A-Za-z]{3}$') }}
        and {{ regex_matches('trim(to_currency)', '^[A-Za-z]{3}$') }}
        and {{ safe_cast_as('rate', float64()) }} between 1e-12 and 1e12,
        false
    )
{% endtest %}


{# No value looks like an e-mail address or a telephone number. #}
{% test without_personal_data(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    where
        {{ regex_matches('cast(' ~ column_name ~ ' as string)', '[^@ ]+@[^@ ]+[.][a-z]{2,}') }}
        or {{ regex_matches('cast(' ~ column_name ~ ' as string)', '(^|[^0-9a-f])([+]?82|0)1[016789][ -]?[0-9]{3,4}[ -]?[0-9]{4}([^0-9]|$)') }}
{% endtest %}
