"""A new destination is its module, its sandbox, one registry line, one model and one exposure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).parents[1] / "support"
REPOSITORY = Path(__file__).parents[2]
EXPOSURE = """
exposures:
  - name: pretend_lists
    type: application
    owner: {name: Someone, email: someone@maru.example}
    depends_on: [ref('sync_pretend__lists')]
    config:
      meta:
        sync: {destination: pretend, object: lists, model: sync_pretend__lists, key: hash}
"""
SETTINGS = """
version: 1
project: project
destinations:
  pretend: {url: 'https://pretend.example', key_env: PRETEND_KEY}
"""
#: What a company does: the demo's sandbox, a model that was built, a plan, the sending.
SEND = """
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from madang.settings import secrets as config_secrets
from madang.settings.workspace import load_settings
from madang.sync.destinations.registry import entry_of
from madang.sync.engine import apply_plan
from madang.sync.plan import make_plan
from madang.warehouse import open_warehouse

root = Path(sys.argv[1])
settings = load_settings(root / "madang.yml")
config_secrets.take(settings)
with ExitStack() as stack:
    sandbox = import_module(entry_of("pretend").sandbox)
    there = stack.enter_context(sandbox.served(settings.destinations["pretend"], root, []))
    settings = settings.model_copy(update={"destinations": {"pretend": there}})
    with open_warehouse(settings) as warehouse:
        warehouse.ensure_layer("activation")
        relation = warehouse.relation("activation", "sync_pretend__lists")
        warehouse.execute(
            f"create table {relation} as select 'p' as person_id, 'ads' as channel, "
            "'advertising' as purpose, 'h' as sync_key, 'buyers' as field, 'true' as value, "
            "cast(null as varchar) as held_back_reason"
        )
        make_plan(settings, warehouse)
    result = apply_plan(
        settings, lambda: open_warehouse(settings), asker=lambda *_: f"select * from {relation}"
    )
    print(result.status, result.accepted)
"""


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in (".py", ".sql", ".yml")
    }


def test_five_places_make_a_destination_that_sends(tmp_path: Path) -> None:
    skipped = shutil.ignore_patterns("__pycache__", "demo")
    shutil.copytree(REPOSITORY / "scripts/madang", tmp_path / "package/madang", ignore=skipped)
    models = tmp_path / "project/models"
    for file in ("models/staging/sync/_ledger__sources.yml", "dbt_project.yml"):
        (tmp_path / "project" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, tmp_path / "project" / file)
    before = contents(tmp_path)

    package = tmp_path / "package/madang"
    shutil.copy(SUPPORT / "pretend_destination.py", package / "sync/destinations/pretend.py")
    shutil.copy(SUPPORT / "pretend_sandbox.py", package / "sandbox/pretend.py")
    registry = package / "sync/destinations/registry.py"
    line = '    "pretend": "madang.sync.destinations.pretend",\n'
    text = registry.read_text()
    registry.write_text(text.replace("MODULES = {\n", f"MODULES = {{\n{line}"))
    (models / "activation/pretend").mkdir(parents=True)
    (models / "activation/pretend/sync_pretend__lists.sql").write_text("select 1 as one\n")
    (models / "activation/pretend/_pretend__exposures.yml").write_text(EXPOSURE)

    after = contents(tmp_path)
    added = {name for name in after if name not in before}
    changed = {name for name in before if after[name] != before[name]}
    assert added == {
        "package/madang/sync/destinations/pretend.py",
        "package/madang/sandbox/pretend.py",
        "project/models/activation/pretend/sync_pretend__lists.sql",
        "project/models/activation/pretend/_pretend__exposures.yml",
    }
    assert changed == {"package/madang/sync/destinations/registry.py"}
    assert len(registry.read_text().splitlines()) == len(text.splitlines()) + 1

    (tmp_path / "madang.yml").write_text(SETTINGS)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "package")}
    told = subprocess.run(
        [sys.executable, "-c", SEND, str(tmp_path)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.stdout.strip() == "succeeded 1", told.stdout + told.stderr
