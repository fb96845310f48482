"""Says which syncs are not due yet, by the cadence that their exposures declare.

Time is the wall clock's, as in the ledger. A sync whose last run was stopped is always due: it goes
on where it stopped. So is one whose last run lies in the future, because a clock was set back.
"""

from datetime import UTC, datetime, timedelta

from madang.settings.workspace import Settings
from madang.sync import ledger
from madang.sync.clock import utc_now
from madang.sync.journal import locked
from madang.sync.spec import SyncSpec, load_specs
from madang.warehouse import Warehouse

SENT = ("succeeded", "partial")
#: A timer does not go off to the second: a sync may come so much too early, as a share of its
#: cadence, but at most so long.
EARLY, MOST_EARLY = 0.1, timedelta(minutes=10)


def not_due(
    settings: Settings, warehouse: Warehouse, now: datetime | None = None
) -> dict[str, str]:
    """Return the syncs that are not due, each with a sentence that says why."""
    specs = [spec for spec in load_specs(settings.project_dir) if spec.cadence != "on_change"]
    if not specs:
        return {}
    with locked(settings.paths.journal) as journal:
        ledger.recover(settings, warehouse, journal)
    found = {}
    runs, kept = _last_runs(warehouse), _last_empty(warehouse)
    for spec in specs:
        status, began = runs.get(spec.name, (None, None))
        if status is not None and status not in SENT:
            continue
        if why := _why(spec, began, kept.get(spec.name), now or utc_now()):
            found[spec.name] = f"{spec.name} is skipped: {why}"
    return found


def _why(
    spec: SyncSpec, sent: datetime | None, empty: datetime | None, now: datetime
) -> str | None:
    """Say why a sync is not due. `sent`: its last run; `empty`: its last plan of nothing."""
    if spec.cadence == "once":
        return f"it goes once, and went at {sent:%Y-%m-%d %H:%M} UTC." if sent else None
    moments = [moment for moment in (sent, empty) if moment]
    if not moments:
        return None
    _, number, unit = spec.cadence.split()
    cadence = timedelta(**{f"{unit.rstrip('s')}s": int(number)})
    since = now - max(moments)
    if since < timedelta(0) or since >= cadence - min(cadence * EARLY, MOST_EARLY):
        return None
    minutes = int(since.total_seconds() // 60)
    return f"it goes {spec.cadence}, and went {minutes:,} minutes ago."


def _last_runs(warehouse: Warehouse) -> dict[str, tuple[str, datetime]]:
    rows = warehouse.fetch(
        f"""
    select sync, status, started_at
    from (
        select sync, status, started_at,
            row_number() over (
                partition by sync order by coalesce(ledger_no, 0) desc, run_id desc
            ) as recency
        from {warehouse.relation(ledger.LAYER, "sync_runs")}
    ) as runs
    where recency = 1"""
    )
    return {row["sync"]: (row["status"], _utc(row["started_at"])) for row in rows}


def _last_empty(warehouse: Warehouse) -> dict[str, datetime]:
    rows = warehouse.fetch(
        f"""
    select sync, max(created_at) as created_at
    from {warehouse.relation(ledger.LAYER, "sync_plans")}
    where status = 'empty'
    group by sync"""
    )
    return {row["sync"]: _utc(row["created_at"]) for row in rows}


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
