"""Sends a stored plan, batch by batch, so that it can be killed anywhere and go on later."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from math import ceil
from pathlib import Path

from madang import scratch
from madang.settings.workspace import Settings
from madang.sync import (
    DestinationDown,
    DestinationRefused,
    DestinationUnclear,
    SyncError,
    diff,
    files,
    later,
    ledger,
    list_sizes,
    lists_gone,
    pending,
    permits,
)
from madang.sync.clock import new_id, stamp, utc_now
from madang.sync.connections import Answered, Connections
from madang.sync.destinations.base import (
    Batch,
    Change,
    CountsLists,
    Destination,
    KnowsLists,
    KnowsPlan,
    Prepares,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.registry import object_of, open_destination
from madang.sync.journal import UNKNOWN, Journal, Run, locked
from madang.sync.later import WarehouseOpener
from madang.sync.now import rows_now
from madang.sync.plan import Plan, checked_relation
from madang.sync.spec import SyncSpec, find_spec, load_specs
from madang.warehouse import Warehouse, WarehouseError

DestinationOpener = Callable[[SyncSpec, Settings], Destination]
Asker = Callable[[Settings, SyncSpec], str]
PAGE = 8192  # rows of a spool in memory
MOST_AHEAD = 10_000  # objects of a request; larger ones are not made before they can leave
MOST_STEPS = 40  # progress lines of a run, however many batches it has
log = logging.getLogger(__name__)


@dataclass
class RunResult:
    """What a run did. Rows are one key and one field each; `objects` are keys.

    `gone`: lists that were deleted there, with how many members the ledger had on each.
    """

    plan_id: str
    sync: str
    destination: str
    status: str  # succeeded, partial, failed, interrupted, or already_applied
    run_id: str | None = None
    planned: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    skipped: int = 0
    skipped_by_reason: dict[str, int] = field(default_factory=dict)
    rejected_by_problem: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    batches: int = 0
    requests: int = 0
    seconds: float = 0.0
    is_resumed: bool = False
    gone: dict[str, int] = field(default_factory=dict)
    note: str | None = None

    @property
    def exit_code(self) -> int:
        """0: everything was taken; 3: some rows surely or maybe not; 1: the run stopped."""
        return {"succeeded": 0, "already_applied": 0, "partial": 3}.get(self.status, 1)


def open_plans(settings: Settings, warehouse: Warehouse) -> list[str]:
    """Return the latest plan of every sync, oldest first, where no run has finished it yet."""
    ledger.ensure(warehouse, settings.project_dir)
    return [row["plan_id"] for row in pending.latest_plans(warehouse) if not row["is_applied"]]


def apply_plan(
    settings: Settings,
    warehouse_opener: WarehouseOpener,
    plan_id: str | None = None,
    on_step: Callable[[str], object] | None = None,
    allow_guards: bool = False,
    destination_opener: DestinationOpener = open_destination,
    asker: Asker = rows_now,
) -> RunResult:
    """Send a stored plan (default: the latest one) and bring the receipts into the ledger.

    `asker` gives the query of the sync's rows as they are now, by which each row is asked again.
    The warehouse is held only before and after sending. A plan that was interrupted goes on where
    it stopped; one that is finished sends nothing. `on_step` is called with a line of text as
    batches are settled; its attribute `total`, if it has one, is set to the number of calls.

    Raises SyncError when the plan is too old, overtaken, guarded (unless `allow_guards`) or gone;
    ConfigError when the key is missing; DestinationRefused, DestinationUnclear or DestinationDown,
    with `.result`, when sending stops: what was accepted is kept, the rest stays planned.
    """
    with locked(settings.paths.journal) as journal:
        with warehouse_opener() as warehouse:
            ledger.recover(settings, warehouse, journal)
            plan, is_applied = pending.choose(settings, warehouse, plan_id)
            if is_applied:
                return RunResult(
                    plan.plan_id,
                    plan.sync,
                    plan.destination,
                    "already_applied",
                    note="This plan was applied before. Make a new one with 'madang plan'.",
                )
            spec = find_spec(load_specs(settings.project_dir), plan.sync)
            pending.check(settings, plan, allow_guards)
            relation = checked_relation(warehouse, spec)
            is_resumed = pending.was_begun(warehouse, plan)
        destination = None if plan.is_empty else destination_opener(spec, settings)
        if isinstance(destination, Prepares):
            later.settle(settings, warehouse_opener, destination, plan.sync)
        gone = {}
        if isinstance(destination, KnowsLists):
            gone = lists_gone.forget(settings, warehouse_opener, destination, plan)
        if isinstance(destination, CountsLists):
            list_sizes.keep(settings, warehouse_opener, destination, plan)
        is_asked = object_of(spec).is_of_persons and not plan.is_empty
        current = f"({asker(settings, spec)})" if is_asked else relation
        with warehouse_opener() as warehouse, warehouse.sparing(files.MEMORY):
            run, spooled = _spool(settings, warehouse, plan, current, spec)
        result = RunResult(
            plan.plan_id,
            plan.sync,
            plan.destination,
            "succeeded",
            run_id=run.run_id,
            planned=spooled.rows + sum(spooled.skipped.values()),
            skipped=sum(spooled.skipped.values()),
            skipped_by_reason=spooled.skipped,
            is_resumed=is_resumed,
            gone=gone,
        )
        journal.start(run)
        began = time.monotonic()
        try:
            if destination is not None:
                with closing(destination):
                    _send(settings, journal, run, destination, spooled.objects, result, on_step)
        except (DestinationDown, DestinationRefused, DestinationUnclear) as stop:
            result.status = "failed"
            stop.result = result
            stop.message = f"{stop.message}\n{_so_far(result)}"
            raise
        except BaseException:
            result.status = "interrupted"
            raise
        finally:
            result.seconds = time.monotonic() - began
            journal.finish(run.run_id, result.status, result.requests)
            _fold(settings, warehouse_opener, journal, run, result)
        if result.note is None:
            plan.rows_path.unlink(missing_ok=True)  # personal data that has served its purpose
    return result


def _spool(
    settings: Settings, warehouse: Warehouse, plan: Plan, rows: str, spec: SyncSpec
) -> tuple[Run, permits.Spooled]:
    """Ask for permits and put what may be sent on disk, so that the warehouse can be released."""
    now, kind = utc_now(), object_of(spec)
    run_id = new_id(now)
    target = plan.folder / f"spool-{run_id}.parquet"
    deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
    with scratch.folder(settings.paths.scratch) as folder:
        current, done = folder / "current.parquet", folder / "done.parquet"
        warehouse.export(diff.current(rows, settings.warehouse.type), current)
        warehouse.export(diff.done(deliveries, plan.plan_id, kind), done)
        with_amounts = kind.kind == "events"
        spooled = permits.spool(
            settings,
            plan.rows_path,
            current,
            done,
            target,
            with_amounts=with_amounts,
            match_key=permits.MATCH_KEYS.get(spec.key, "null::varchar"),
        )
    run = Run(
        run_id=run_id,
        plan_id=plan.plan_id,
        sync=plan.sync,
        destination=plan.destination,
        spool=target,
        started_at=stamp(now),
        finished_at=None,
        status="running",
        requests=0,
    )
    return run, spooled


def _send(
    settings: Settings,
    journal: Journal,
    run: Run,
    destination: Destination,
    objects: int,
    result: RunResult,
    on_step: Callable[[str], object] | None,
) -> None:
    """Send every batch of the spool, each between two entries of the journal.

    When one stops the run, nothing more leaves, and what is in flight is waited for.
    """
    if isinstance(destination, KnowsPlan):
        destination.planned(run.plan_id)
    expected = ceil(objects / destination.objects_per_request)
    every = max(1, ceil(expected / MOST_STEPS))
    if on_step is not None and hasattr(on_step, "total"):
        on_step.total = ceil(expected / every)
    batches = Ahead(destination.batches(read_spool(settings, run.spool)))
    prepares = destination.prepare if isinstance(destination, Prepares) else None
    is_small = prepares is None and destination.objects_per_request <= MOST_AHEAD
    sending = Connections(destination)
    answered: dict[int, Answered] = {}
    stop: Exception | None = None

    def note(leaving: Mapping[int, Batch]) -> None:
        settled = {number: one.noted for number, one in answered.items() if one.is_known}
        journal.note(run.run_id, leaving, settled)
        for number, one in answered.items():
            if one.receipt is None:
                continue
            _add(result, one.batch.objects, one.receipt)
            if on_step is not None and (number % every == 0 or result.objects == objects):
                on_step(f"{result.objects:,} of {objects:,} objects sent to {run.destination}")
        answered.clear()

    try:
        while True:
            if not is_small:
                note({})  # and let go of the objects before others are made
            leaving, error = _leaving(batches, prepares, 0 if stop else sending.free)
            stop = stop or error
            note(leaving)
            sending.start(leaving)
            del leaving
            if sending.is_idle:
                break
            if is_small and not stop:
                batches.make(sending.most, lambda: not sending.has_answers)
            answered.update(sending.answers())
            stop = stop or next((one.error for one in answered.values() if one.error), None)
        if stop is not None:
            raise stop
        if result.rejected or result.unknown:
            result.status = "partial"
    finally:
        sending.close()
        result.requests = destination.requests


def _leaving(
    batches: Iterable[tuple[int, Batch]], prepares: Callable[[Batch], Batch] | None, most: int
) -> tuple[dict[int, Batch], Exception | None]:
    """Return the next batches by number, and what stopped them from being more."""
    leaving: dict[int, Batch] = {}
    try:
        for number, batch in islice(batches, most):
            leaving[number] = prepares(batch) if prepares else batch
    except (DestinationDown, DestinationRefused, DestinationUnclear) as error:
        return leaving, error
    return leaving, None


#: Most changes of a run are alike, such as a checkbox of an audience that is true.
change_of = lru_cache(1024)(Change)


class Ahead:
    """Batches by number. Some are made while others are on their way; none of them has left."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = enumerate(batches, start=1)
        self._made: deque[tuple[int, Batch]] = deque()
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        return self

    def __next__(self) -> tuple[int, Batch]:
        if self._made:
            return self._made.popleft()
        if self._error is not None:
            raise self._error
        return next(self._batches)

    def make(self, most: int, has_time: Callable[[], bool]) -> None:
        """Make up to so many batches while there is time; what stops them is raised when asked."""
        while len(self._made) < most and self._error is None and has_time():
            try:
                self._made.append(next(self._batches))
            except (StopIteration, DestinationDown, DestinationRefused, DestinationUnclear) as end:
                self._error = end


def read_spool(settings: Settings, path: Path) -> Iterator[SyncObject]:
    """Read a spool's permitted rows, one object a key, a few thousand rows at a time.

    They stand in the file in the order of the objects, and DuckDB keeps the order of a file.
    """
    with files.scratch(settings, files.MEMORY) as (connection, _):
        cursor = files.execute(
            connection,
            f"""
            select object_no, sync_key, field, if(operation = 'remove', null, value)
            from read_parquet({files.text(path)})
            where skip_reason is null
            """,
        )
        number, key, changes = 0, "", []
        rows = chain.from_iterable(iter(lambda: cursor.fetchmany(PAGE), []))
        for next_number, next_key, field_name, value in rows:
            if next_number != number:
                if next_number < number:
                    raise SyncError("The rows of a run are out of order.", where=str(path))
                if changes:
                    yield SyncObject(number, key, tuple(changes))
                number, key, changes = next_number, next_key, []
            changes.append(change_of(field_name, value))
        if changes:
            yield SyncObject(number, key, tuple(changes))


def _add(result: RunResult, objects: Iterable[SyncObject], receipt: Receipt) -> None:
    result.batches += 1
    for one in objects:
        outcome, rows = receipt.outcomes.get(one.number, UNKNOWN), len(one.changes)
        result.objects += 1
        if outcome.status == "accepted":
            result.accepted += rows
        elif outcome.status == "unknown":
            result.unknown += rows
        else:
            result.rejected += rows
            problem = outcome.problem or outcome.status
            result.rejected_by_problem[problem] = result.rejected_by_problem.get(problem, 0) + rows


def _fold(
    settings: Settings,
    warehouse_opener: WarehouseOpener,
    journal: Journal,
    run: Run,
    result: RunResult,
) -> None:
    """Bring the receipts into the ledger, or leave them to the next command if it is in use."""
    try:
        with warehouse_opener() as warehouse, warehouse.sparing(files.MEMORY):
            ledger.fold(settings, warehouse, journal, run.run_id)
    except (WarehouseError, SyncError) as error:
        log.warning("run %s: receipts stay in the journal: %s", run.run_id, error.message)
        result.note = (
            f"{error.message} So the receipts wait in the journal; the next 'madang plan' or "
            "'madang sync' brings them in."
        )


def _so_far(result: RunResult) -> str:
    left = result.planned - result.skipped - result.accepted - result.rejected - result.unknown
    return (
        f"Until then {result.accepted:,} rows were accepted and {result.rejected:,} rejected; "
        f"{left:,} stay planned."
    )
