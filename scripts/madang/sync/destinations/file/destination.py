"""Files in a folder: CSV, JSON lines or Parquet, each written whole or not at all, with a manifest.

No network. A file holds all rows (`full`, replaced at its place) or what a plan changes
(`difference`, a new file each plan). It is written beside its place, brought to disk and renamed.
What a full file holds is kept beside it in `.state`, because a CSV cannot be read back exactly. The
state is written last: after a kill the same changes are made to the old state again, with the same
result, so every kind may be repeated.

A text in a CSV that a spreadsheet would take for a formula gets an apostrophe in front (`safe`):
https://owasp.org/www-community/attacks/CSV_Injection
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang import private
from madang.specs.strict import matching
from madang.sync import DestinationDown
from madang.sync.clock import new_id, utc_now
from madang.sync.destinations.base import (
    ACCEPTED,
    Batch,
    DestinationSettings,
    Entry,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.row_columns import RowOptions
from madang.sync.destinations.rows import not_sent

if TYPE_CHECKING:
    from madang.sync.destinations.file.rows import Shape

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
PlainName = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", "a plain name of a folder")]
ROWS = "rows"  # the name of the file of attributes


class FileSettings(DestinationSettings):
    """`folder` is where the files go: a path, from the workspace's folder."""

    folder: Annotated[str, Field(min_length=1)] = "outbox"


class FileOptions(RowOptions):
    """`path` is the sync's own folder.

    `content`: all rows, or what a plan changes. `safe`: of CSV, no cell is a formula.
    """

    path: PlainName
    format: Literal["csv", "jsonl", "parquet"] = "csv"
    content: Literal["full", "difference"] = "full"
    header: bool = True
    safe: bool = True


class Files:
    """A file for each list or name of an event; one for all attributes."""

    objects_per_request = 1_000_000

    @classmethod
    def open(cls, opening: Opening) -> "Files":
        from madang.sync.destinations.file.rows import Shape

        folder = Path(opening.workspace.root) / opening.settings.folder
        if opening.target is None:  # to look at it
            return cls(opening.workspace, folder, Shape("members", "csv", "full", "key"))
        options: FileOptions = opening.options
        shape = Shape(
            opening.target.kind,
            options.format,
            options.content,
            options.key_column,
            tuple(options.columns),
            options.header,
            options.safe,
        )
        return cls(opening.workspace, folder / options.path, shape)

    def __init__(self, workspace: Any, folder: Path, shape: "Shape") -> None:
        self._workspace, self._folder, self._shape = workspace, folder, shape
        self._plan_id: str | None = None
        self.requests = 0

    def planned(self, plan_id: str) -> None:
        """Note which plan is sent: it stands in the manifest and in the name of a difference."""
        self._plan_id = plan_id

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group objects by file, whatever their number: a file is written in one piece."""
        is_one = self._shape.kind == "attributes"
        for _, group in groupby(objects, key=lambda one: is_one or one.changes[0].field):
            yield Batch(tuple(group), ())

    def send(self, batch: Batch) -> Receipt:
        """Write a file. Raises DestinationDown where the folder cannot be written."""
        is_one = self._shape.kind == "attributes"
        name = ROWS if is_one else batch.objects[0].changes[0].field
        problems = {one.number: self.problem(one) for one in batch.objects}
        good = [one for one in batch.objects if problems[one.number] is None]
        try:
            told = self._write(name, self.rows(good)) if good else None
        except OSError as error:
            raise DestinationDown(
                f"The file '{name}' cannot be written: {error.strerror or error}.",
                where=str(self._folder),
                fix="Make room or correct the folder's rights, then run the same command again.",
            ) from error
        self.requests += 1
        outcomes = {
            number: ACCEPTED if problem is None else not_sent(problem)
            for number, problem in problems.items()
        }
        return Receipt(outcomes, None, 1, told)

    def problem(self, one: SyncObject) -> str | None:
        """Say why an object cannot stand in the file, without its values; None where it can."""
        return None

    def rows(self, objects: Iterable[SyncObject]) -> Iterator[dict[str, Any]]:
        """Give a row a change: key, field and value, which is null where it is taken away."""
        for one in objects:
            for change in one.changes:
                yield {"key": one.key, "field": change.field, "value": change.value}

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, name: str, rows: Iterable[dict[str, Any]]) -> str:
        """Write data, manifest and state, in this order; return the file's name."""
        from madang.sync import files
        from madang.sync.destinations.file.rows import ENDINGS, Shape, copied, made, put

        shape = self._shape
        plan_id = self._plan_id or new_id(utc_now())
        stem = name if shape.content == "full" else f"{name}-{plan_id}"
        target = self._folder / f"{stem}{ENDINGS[shape.format]}"
        state = self._folder / ".state" / f"{name}.parquet"
        private.folder(self._folder)
        with files.scratch(self._workspace) as (connection, scratch):
            columns = {"key": "varchar", "field": "varchar", "value": "varchar"}
            files.load(connection, scratch, "changes", columns, rows)
            query, names = made(connection, shape, state if state.exists() else None)
            count = put(target, lambda path: copied(connection, query, path, shape))
            manifest = {
                "file": target.name,
                "content": shape.content,
                "format": shape.format,
                "rows": count,
                "columns": names,
                "bytes": target.stat().st_size,
                "sha256": files.sha256(target),
                "plan_id": plan_id,
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            with private.whole(target.with_name(f"{target.name}.manifest.json")) as file:
                file.write(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
            if shape.content == "full":
                kept = Shape(shape.kind, "parquet", "full", "key")
                put(state, lambda path: copied(connection, "select * from held", path, kept))
        return target.name


def name_problem(field: str) -> str | None:
    """Say why no file could have this name, or None."""
    if NAME.fullmatch(field):
        return None
    return f"'{field}' is no name of a file: 1 to 100 letters, digits, - and _."


ENTRY = Entry(
    settings=FileSettings,
    objects={
        "attributes": ObjectKind("attributes", keys=("key",), options=FileOptions),
        "members": ObjectKind(
            "members", keys=("key",), field_problem=name_problem, options=FileOptions
        ),
        "events": ObjectKind(
            "events",
            keys=("event_id",),
            field_problem=name_problem,
            options=FileOptions,
            tells_doubles=True,
        ),
    },
    destination=Files,
    sandbox="madang.sandbox.folder",
)
