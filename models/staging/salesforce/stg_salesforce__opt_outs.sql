{%- set opt_outs = {
    'contacts': ['has_opted_out_of_email', 'do_not_call'],
    'leads': ['has_opted_out_of_email', 'do_not_call'],
    'individuals': [
        'has_opted_out_solicit', 'has_opted_out_profiling', 'has_opted_out_processing', 'has_opted_out_tracking', 'should_forget',
    ],
} -%}

-- a box that is ticked is a no from the moment at which it was ticked, not from the record's last change
with states as (

    {% for object, boxes in opt_outs.items() -%}
    {%- set last_object = loop.last -%}
    {% for box in boxes -%}
    select
        '{{ object }}' as object,
        {{ salesforce_id('id') }} as record_id,
        '{{ box }}' as opt_out,
        {{ box }} = 'true' as is_ticked,
        coalesce({{ timestamp_from_text('modified_at') }}, _loaded_at) as changed_at,
        _loaded_at as loaded_at,
        _sha256 as file_sha256,
        _row as file_row
    from {{ source('salesforce', object) }}
    where id is not null and {{ box }} is not null and {{ known_by_then() }}
    {{ 'union all' if not (last_object and loop.last) }}
    {% endfor -%}
    {% endfor %}
),

with_state_before as (

    select
        *,
        lag(is_ticked) over (
            partition by object, record_id, opt_out
            order by changed_at, loaded_at, file_sha256 desc, file_row
        ) as was_ticked
    from states

),

final as (

    select
        {{ surrogate_key(['object', 'record_id', 'opt_out', micros_of('changed_at'), 'loaded_at', 'file_sha256', 'file_row']) }}
            as opt_out_id,
        object,
        record_id,
        opt_out,
        changed_at as opted_out_at,
        loaded_at
    from with_state_before
    where is_ticked and not coalesce(was_ticked, false)

)

select * from final
