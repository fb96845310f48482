{#
    What was sent last of each key and field by the sync of this model: (sync_key, field, is_there:
    the destination was given it and has it, or may have it).
#}
{% macro sync_last_sent() -%}
    select
        sync_key,
        field,
        operation <> 'remove' as is_there
    from {{ ref('stg_sync__deliveries') }} as deliveries
    where sync in ({{ madang.sync_names() }}) and status in ('accepted', 'unknown')
    qualify row_number() over (
        partition by sync_key, field
        order by {{ madang.newest_delivery_first('deliveries') }}
    ) = 1
{%- endmacro %}


{#
    The order of the deliveries of one key and field. The ledger's number decides, because a clock
    may be set back. A later answer to a run has the run's number, and the run's id with -later at
    its end.
#}
{% macro newest_delivery_first(deliveries) -%}
    coalesce({{ deliveries }}.ledger_no, 0) desc, {{ deliveries }}.run_id desc
{%- endmacro %}
