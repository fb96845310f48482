"""Makes the scores from the marts, and lands them: the next build stages and publishes them."""

import importlib.util
from collections.abc import Iterable

from madang import ui
from madang.score import ScoreError
from madang.score.made import NO_BETTER, PUBLISHED, TOO_FEW, Made
from madang.settings.workspace import Settings
from madang.specs.project import read_project
from madang.sync import files
from madang.sync.clock import new_id, stamp, utc_now
from madang.warehouse import Warehouse, open_warehouse

LANDED = {"_file": "string", "_loaded_at": "timestamp"}
SCORES = {
    **{"score_run": "string", "model": "string", "version": "string", "anchor_key": "string"},
    **{"as_of": "timestamp", "value": "double", **LANDED},
}
QUALITY = {
    **{"score_run": "string", "model": "string", "version": "string", "as_of": "timestamp"},
    **{"status": "string", "measure": "string", "value": "double", "baseline": "double"},
    **{"persons": "bigint", "positives": "bigint", **LANDED},
}
MEANING = {
    PUBLISHED: "better than the simple rule; the next build publishes it",
    NO_BETTER: "no better than the simple rule: no score is given",
    TOO_FEW: "too few people or outcomes: no score is given",
}


def score(settings: Settings) -> int:
    """Make every score and land it; return the exit code, 0.

    Raises ScoreError where the extra is not installed or the marts are not built.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ScoreError(
            "Scores need packages that are not installed.", fix="pip install 'madang[science]'"
        )
    from threadpoolctl import threadpool_limits

    from madang.score import customers, propensity

    declared = read_project(settings.project_dir).vars
    horizon = int(declared["score_horizon_days"])
    threads = threadpool_limits(settings.warehouse.threads)
    with threads, open_warehouse(settings) as warehouse, ui.progress("Scoring") as step:
        rows = _read(warehouse, "purchase_histories")
        step("customer value")
        made = customers.customer_value(rows, horizon)
        step("clusters")
        made.append(customers.clusters(rows))
        for goal in sorted(declared.get("score_goals") or {}):
            step(goal)
            of_goal = f"where goal = {warehouse.dialect.literal(goal)}"
            made.append(propensity.propensity(goal, _read(warehouse, "goal_moments", of_goal)))
        _land(settings, warehouse, made)
    show(made)
    return 0


def _read(warehouse: Warehouse, mart: str, which: str = "") -> list[dict]:
    if not warehouse.exists("marts", mart):
        raise ScoreError(
            f"The mart '{mart}' is not in the warehouse.", fix="Run 'madang build' first."
        )
    return warehouse.fetch(f"select * from {warehouse.relation('marts', mart)} {which}")


def _land(settings: Settings, warehouse: Warehouse, made: Iterable[Made]) -> None:
    """Append the rows of this run; the quality last, so that a run that died counts for nothing."""
    now = utc_now()
    run = new_id(now)
    common = {"score_run": run, "as_of": stamp(settings.now()), "_file": f"score-{run}"}
    common["_loaded_at"] = stamp(now)
    scores, quality = [], []
    for one in made:
        named = {**common, "model": one.model, "version": one.version}
        if one.status == PUBLISHED:
            scores += [
                {**named, "anchor_key": person, "value": value}
                for person, value in one.scores.items()
            ]
        named["status"] = one.status
        if not one.quality:
            quality.append({**named, "persons": one.persons, "positives": one.positives})
        for told in one.quality:
            measured = {"measure": told.measure, "value": told.value, "baseline": told.baseline}
            people = {"persons": told.persons, "positives": told.positives}
            quality.append({**named, **measured, **people})
    for table, columns, rows in (("scores", SCORES, scores), ("score_quality", QUALITY, quality)):
        if rows:
            with files.scratch(settings) as (connection, folder):
                files.load(connection, folder, "added", columns, rows)
                files.write(connection, "select * from added", folder / f"{table}.parquet")
                warehouse.append("raw", table, folder / f"{table}.parquet", ("score_run", run))


def show(made: Iterable[Made]) -> None:
    """Print what was made and how good it is."""
    rows = []
    for one in made:
        people = len(one.scores) if one.status == PUBLISHED else 0
        for told in one.quality or [None]:
            measured = (told.measure, f"{told.value:.4g}", f"{told.baseline:.4g}") if told else ()
            rows.append((one.model, one.status, people, *(measured or ("", "", ""))))
    ui.table("Scores", ("model", "status", "people", "measure", "value", "simple rule"), rows)
    for status in sorted({one.status for one in made}):
        ui.line(f"  {status}: {MEANING[status]}")
