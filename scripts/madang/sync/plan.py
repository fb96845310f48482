"""Makes plans: what each sync would add, change and remove, who is held back, and what is odd."""

import contextlib
import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from madang import private
from madang.build.builds import another_clock
from madang.settings.workspace import Settings
from madang.sync import SyncError, counts, diff, files, guards, ledger
from madang.sync.clock import new_id, stamp, utc_now
from madang.sync.destinations.registry import object_of
from madang.sync.guards import Counts, Guard
from madang.sync.journal import locked
from madang.sync.spec import SyncSpec, find_spec, load_specs
from madang.warehouse import Warehouse, WarehouseError, labels

LAYER = "activation"
#: Of a DuckDB that compares, and of one that sorts what differs; what does not fit spills.
MEMORY, MEMORY_TO_SORT = "400MB", "256MB"
WARNING = "warning"  # a model may have it: what is odd about a row that is sent, or null
COLUMNS_OF_THINGS = ("sync_key", "field", "value", "held_back_reason")
COLUMNS = ("person_id", "channel", "purpose", *COLUMNS_OF_THINGS)


@dataclass(frozen=True)
class Plan:
    """One sync's plan, without personal data. Counts are rows: one key and one field each.

    `unknown`: rows of earlier plans that may have arrived or not, and are never sent again.
    `refused`: events that were taken and rejected later; they are not sent again either.
    `warnings`: keys that are sent although something is odd, by what the model says; among them
    those that the destination rejected when they were sent last.
    `forecast`: what sending costs, in the destination's own unit. `notices`: what the platform will
    not do with what it gets.
    """

    plan_id: str
    sync: str
    destination: str
    model: str
    created_at: datetime
    as_of: datetime
    objects: int
    total: Counts
    by_field: dict[str, Counts]
    held_back: dict[str, int]
    guards: tuple[Guard, ...]
    rows_sha256: str
    folder: Path
    unknown: int = 0
    refused: int = 0
    warnings: dict[str, int] = dataclasses.field(default_factory=dict)
    forecast: str | None = None
    notices: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        return self.total.added

    @property
    def changed(self) -> int:
        return self.total.changed

    @property
    def removed(self) -> int:
        return self.total.removed

    @property
    def unchanged(self) -> int:
        return self.total.unchanged

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send."""
        return self.total.planned == 0

    @property
    def status(self) -> str:
        """empty, guarded (stopped unless forced) or planned."""
        if self.is_empty:
            return "empty"
        return "guarded" if self.guards else "planned"

    @property
    def rows_path(self) -> Path:
        """The planned rows: personal data, readable by the owner only."""
        return self.folder / "rows.parquet"


def make_plan(
    settings: Settings,
    warehouse: Warehouse,
    sync_name: str | None = None,
    but: Collection[str] = (),
) -> list[Plan]:
    """Plan every sync that has a place to go to, or the named one; store the plans; return them.

    Those in `but` are left out.

    What a killed run left behind is brought into the ledger first, so a plan never repeats what
    was accepted. Raises SpecError, UsageError (unknown name) or SyncError (the activation model is
    missing, carries a key and field twice, or holds what cannot be sent).
    """
    known = load_specs(settings.project_dir)
    placed = [spec for spec in known if has_place(settings, spec)]
    if sync_name is not None:
        specs = [find_spec(known, sync_name)]
    else:
        specs = [spec for spec in placed if spec.name not in but]
    with locked(settings.paths.journal) as journal, warehouse.sparing(MEMORY):
        ledger.recover(settings, warehouse, journal)
        columns = warehouse.columns(LAYER)
        plans = []
        for spec in specs:
            with labels.labelled(sync=spec.name):
                _refuse_shared(settings, warehouse, spec, placed)
                plans.append(_plan(settings, warehouse, spec, columns.get(spec.model, ())))
        return plans


def has_place(settings: Settings, spec: SyncSpec) -> bool:
    """Say whether madang.yml names a sync's destination; where it names none, all may be tried."""
    return not settings.destinations or spec.destination in settings.destinations


def read_plan(settings: Settings, plan_id: str) -> Plan:
    """Return a stored plan. Raises SyncError when there is none, or it cannot be read."""
    folder = settings.paths.plans / plan_id
    path = folder / "plan.json"
    fix = "Make a new one with 'madang plan'."
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        plan = Plan(
            **{name: stored[name] for name in ("plan_id", "sync", "destination", "model")},
            created_at=datetime.fromisoformat(stored["created_at"]),
            as_of=datetime.fromisoformat(stored["as_of"]),
            objects=stored["objects"],
            total=Counts(**stored["total"]),
            by_field={name: Counts(**counts) for name, counts in stored["by_field"].items()},
            held_back=stored["held_back"],
            guards=tuple(Guard(**guard) for guard in stored["guards"]),
            rows_sha256=stored["rows_sha256"],
            folder=folder,
            unknown=stored.get("unknown", 0),
            refused=stored.get("refused", 0),
            warnings=stored.get("warnings", {}),
            forecast=stored.get("forecast"),
            notices=tuple(stored.get("notices", ())),
        )
    except FileNotFoundError as error:
        raise SyncError(f"There is no plan {plan_id}.", where=str(path), fix=fix) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SyncError("This plan cannot be read.", where=str(path), fix=fix) from error
    return plan


def verify_rows(plan: Plan) -> None:
    """Raise SyncError when the rows of a plan are not those that it was made with."""
    where, fix = str(plan.rows_path), "Make a new one with 'madang plan'."
    if not plan.rows_path.exists():
        raise SyncError("The rows of this plan are gone.", where=where, fix=fix)
    if files.sha256(plan.rows_path) != plan.rows_sha256:
        message = "The rows of this plan were changed after it was made."
        raise SyncError(message, where=where, fix=fix)


def _forget_overtaken(settings: Settings, latest: Plan) -> None:
    """Delete the rows of a sync's earlier plans, which can never be sent: they are personal."""
    for rows in settings.paths.plans.glob("*/rows.parquet"):
        if not (rows.parent / "plan.json").exists():
            rows.unlink()  # of a plan that was killed while it was made
        elif rows.parent.name != latest.plan_id:  # all others were made before it
            with contextlib.suppress(SyncError):  # not a plan of ours: left alone
                if read_plan(settings, rows.parent.name).sync == latest.sync:
                    rows.unlink()


def _plan(
    settings: Settings, warehouse: Warehouse, spec: SyncSpec, columns: Collection[str]
) -> Plan:
    relation = checked_relation(warehouse, spec)
    warning = WARNING if WARNING in columns else None
    wanted = diff.wanted(relation, settings.warehouse.type, diff.counting(columns), warning)
    wanted_rows = _wanted_rows(warehouse, spec, wanted)
    now = utc_now()
    folder = settings.paths.plans / new_id(now)
    private.folder(settings.paths.plans)
    folder.mkdir(mode=private.FOLDER)
    try:
        plan = _compared(settings, warehouse, spec, wanted, wanted_rows, now, folder)
        counted: Iterable[dict] = ()
        if "audience" in columns:
            counted = counts.of_plan(settings, warehouse, relation, plan.rows_path)
        _store(settings, warehouse, plan, counted)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _forget_overtaken(settings, plan)
    return plan


def _compared(
    settings: Settings,
    warehouse: Warehouse,
    spec: SyncSpec,
    wanted: str,
    wanted_rows: Mapping[str, int],
    now: datetime,
    folder: Path,
) -> Plan:
    """Export the rows to send and count them."""
    relation = warehouse.relation(LAYER, spec.model)
    deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
    target = object_of(spec)
    delivered = diff.delivered(
        deliveries,
        spec.name,
        target,
        counted=True,
        forgotten_before=_forgotten_before(spec, now),
    )
    kept = diff.kept(warehouse, relation, delivered)
    waiting = diff.waiting(relation) if kept else diff.NOTHING
    some = f"select 1 as found from {deliveries} where sync = '{spec.name}'"
    is_rejected = warehouse.fetch(f"{some} and status = 'rejected' limit 1")
    rejected = diff.rejected(deliveries, spec.name) if is_rejected else diff.NOTHING
    changes = diff.changes(wanted, delivered, waiting, target, rejected_sql=rejected, counted=True)
    with files.scratch(settings, MEMORY_TO_SORT) as (connection, scratch):
        found = scratch / "changes.parquet"
        warehouse.export(changes, found)
        numbered = diff.numbered(f"read_parquet({files.text(found)})", target)
        files.write(connection, numbered, folder / "rows.parquet")
    stays = Counter(wanted_rows) + Counter(kept)
    objects, by_field, warnings = _count(settings, spec, folder / "rows.parquet", stays)
    total = _sum(by_field.values())
    share = spec.max_change_share or settings.sync.max_change_share
    return Plan(
        plan_id=folder.name,
        sync=spec.name,
        destination=spec.destination,
        model=spec.model,
        created_at=now,
        as_of=settings.now(),
        objects=objects,
        total=total,
        by_field=by_field,
        held_back=diff.held_back(warehouse, relation, target),
        guards=(
            *_clock_guard(settings, warehouse),
            *guards.tripped(total, by_field, share),
            *guards.too_small(by_field, getattr(spec.options, "least_size", None) or 0),
        ),
        rows_sha256=files.sha256(folder / "rows.parquet"),
        folder=folder,
        unknown=0 if target.may_repeat else diff.unknown(warehouse, deliveries, spec.name),
        refused=0 if target.leaves else diff.refused(warehouse, deliveries, spec.name),
        warnings=warnings,
        forecast=target.forecast(total) if target.forecast and total.planned else None,
        notices=tuple(guards.notices(by_field, *target.least)),
    )


def _forgotten_before(spec: SyncSpec, now: datetime) -> datetime | None:
    """Return before which moment a member was sent who is to be added again, if they are forgotten.

    A tenth of the time is left for runs that fail.
    """
    days = getattr(spec.options, "membership_days", None)
    return None if days is None else (now - timedelta(days=days) * 0.9).astimezone(UTC)


def _clock_guard(settings: Settings, warehouse: Warehouse) -> list[Guard]:
    """Windows such as "within 30 days" are other ones by another clock."""
    found = another_clock(settings, warehouse)
    return [Guard("clock", f"{found} 'madang build' makes them by its clock.")] if found else []


def checked_relation(warehouse: Warehouse, spec: SyncSpec) -> str:
    """Return the activation model's name in SQL. Raises SyncError when it cannot be used."""
    fix = "Run 'madang build'."
    if not warehouse.exists(LAYER, spec.model):
        message = f"The activation model '{spec.model}' is not in the warehouse."
        raise SyncError(message, where=spec.where, fix=fix)
    relation = warehouse.relation(LAYER, spec.model)
    needed = COLUMNS if object_of(spec).is_of_persons else COLUMNS_OF_THINGS
    try:
        warehouse.fetch(f"select {', '.join(needed)} from {relation} where 1 = 0")
    except WarehouseError as error:
        raise SyncError(
            f"The activation model '{spec.model}' lacks a column: {error.message}",
            where=spec.where,
            fix=f"An activation model has the columns {', '.join(needed)}.",
        ) from error
    if needed is COLUMNS_OF_THINGS and "person_id" in warehouse.columns(LAYER)[spec.model]:
        raise SyncError(
            f"'{spec.model}' has the column person_id, and {spec.destination} {spec.object} are of "
            "no persons: consent is not asked for there.",
            where=spec.where,
            fix=f"Take person_id out of {spec.model}, and what is personal with it.",
        )
    return relation


def _wanted_rows(warehouse: Warehouse, spec: SyncSpec, wanted: str) -> dict[str, int]:
    """Return the rows of each field. Raises SyncError where a key carries one twice."""
    counted = diff.counted(warehouse, wanted)
    if twice := [row for row in counted if row["twice"]]:
        told = ", ".join(f"{row['field']} ({row['twice']} keys)" for row in twice)
        raise SyncError(
            f"The activation model '{spec.model}' has more than one row for one {spec.key} and "
            f"field: {told}.",
            where=spec.where,
            fix=f"Make {spec.model} unique by sync_key and field; two persons may share a key.",
        )
    return {row["field"]: int(row["wanted_rows"]) for row in counted}


def _refuse_shared(
    settings: Settings, warehouse: Warehouse, spec: SyncSpec, others: Iterable[SyncSpec]
) -> None:
    """Raise SyncError where another sync wants the same field of the same key, in the same place.

    Each keeps to what itself has delivered, so one would take away what the other set.
    """
    ours, dialect = checked_relation(warehouse, spec), settings.warehouse.type
    for other in others:
        there = (other.destination, other.object) == (spec.destination, spec.object)
        if other.name == spec.name or not there or not warehouse.exists(LAYER, other.model):
            continue
        theirs = warehouse.relation(LAYER, other.model)
        shared = diff.shared(warehouse, diff.wanted(ours, dialect), diff.wanted(theirs, dialect))
        if shared:
            told = ", ".join(f"{row['field']} ({row['keys']:,} keys)" for row in shared)
            raise SyncError(
                f"Two syncs write one field of {spec.destination}: {told} is in "
                f"'{spec.model}' and in '{other.model}' of the sync '{other.name}'.",
                where=spec.where,
                fix="Leave the rows out of one of the two models, or give its field another name.",
            )


def _count(
    settings: Settings, spec: SyncSpec, rows: Path, wanted: dict[str, int]
) -> tuple[int, dict[str, Counts], dict[str, int]]:
    """Return the number of objects, the counts by field and the keys by warning.

    Refuse what cannot be sent.
    """
    source = f"read_parquet({files.text(rows)})"
    with files.scratch(settings, MEMORY) as (connection, _):
        (objects,) = connection.execute(
            f"select coalesce(max(object_no), 0) from {source}"
        ).fetchone()
        counted = connection.execute(
            f"""
            select
                field,
                count(*) filter (where operation = 'add'),
                count(*) filter (where operation = 'change'),
                count(*) filter (where operation = 'remove'),
                count(*) filter (where operation <> 'remove' and not json_valid(value))
            from {source} group by field order by field
            """
        ).fetchall()
        warnings = connection.execute(
            f"""
            select warning, count(distinct sync_key)
            from {source} where warning is not null and operation <> 'remove'
            group by warning order by warning
            """
        ).fetchall()
    by_field = {}
    for field in wanted.keys() - {row[0] for row in counted}:
        by_field[field] = Counts(unchanged=wanted[field])
    for field, adds, changes, removes, unreadable in counted:
        if unreadable:
            raise SyncError(
                f"{unreadable} values of '{field}' in '{spec.model}' are not JSON.",
                where=spec.where,
                fix='Write values as JSON text: true, 3, "text" with its quotes (to_json).',
            )
        problem = object_of(spec).field_problem(field) if adds or changes else None
        if problem:
            fix = f"Rename the field in {spec.model}."
            raise SyncError(f"{spec.model}: {problem}", where=spec.where, fix=fix)
        stays = wanted.get(field, 0) - adds - changes
        by_field[field] = Counts(adds, changes, removes, stays)
    return int(objects), dict(sorted(by_field.items())), dict(warnings)


def _sum(counts: Iterable[Counts]) -> Counts:
    listed = list(counts)
    names = Counts.__dataclass_fields__
    return Counts(**{name: sum(getattr(one, name) for one in listed) for name in names})


def _store(settings: Settings, warehouse: Warehouse, plan: Plan, counted: Iterable[dict]) -> None:
    """Write plan.json and the ledger's rows; the plan exists once the ledger has it."""
    stored = {
        **{name: getattr(plan, name) for name in ("plan_id", "sync", "destination", "model")},
        "created_at": plan.created_at.astimezone(UTC).isoformat(),
        "as_of": plan.as_of.isoformat(),
        "status": plan.status,
        "objects": plan.objects,
        "total": vars(plan.total),
        "by_field": {field: vars(counts) for field, counts in plan.by_field.items()},
        "held_back": plan.held_back,
        "guards": [vars(guard) for guard in plan.guards],
        "rows_sha256": plan.rows_sha256,
        "unknown": plan.unknown,
        "refused": plan.refused,
        "warnings": plan.warnings,
        "forecast": plan.forecast,
        "notices": plan.notices,
    }
    path = plan.folder / "plan.json"
    with private.whole(path) as file:
        file.write(json.dumps(stored, ensure_ascii=False, indent=2) + "\n")
    held = [
        {"plan_id": plan.plan_id, "sync": plan.sync, "reason": reason, "persons": persons}
        for reason, persons in plan.held_back.items()
    ]
    if held:
        ledger.append(settings, warehouse, "sync_plan_holds", held)
    of_plan = {name: getattr(plan, name) for name in ("plan_id", "sync", "destination")}
    if by_audience := [of_plan | row for row in counted]:
        ledger.append(settings, warehouse, "sync_plan_counts", by_audience)
    row = {
        "plan_id": plan.plan_id,
        "ledger_no": ledger.next_number(warehouse),
        "sync": plan.sync,
        "created_at": stamp(plan.created_at),
        "as_of": stamp(plan.as_of),
        "crm_as_of": counts.crm_as_of(warehouse),
        "adds": plan.added,
        "changes": plan.changed,
        "removes": plan.removed,
        "unchanged": plan.unchanged,
        "held_back": sum(plan.held_back.values()),
        "status": plan.status,
    }
    ledger.append(settings, warehouse, "sync_plans", [row])
