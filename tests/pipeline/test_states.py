"""Every command in every state of a workspace: the right exit code, one block, no traceback.

The commands are those that the command line declares: a new one without a row here fails. A row
says for each state which exit code is right; "-" stands for a run that would take long and says
nothing that another state does not.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import typer

from demo_workspace import environment
from madang.build.export import shard_files
from madang.cli import app
from madang.settings.workspace import load_settings
from workspace_states import (
    Ended,
    Mounts,
    copy_of,
    full,
    just_made,
    killed,
    madang,
    project_with_audience,
    put_export,
    put_files,
    put_many_orders,
    read_only,
    with_another_clock,
    with_broken_journal,
    with_export_built,
    with_logs_closed,
)

STATES = (
    *("just made", "GA4 only", "never built", "files only", "killed"),
    *("broken journal", "logs closed", "another clock", "full disk", "read-only"),
)
DRY = ("--reason", "a test", "--dry-run")
HAPPENS = "0000000000"
MADANG = (sys.executable, "-c", "from madang.cli import main; main()")
#: Needs a build, and a person who is known by a customer number.
ON_A_PERSON = "1210000000"
#: The same, and the right to write.
WRITES_ON_A_PERSON = "1210001011"
#: The same; what a decision changes is built, which takes long, and is looked at in one state.
BUILDS_ON_A_PERSON = "1210--1-11"
#: command → arguments, and an exit code for each of STATES.
ROWS: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {
    ("init",): (("{root}",), HAPPENS),
    ("package",): ((), HAPPENS),
    ("doctor",): (("--json",), "0000011011"),
    ("demo",): (("--people", "100", "--out", "{root}"), "2222222222"),
    ("load",): ((), "0000001011"),
    ("pull",): (("salesforce",), "2222221211"),
    ("check",): ((), HAPPENS),
    # in some states dbt would read the whole project anew
    ("build",): (("--select", "stg_shop__orders"), "----001-11"),
    ("cost",): ((), "1-11111111"),
    ("parity",): ((), "1011111111"),
    ("audiences", "list"): ((), HAPPENS),
    ("audiences", "preview"): (("buyers",), "1010000000"),
    ("audiences", "import"): (("{root}/none.json",), "2222222222"),
    # it is built as a decision is; a name that is none is said before
    ("funnel", "compare"): (("nothing",), "1212221211"),
    ("explain", "person"): (("C000001",), ON_A_PERSON),
    ("explain", "sent"): (("C000001",), ON_A_PERSON),
    ("explain", "pair"): (("C000001", "ha@post.example"), ON_A_PERSON),
    ("explain", "audience"): (("buyers",), "1010000000"),
    ("unmerge",): (("C000001", "ha@post.example", *DRY), BUILDS_ON_A_PERSON),
    ("link",): (("C000001", "C000002", *DRY), BUILDS_ON_A_PERSON),
    ("exclude",): (("ha@post.example", *DRY), BUILDS_ON_A_PERSON),
    ("erase",): (("C000001", *DRY), WRITES_ON_A_PERSON),
    ("keys", "list"): ((), HAPPENS),
    ("keys", "add"): (("install-co", "--kind", "outcomes"), "0000000011"),
    ("keys", "revoke"): (("0000",), "2222222222"),
    ("receive",): (("--openapi",), HAPPENS),
    ("plan",): ((), "1010011111"),
    ("sync",): ((), "0000011011"),
    # drawing it takes long; the run that made "files only" has drawn it
    ("report",): ((), "1-1-----11"),
    ("score",): ((), "1010001011"),
    ("run",): ((), "------1-11"),
    # last: plans of this matrix are in it
    ("status",): (("--json",), "0000113333"),
}
#: What `status` points to, by state.
ATTENTION = {
    "killed": {"build"},
    "broken journal": {"journal"},
    "logs closed": {"folder"},
    "another clock": {"clock", "plan"},
    "full disk": {"disk"},
    "read-only": {"folder"},
}


def commands(group: typer.core.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Every command that can be typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Two built workspaces, and what is made of copies of one of them."""
    base = tmp_path_factory.mktemp("states")
    project = project_with_audience(base / "project")
    keys = {"destinations": {"braze": {"url": "http://127.0.0.1:9", "key_env": "NO_BRAZE_KEY"}}}

    def made(name: str) -> Path:
        return just_made(base / name, project, **keys)

    files_only = made("files only")
    put_files(files_only)
    ran = madang(files_only, "run")
    assert ran.code == 0, ran
    (base / "files only.out").write_text(ran.out, encoding="utf-8")
    never_built = made("never built")
    put_files(never_built)
    assert madang(never_built, "load").code == 0
    ga4_only = made("GA4 only")
    put_export(ga4_only)
    with_export_built(ga4_only)
    yield {
        "project": project,
        "just made": made("just made"),
        "GA4 only": ga4_only,
        "never built": never_built,
        "files only": files_only,
        "killed": killed(copy_of(files_only, base / "killed")),
        "broken journal": with_broken_journal(copy_of(files_only, base / "broken journal")),
        "logs closed": with_logs_closed(copy_of(files_only, base / "logs closed")),
        "another clock": with_another_clock(copy_of(files_only, base / "another clock")),
    }


@pytest.fixture(scope="module")
def mounts() -> Iterator[Mounts]:
    made = Mounts()
    yield made
    made.close()


def test_every_command_has_a_row() -> None:
    declared = set(commands(typer.main.get_command(app)))
    assert declared == set(ROWS)
    assert {len(codes) for _, codes in ROWS.values()} == {len(STATES)}


@pytest.mark.parametrize("state", STATES)
def test_every_command_ends_well_in(
    state: str, places: dict[str, Path], mounts: Mounts, tmp_path: Path
) -> None:
    root = _root(state, places, mounts, tmp_path)
    wrong = []
    for command, (args, codes) in ROWS.items():
        code = codes[STATES.index(state)]
        if code == "-":
            continue
        ended = madang(root, *command, *(arg.format(root=root) for arg in args))
        told = ended.out + ended.err
        lines = ended.err.splitlines()
        if (
            ended.code != int(code)
            or "Traceback" in told
            or "unforeseen" in told
            or len(lines) > 12
            or (lines and not lines[0].startswith("error: "))
            or (not _can_write(state) and _is_refused(ended) and str(root) not in ended.err)
        ):
            wrong.append((command, f"exit code {ended.code}, not {code}", told[-600:]))
    assert wrong == []
    status = json.loads(madang(root, "status", "--json").out)
    assert {one["what"] for one in status["attention"]} == ATTENTION.get(state, set())


def _root(state: str, places: dict[str, Path], mounts: Mounts, tmp_path: Path) -> Path:
    if state == "full disk":
        return full(places["files only"], mounts, tmp_path / "full")
    if state == "read-only":
        return read_only(places["files only"], mounts, tmp_path / "read_only")
    return places[state]


def _can_write(state: str) -> bool:
    return state not in ("logs closed", "full disk", "read-only")


def _is_refused(ended: Ended) -> bool:
    """Whether the storage stopped it, and nothing else."""
    return any(word in ended.err for word in ("disk is", "A file stands", "may not use"))


def test_files_alone_are_built_with_every_test_and_give_an_audience(
    places: dict[str, Path],
) -> None:
    root = places["files only"]
    ran = (root.parent / "files only.out").read_text(encoding="utf-8")
    assert "built from files alone, without a GA4 export: no events_YYYYMMDD.parquet" in ran
    assert re.search(r"Built in .* s: \d+ pass, \d+ success", ran)
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as warehouse:
        members = warehouse.sql(
            "select customers.customer_no, is_contactable from madang_marts.audience_members "
            "inner join madang_marts.customers using (person_id) where audience = 'buyers' "
            "order by 1"
        ).fetchall()
        sessions = warehouse.sql("select count(*) from madang_activity.sessions").fetchall()
    assert members == [("C000001", True), ("C000002", False)]
    assert sessions == [(0,)]
    page = (root / "site" / "index.html").read_text(encoding="utf-8")
    assert "no GA4 export" in page


def test_the_tables_have_the_same_types_with_and_without_an_export(
    places: dict[str, Path],
) -> None:
    def types(state: str) -> set[tuple]:
        with duckdb.connect(str(places[state] / "warehouse.duckdb"), read_only=True) as warehouse:
            return set(
                warehouse.sql(
                    "select table_schema, table_name, column_name, data_type from "
                    "information_schema.columns where table_schema <> 'madang_raw' "
                    "and table_schema <> 'madang_ledger'"
                ).fetchall()
            )

    assert types("files only") == types("GA4 only")


def test_an_export_that_is_gone_is_told_and_keeps_its_days(
    places: dict[str, Path], tmp_path: Path
) -> None:
    from madang.build.export import left_out
    from madang.warehouse import open_warehouse

    root = copy_of(places["GA4 only"], tmp_path / "gone")
    settings = load_settings(root)
    for file in shard_files(settings.ga4_properties()[0]):
        file.unlink()
    with open_warehouse(settings, read_only=True) as warehouse:
        (told,) = left_out(settings, warehouse)
    assert told.startswith("left out: the GA4 export is gone (no events_YYYYMMDD.parquet or ")
    assert told.endswith(": its 1 days stay as they were built")


def test_a_warehouse_that_fills_its_disk_in_a_load_is_told_in_one_block(
    places: dict[str, Path], mounts: Mounts, tmp_path: Path
) -> None:
    small = mounts.small(tmp_path / "small", 400)
    root = just_made(
        tmp_path / "loading",
        places["project"],
        warehouse={"path": str(small / "warehouse.duckdb")},
    )
    put_files(root)
    put_many_orders(root, 30_000)
    ended = madang(root, "load")
    assert ended.code == 1
    lines = ended.err.splitlines()
    assert lines[0] == "error: The disk is full."
    assert lines[1].startswith(f"where: {small}")
    assert lines[2].startswith("fix:   Make room there")
    assert len(lines) == 3


def test_a_log_that_cannot_be_written_is_no_traceback_a_line(
    places: dict[str, Path], mounts: Mounts, tmp_path: Path
) -> None:
    root = copy_of(places["files only"], tmp_path / "logging")
    logs = mounts.small(tmp_path / "logs", 32)
    with (root / "madang.yml").open("a") as config:
        config.write(f"paths: {{logs: {logs}}}\n")
    ended = subprocess.run(
        [*MADANG, "--config", root, "build", "--select", "stg_shop__orders"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stderr == ""


def test_a_build_that_is_killed_leaves_its_beginning_in_status(
    places: dict[str, Path], tmp_path: Path
) -> None:
    root = copy_of(places["files only"], tmp_path / "to be killed")
    (root / "logs" / "dbt.log").unlink()
    build = subprocess.Popen(
        [*MADANG, "--config", root, "build", "--select", "stg_shop__orders+"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = root / "logs" / "dbt.log"
    until = time.monotonic() + 300
    while time.monotonic() < until and build.poll() is None:
        if log.exists() and " START sql " in log.read_text(encoding="utf-8", errors="replace"):
            break
        time.sleep(0.02)
    build.send_signal(signal.SIGKILL)
    build.wait(timeout=60)
    status = madang(root, "status", "--json")
    assert status.code == 1
    told = json.loads(status.out)
    assert told["builds"]["last"]["state"] == "not ended"
    assert told["builds"]["last_good"]["command"] == "madang run"
    (attention,) = told["attention"]
    assert attention["what"] == "build"
    assert "it was killed" in attention["message"]
