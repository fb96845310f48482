"""A small workspace for the sync tests: settings, a warehouse with an activation model, a Braze."""

import json
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from madang.http.retry import Retry
from madang.settings.workspace import load_settings
from madang.sync.destinations.registry import open_destination
from madang.sync.engine import apply_plan
from madang.sync.plan import make_plan
from madang.warehouse import open_warehouse

REPOSITORY = Path(__file__).parents[2]
MARU = REPOSITORY / "examples" / "maru"
KEY = "11111111-2222-3333-4444-555555555555"
IMPATIENT = Retry(attempts=3, first_pause=0.01, longest_pause=0.02, longest_rate_wait=5)


class Workspace:
    """One workspace folder. `wanted` rows are (key, field, JSON value, held back reason).

    Its sync creates whom Braze does not know, unless `creates` says otherwise.
    """

    def __init__(
        self,
        root: Path,
        url: str,
        *,
        batch: int = 50,
        connections: int = 1,
        timeout: float = 30,
        creates: bool = True,
        **keys: object,
    ) -> None:
        self.root = root
        project = root / "project"
        for file in ("activation/braze/_braze__exposures.yml", "staging/sync/_ledger__sources.yml"):
            (project / "models" / file).parent.mkdir(parents=True, exist_ok=True)
            home = MARU if (MARU / "models" / file).is_file() else REPOSITORY
            text = (home / "models" / file).read_text()
            if creates:
                text = text.replace("create_missing: false", "create_missing: true")
            (project / "models" / file).write_text(text)
        (project / "dbt_project.yml").write_text("name: test\n")
        (project / "models/activation/sync_braze__users.sql").write_text("select 1\n")
        text = f"version: 1\nproject: project\ndestinations:\n  braze: {{url: {url}, "
        text += f"key_env: TEST_BRAZE_KEY, objects_per_request: {batch}, "
        text += f"timeout_seconds: {timeout}, connections: {connections}}}\n"
        (root / "madang.yml").write_text(text + "".join(f"{k}: {v}\n" for k, v in keys.items()))
        self.settings = load_settings(root / "madang.yml")

    @classmethod
    def existing(cls, root: Path) -> Self:
        """Open a workspace that another process made."""
        workspace = cls.__new__(cls)
        workspace.root, workspace.settings = root, load_settings(root / "madang.yml")
        return workspace

    @contextmanager
    def warehouse(self):
        with open_warehouse(self.settings) as warehouse:
            yield warehouse

    def want(self, rows: list[tuple]) -> None:
        """Replace the activation model."""
        path = self.root / "wanted.json"
        names = ("sync_key", "field", "value", "held_back_reason")
        path.write_text(
            "\n".join(json.dumps(dict(zip(names, row, strict=False))) for row in rows) + "\n"
            if rows
            else ""
        )
        kinds = ", ".join(f"{name}: 'varchar'" for name in names)
        with self.warehouse() as warehouse:
            warehouse.ensure_layer("activation")
            warehouse.execute(
                f"create or replace table {warehouse.relation('activation', 'sync_braze__users')} "
                f"as select 'p-' || coalesce(sync_key, 'without key') as person_id, "
                f"'email' as channel, 'marketing' as purpose, field as audience, * "
                f"from read_json('{path}', format = 'newline_delimited', columns = {{{kinds}}})"
            )

    def plan(self):
        with self.warehouse() as warehouse:
            (plan,) = make_plan(self.settings, warehouse, "braze_audiences")
        return plan

    def apply(self, plan_id=None, *, retry=IMPATIENT, key=KEY, **options):
        opener = partial(open_destination, environ={"TEST_BRAZE_KEY": key}, retry=retry)
        return apply_plan(
            self.settings,
            self.warehouse,
            plan_id,
            destination_opener=opener,
            asker=self.rows_now,
            **options,
        )

    def rows_now(self, settings, spec) -> str:
        """The model as it is: this project has no SQL to ask (test_sync_now has)."""
        with self.warehouse() as warehouse:
            return f"select * from {warehouse.relation('activation', spec.model)}"

    def plan_and_apply(self, **options):
        self.plan()
        return self.apply(**options)

    def ledger(self, table: str, where: str = "1 = 1") -> list[dict]:
        with self.warehouse() as warehouse:
            relation = warehouse.relation("ledger", table)
            return warehouse.fetch(f"select * from {relation} where {where} order by all")


def members(count: int, field: str = "flagship_interest", start: int = 0) -> list[tuple]:
    """Return wanted rows: `count` keys that carry one true attribute."""
    return [(f"C{number:06d}", field, "true") for number in range(start, start + count)]
