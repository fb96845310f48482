{#
    The key of a message of Braze: its dispatch, or what began it, and the user.
    A dispatch of several channels is a message on each.
#}
{% macro braze_message_key(relation) -%}
    {{ surrogate_key(
        ["'braze'", relation ~ '.message_ref', relation ~ '.current_user_id', relation ~ '.channel']
    ) }}
{%- endmacro %}
