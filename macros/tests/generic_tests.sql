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


{# Every value is a SHA-256, where `only` holds. #}
{% test hashed(model, column_name, only='true') %}
    select {{ column_name }}
    from {{ model }}
    where
        {{ only }}
        and {{ column_name }} is not null
        and not {{ regex_matches('cast(' ~ column_name ~ ' as string)', '^[0-9a-f]{64}$') }}
{% endtest %}


{#
    No value holds an e-mail address or a mobile telephone number, as masking knows them. Hashes and UUIDs are not looked at: among millions of them some read
    like a number.
#}
{% test without_personal_data(model, column_name) %}
    {%- set text = 'cast(' ~ column_name ~ ' as string)' %}
    select {{ column_name }}
    from {{ model }}
    where
        not {{ regex_matches(text, '^(masked:)?[0-9A-Fa-f-]{32,}$') }}
        and (
            {{ regex_matches(text, '[^@ ]+@[^@ ]+[.][A-Za-z]{2,}') }}
            or {{ regex_matches(text, ga4_phone_pattern()) }}
        )
{% endtest %}


{# Words of a list that are read as one (see word_key) stand for one thing. #}
{% test words_mean_one_thing(model, columns) %}
    select {{ word_key('word') }} as word_key
    from {{ model }}
    group by 1
    having {% for column in columns %}min({{ column }}) <> max({{ column }}){{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}


{# Every value of `column` stands with one value of `of`. #}
{% test one_meaning_of(model, column, of) %}
    select {{ column }}
    from {{ model }}
    group by {{ column }}
    having min({{ of }}) <> max({{ of }})
{% endtest %}
