"""Files that are held until someone says yes: why, and who let which one in. Append-only."""

import getpass
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from madang.ingest.errors import LoadError
from madang.ingest.landing.land import LEDGER, add_rows
from madang.ingest.tables import SourceTable
from madang.personal import looks_personal
from madang.warehouse import Warehouse

TABLE = "_held_files"
COLUMNS = {
    "source": "varchar",
    "file": "varchar",
    "sha256": "varchar",
    "event": "varchar",
    "why": "varchar",
    "author": "varchar",
    "rows": "bigint",
    "rejected": "bigint",
    "gone": "bigint",
    "happened_at": "timestamp",
}
# A list that lost fewer rows than these is never held for it, however short it is.
FEW_GONE = 10


@dataclass(frozen=True)
class Acceptance:
    """Who says that a held file is to be loaded as it is, and why."""

    author: str
    reason: str


def accepted(
    reason: str | None, author: str | None, paths: Sequence[Path] | None
) -> Acceptance | None:
    """Return a person's yes to the files that are named, None where no reason is given.

    Raises LoadError (exit code 2) without a file, without words, or with personal data in them.
    """
    if reason is None:
        return None
    said = Acceptance((author or getpass.getuser()).strip(), " ".join(reason.split()))
    wrong = None
    if not paths:
        wrong = "--accept needs the files that it is for."
    elif not said.reason:
        wrong = "--accept needs a reason."
    elif looks_personal(said.reason) or looks_personal(said.author):
        wrong = "The reason or the author looks like an e-mail address or a telephone number."
    if wrong:
        error = LoadError(wrong, fix='Such as: madang load inbox/crm/a.xlsx --accept "sold a shop"')
        error.exit_code = 2
        raise error
    return said


@dataclass(frozen=True)
class Hold:
    """One event of a file, by its content: `held` by a limit, or `accepted` by a person."""

    source: str
    file: str
    sha256: str
    event: str
    why: str
    author: str | None
    rows: int
    rejected: int
    gone: int
    happened_at: datetime


def too_many_rejected(rows: int, rejected: int, limit: float) -> str | None:
    """Say that more than `limit` of a file's rows cannot be read, or all of them."""
    if not rejected or (rejected < rows and rejected / rows <= limit):
        return None
    return (
        f"{rejected:,} of {rows:,} rows ({rejected / rows:.0%}) cannot be read; max_reject_share "
        f"allows {limit:.0%}."
    )


def too_many_gone(before: int, gone: int, limit: float) -> str | None:
    """Say that more than `limit` of the last snapshot's rows are missing from this one."""
    if gone < FEW_GONE or gone / before <= limit:
        return None
    return (
        f"{gone:,} of the {before:,} rows of the last snapshot ({gone / before:.0%}) are not in "
        f"this file; max_shrink_share allows {limit:.0%}."
    )


def record_hold(warehouse: Warehouse, hold: Hold) -> None:
    """Write an event down; a file that is held again for the same reason is not written twice."""
    last = _events(warehouse, hold.sha256)
    if last and (last[-1]["event"], last[-1]["why"]) == (hold.event, hold.why):
        return
    values = asdict(hold)
    values["happened_at"] = hold.happened_at.astimezone(UTC).replace(tzinfo=None)
    add_rows(warehouse, TABLE, COLUMNS, [tuple(values.values())])


def open_holds(warehouse: Warehouse) -> list[dict]:
    """Return the files whose last word is `held`, newest first: neither they nor a mended one of
    their name were loaded since."""
    if not warehouse.exists("raw", TABLE):
        return []
    held = warehouse.relation("raw", TABLE)
    loaded = f"select source, file, sha256, happened_at as loaded_at from {held} where false"
    if warehouse.exists("raw", LEDGER):
        relation = warehouse.relation("raw", LEDGER)
        loaded = f"select source, file, sha256, loaded_at from {relation}"
    return warehouse.fetch(
        f"""
        with ranked as (
            select
                held.*,
                row_number() over (partition by source, file order by happened_at desc) as number
            from {held} as held
        )
        select ranked.file, ranked.source, ranked.why, ranked.rows, ranked.rejected, ranked.gone,
            ranked.happened_at
        from ranked
        where number = 1 and event = 'held'
            and not exists (
                select 1 from ({loaded}) as loaded where loaded.sha256 = ranked.sha256
            )
            and not exists (
                select 1 from ({loaded}) as loaded
                where loaded.source = ranked.source and loaded.file = ranked.file
                    and loaded.loaded_at >= ranked.happened_at
            )
        order by happened_at desc
        """
    )


def limits(table: SourceTable, reject_share: float, shrink_share: float) -> tuple[float, float]:
    """The limits of a table: its own where its mapping names them, else those of madang.yml."""
    own = (table.max_reject_share, table.max_shrink_share)
    return (
        reject_share if own[0] is None else own[0],
        shrink_share if own[1] is None else own[1],
    )


def _events(warehouse: Warehouse, sha256: str) -> Sequence[dict]:
    if not warehouse.exists("raw", TABLE):
        return []
    held = warehouse.relation("raw", TABLE)
    return warehouse.fetch(
        f"select event, why from {held} "
        f"where sha256 = {warehouse.dialect.literal(sha256)} order by happened_at"
    )
