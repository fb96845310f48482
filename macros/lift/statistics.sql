{#
    Statistics that SQL can give: tails and quantiles by formulas, with their errors.
    docs/lift.md has what each is held against.
#}

{#
    The two-sided p-value of a standard normal `z`, by Hart's rational approximation (West 2005).
    Its error is below 1e-14; beyond 7 the p-value is below 3e-12 and given as 0.
#}
{% macro normal_p_value(z) -%}
    {%- set a = 'abs(' ~ z ~ ')' -%}
    {%- set over = [
        '0.0352624965998911', '0.700383064443688', '6.37396220353165', '33.912866078383',
        '112.079291497871', '221.213596169931', '220.206867912376'
    ] -%}
    {%- set under = [
        '0.0883883476483184', '1.75566716318264', '16.064177579207', '86.7807322029461',
        '296.564248779674', '637.333633378831', '793.826512519948', '440.413735824752'
    ] -%}
    case
        when {{ a }} > 7 then 0e0
        else 2 * exp(0 - {{ a }} * {{ a }} / 2)
            * {{ polynomial(over, a) }} / {{ polynomial(under, a) }}
    end
{%- endmacro %}


{# A polynomial by Horner's rule, the coefficient of the highest power first. #}
{% macro polynomial(coefficients, x) -%}
    {%- set written = namespace(sql=coefficients[0]) -%}
    {%- for one in coefficients[1:] %}
        {% set written.sql = '(' ~ written.sql ~ ' * ' ~ x ~ ' + ' ~ one ~ ')' %}
    {% endfor -%}
    {{ written.sql }}
{%- endmacro %}


{#
    The standard normal value with the tail of Student's `t` at `df` degrees of freedom, without its
    sign, by Hill (1970). From 29 degrees on its error is below 1e-6. `w` is a column with
    `t_logarithm`, because it stands in the formula many times.
#}
{% macro normal_of_t(w, df) -%}
    {%- set b = '(48 * (' ~ df ~ ' - 0.5) * (' ~ df ~ ' - 0.5))' -%}
    ((
        (
            (((0 - 0.4 * {{ w }} - 3.3) * {{ w }} - 24) * {{ w }} - 85.5)
            / (0.8 * {{ w }} * {{ w }} + 100 + {{ b }})
            + {{ w }} + 3
        ) / {{ b }} + 1
    ) * sqrt({{ w }}))
{%- endmacro %}

{% macro t_logarithm(t, df) -%}
    (({{ df }} - 0.5) * ln(1 + {{ t }} * {{ t }} / {{ df }}))
{%- endmacro %}


{#
    The 97.5 % quantile of Student's t, by the series of Cornish and Fisher.
    From 29 degrees of freedom on its error is below 1e-6.
#}
{% macro t_quantile(df) -%}
    (
        1.959963984540054
        + {{ polynomial(
            ['1.589534', '2.555850', '2.822499', '2.372271', '0'], '(1 / ' ~ df ~ ')'
        ) }}
    )
{%- endmacro %}


{#
    The half-width of a 95 % interval that holds at every look, for a difference between `persons`
    with the standard error `error`. It is the asymptotic confidence sequence of Waudby-Smith and
    others (2024), with the normal mixture of the sequential t-test. It is narrowest at about 5,000
    persons.
#}
{% macro anytime_half_width(error, persons) -%}
    {%- set rho = '0.00158723092' -%}
    ({{ error }} * sqrt(
        2 * ({{ persons }} * {{ rho }} + 1) / ({{ persons }} * {{ rho }}) * ln(
            sqrt({{ persons }} * {{ rho }} + 1) / 0.05
        )
    ))
{%- endmacro %}


{#
    Rounded where it is made: shares to six decimals, amounts to two,
    so that both warehouses agree to the last digit.
#}
{% macro rounded_by_metric(expression, metric='metric') -%}
    case
        when {{ metric }} = 'conversion_rate' then {{ six_decimals(expression) }}
        else round(1e2 * ({{ expression }})) / 1e2
    end
{%- endmacro %}
