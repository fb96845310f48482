"""An erasure that is killed, really and anywhere, ends where an undisturbed one ends."""

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

import traces
from demo_workspace import (
    AS_OF,
    MARU,
    SCRIPTS,
    Company,
    Ended,
    environment,
    madang,
    tables_of,
)
from madang.sandbox.braze import BrazeSandbox

KEY = "key-of-the-killed"
REASON = "request 2026-119"
PATIENCE = 240  # seconds until a moment must have come
TABLES = ("raw", "private", "staging", "identity", "activity", "marts", "activation")
#: Made of the moment or the build, not of the data.
OWN = {"_loaded_at", "loaded_at", "built_at", "run_id", "build", "revision"}


@dataclass
class Run:
    root: Path
    braze: BrazeSandbox
    number: str
    told: list[Ended] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def erase(self) -> None:
        self.told.append(madang(self.root, "erase", self.number, "--reason", REASON, STORY_KEY=KEY))

    def killed_when(self, moment: str, has_come: Callable[[], bool]) -> None:
        """Erase in a process of its own, and kill it at a moment."""
        process = subprocess.Popen(
            [SCRIPTS / "madang", "--config", self.root, "erase", self.number, "--reason", REASON],
            env=environment(STORY_KEY=KEY),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while not has_come() and process.poll() is None:
            assert time.monotonic() < deadline, f"{moment}: the moment never came"
            time.sleep(0.01)
        assert process.poll() is None, f"{moment}: the process ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        self.states.append(moment)

    @property
    def certificate(self) -> dict:
        (path,) = (self.root / "erasures").glob("*.json")
        return json.loads(path.read_text(encoding="utf-8"))

    def is_pending(self) -> bool:
        return any((self.root / "erasures").glob("*.pending"))

    def is_asking(self) -> bool:
        """The journal says that a request to delete is on its way."""
        with contextlib.suppress(sqlite3.Error):
            journal = f"file:{self.root / 'journal.sqlite'}?mode=ro"
            with contextlib.closing(sqlite3.connect(journal, uri=True)) as db:
                return bool(
                    db.execute("select 1 from deletions where status = 'sending'").fetchone()
                )
        return False

    @property
    def log(self) -> Path:
        return self.root / "logs" / "dbt.log"

    def is_building(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return self.log.read_bytes().count(b"OK created") >= 25
        return False

    def is_counted(self) -> bool:
        with contextlib.suppress(ValueError):
            return "rows_left" in self.certificate
        return False

    def contents(self) -> dict[str, object]:
        """A digest of every table, whatever the order of its rows."""
        with tables_of(self.root) as tables:
            columns = tables.rows(f"""
                select schema_name, table_name, list(column_name order by column_name)
                from duckdb_columns()
                where database_name = 'warehouse' and table_name <> 'base_ga4__shards'
                    and schema_name in {tuple(f"madang_{one}" for one in TABLES)}
                group by all order by all""")
            found = {}
            for schema, table, names in columns:
                listed = ", ".join(f'"{name}"' for name in names if name not in OWN)
                sql = f'select count(*), bit_xor(hash({listed})) from {schema}."{table}"'
                found[f"{schema}.{table}"] = tables.rows(sql)[0]
        return found


def workspace(small_company: Company, root: Path, url: str) -> Path:
    shutil.copytree(small_company.root, root, ignore=shutil.ignore_patterns("site", "*.lock"))
    settings = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
    settings += f"destinations: {{braze: {{url: {url}, key_env: STORY_KEY}}}}\n"
    (root / "madang.yml").write_text(settings, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def runs(
    small_company: Company, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Run, Run]]:
    """One erasure that is left alone, and one that is killed four times."""
    folder = tmp_path_factory.mktemp("killed")
    with tables_of(small_company.root) as tables:
        number = tables.value("""
            select min(customer_no) from madang_marts.customers
            inner join madang_activation.sync_braze__users
                on customer_no = sync_key and held_back_reason is null
            where orders > 0 and has_logged_in and crm_ids = 1""")
    with contextlib.ExitStack() as stack:
        made = []
        for name in ("straight", "killed"):
            store = folder / f"{name}.sqlite"
            shutil.copyfile(small_company.root / "sandbox.sqlite", store)
            braze = stack.enter_context(BrazeSandbox(0, KEY, store))
            made.append(Run(workspace(small_company, folder / name, braze.url), braze, number))
        straight, killed = made
        straight.erase()
        killed.braze.faults.add("slow", times=None, seconds=20)
        killed.killed_when("written down", killed.is_pending)
        killed.killed_when("asking to delete", killed.is_asking)
        killed.braze.faults.clear()
        killed.log.unlink()  # dbt begins another file at 10 MB
        killed.killed_when("building", killed.is_building)
        killed.killed_when("counted", killed.is_counted)
        killed.erase()
        yield straight, killed


def test_it_ends_where_an_undisturbed_one_ends(runs: tuple[Run, Run]) -> None:
    straight, killed = runs
    assert len(killed.states) == 4
    assert [one.code for one in straight.told] == [0], straight.told[0].told
    assert [one.code for one in killed.told] == [0], killed.told[0].told
    assert killed.contents() == straight.contents()


def test_nothing_is_left_of_the_person(runs: tuple[Run, Run]) -> None:
    for one in runs:
        assert traces.in_warehouse(one.root / "warehouse.duckdb", {one.number}) == {}
        assert traces.in_files(one.root, {one.number}) == {}


def test_the_certificate_is_complete(runs: tuple[Run, Run]) -> None:
    straight, killed = (one.certificate for one in runs)
    own = {"erasure_id", "begun_at", "finished_at", "logs_cleared", "plans_cleared"}
    assert killed["status"] == "done"
    assert {name: value for name, value in killed.items() if name not in own} == {
        name: value for name, value in straight.items() if name not in own
    }


def test_the_destination_deletes_once_and_is_asked_again_only_where_no_answer_came(
    runs: tuple[Run, Run],
) -> None:
    straight, killed = runs
    for one, most in ((straight, 1), (killed, 2)):
        assert one.number not in one.braze.users()
        asked = [entry for entry in one.braze.log() if entry.get("path") == "/users/delete"]
        assert 1 <= len(asked) <= most
        with contextlib.closing(sqlite3.connect(one.root / "journal.sqlite")) as journal:
            assert journal.execute("select count(*) from deletions").fetchone() == (0,)
            assert journal.execute("select sum(keys) from deletions_done").fetchone() == (1,)
    assert sha256(killed.number.encode()).hexdigest() not in json.dumps(killed.certificate)
