"""A small workspace with one sync to any destination: settings, a model of rows, a ledger."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Self

from madang.settings.workspace import load_settings
from madang.sync.destinations.registry import open_destination
from madang.sync.engine import apply_plan
from madang.sync.plan import make_plan
from madang.warehouse import open_warehouse
from sync_workspace import IMPATIENT, REPOSITORY

NAMES = ("sync_key", "field", "value", "held_back_reason")
EXPOSURE = """
exposures:
  - name: one_sync
    type: application
    owner: {{name: Someone, email: someone@maru.example}}
    depends_on: [ref('sync_one__rows')]
    config:
      meta:
        sync: {{model: sync_one__rows, destination: {destination}, {own}}}
"""


class Place:
    """A workspace whose one sync goes to `destination`. Rows are (key, field, value, held back)."""

    def __init__(
        self,
        root: Path,
        destination: str,
        settings: Any,
        environ: dict[str, str],
        *,
        name: str,
        key: str,
        more: str = "",
        of_persons: bool = True,
    ) -> None:
        self.root, self.environ, self.of_persons = root, environ, of_persons
        models = root / "project" / "models"
        (models / "activation").mkdir(parents=True)
        (models / "staging/sync").mkdir(parents=True)
        ledger = "staging/sync/_ledger__sources.yml"
        (models / ledger).write_text((REPOSITORY / "models" / ledger).read_text())
        (root / "project/dbt_project.yml").write_text("name: test\n")
        (models / "activation/sync_one__rows.sql").write_text("select 1\n")
        own = f"object: {name}, key: {key}{more}"
        text = EXPOSURE.format(destination=destination, own=own)
        (models / "activation/_one__exposures.yml").write_text(text)
        (root / "madang.yml").write_text("version: 1\nproject: project\n")
        read = load_settings(root / "madang.yml")
        self.settings = read.model_copy(update={"destinations": {destination: settings}})

    @classmethod
    def existing(cls, root: Path, destination: str, settings: Any, environ: dict[str, str]) -> Self:
        """Open a workspace that another process made."""
        place = cls.__new__(cls)
        place.root, place.environ, place.of_persons = root, environ, True
        read = load_settings(root / "madang.yml")
        place.settings = read.model_copy(update={"destinations": {destination: settings}})
        return place

    def warehouse(self):
        return open_warehouse(self.settings)

    def want(self, *rows: tuple) -> None:
        path = self.root / "wanted.json"
        lines = [json.dumps(dict(zip(NAMES, row, strict=False))) for row in rows]
        path.write_text("".join(f"{line}\n" for line in lines))
        kinds = ", ".join(f"{name}: 'varchar'" for name in NAMES)
        persons = (
            "'p' as person_id, 'ads' as channel, 'advertising' as purpose, field as audience, "
        )
        with self.warehouse() as warehouse:
            warehouse.ensure_layer("activation")
            relation = warehouse.relation("activation", "sync_one__rows")
            warehouse.execute(
                f"create or replace table {relation} as select "
                f"{persons if self.of_persons else ''} * from "
                f"read_json('{path}', format = 'newline_delimited', columns = {{{kinds}}})"
            )

    def plan(self):
        with self.warehouse() as warehouse:
            (plan,) = make_plan(self.settings, warehouse)
        return plan

    def apply(self, **options):
        def rows_now(settings, spec) -> str:
            with self.warehouse() as warehouse:
                return f"select * from {warehouse.relation('activation', spec.model)}"

        opener = partial(open_destination, environ=self.environ, retry=IMPATIENT)
        return apply_plan(
            self.settings, self.warehouse, destination_opener=opener, asker=rows_now, **options
        )

    def sync(self, *rows: tuple):
        """Want these rows, plan, and apply what there is to send."""
        self.want(*rows)
        return None if self.plan().is_empty else self.apply(allow_guards=True)

    def ledger(self, table: str, where: str = "1 = 1") -> list[dict]:
        with self.warehouse() as warehouse:
            relation = warehouse.relation("ledger", table)
            return warehouse.fetch(f"select * from {relation} where {where} order by all")


def counted(place, table: str = "sync_run_counts") -> dict[tuple[str, ...], int]:
    """Return the ledger's counts of every run or plan, added up, by audience and what became."""
    names = ("operation", "status") if table == "sync_run_counts" else ("outcome", "reason")
    found: dict[tuple[str, ...], int] = {}
    for row in place.ledger(table):
        what = (row["audience"], *(row[name] for name in names if row[name]))
        found[what] = found.get(what, 0) + (row["row_count"] or row.get("persons") or 0)
    return {what: count for what, count in found.items() if count}
