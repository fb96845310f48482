-- Experiments that Braze draws: who comes in, who is in the control group,
-- and what the message changes.

create table experiment_people as
with offered as (
    select *
    from (values
        -- A Canvas with an offer by telephone: one in ten orders because of it.
        ('phone_offer', true, 0.9, 0.5, 0.10),
        -- A campaign that asks for an opinion. It changes nothing.
        ('inapp_survey', false, 0.6, 0.4, 0.0)
    ) as e (experiment, is_canvas, opens_app, control_share, moves_share)
),

users as (
    select person_no, any_value(person) as person, min(registered_us) as registered_us
    from crm_rows
    group by person_no
),

entering as (
    select
        offered.*,
        users.*,
        experiment || ':' || person_no as key,
        getvariable('start_us')
        + us_hours(60 + 180 * draw(experiment || ':' || person_no, 'enters')) as enrolled_us
    from offered
    cross join users
)

select
    *,
    draw(key, 'control') < control_share as is_control,
    -- What the message would change, in whichever group the person is.
    draw(key, 'moves') < moves_share as moves,
    enrolled_us + us_hours(1 + 250 * draw(key, 'moved_at')) as moved_us,
    800000000 + person_no as moved_visit_no
from entering
where registered_us < enrolled_us and draw(key, 'opens') < opens_app;
