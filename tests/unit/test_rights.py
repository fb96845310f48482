"""What holds personal data is its owner's alone, however wide the umask of whoever runs Madang."""

import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ingest_workspace import GOOD_CUSTOMER, put, workspace
from madang import private
from madang.build.publish import publish_tables
from madang.health import rights
from madang.health.doctor import examine
from madang.ingest.calls.inbox import open_inbox
from madang.lock import workspace_lock
from madang.settings.workspace import Settings, load_settings
from madang.sync.journal import locked
from madang.warehouse import open_warehouse

COMMAND = [sys.executable, "-c", "from madang.cli import main; main()"]
HEADER = "고객번호,이름,휴대폰,이메일,등급,지역,가입일"


@pytest.fixture(autouse=True)
def wide_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return workspace(tmp_path / "work")


def madang(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "--config", str(settings.root), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, umask=0o022)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(root: Path, *but: str) -> list[str]:
    """Files and folders of a workspace that others may read, but for those of the company."""
    found = [path for path in root.rglob("*") if mode(path) & 0o077]
    return [
        str(path.relative_to(root)) for path in found if path.relative_to(root).parts[0] not in but
    ]


def rows_in(scratch: Path) -> list[Path]:
    return [path for path in scratch.rglob("*") if path.is_file() and path.name != "lock"]


def test_what_a_load_writes_is_its_owners_alone(settings: Settings) -> None:
    bad = ",".join(GOOD_CUSTOMER).replace("010-1234-5678", "call me")
    rows = "\n".join([HEADER, *[",".join(GOOD_CUSTOMER)] * 9, bad])
    put(settings.root / "inbox/crm/list.csv", rows)
    ended = madang(settings, "load")
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert mode(settings.warehouse.path) == 0o600
    rejects = list(settings.paths.rejects.iterdir())  # the bad row, and the rows that repeat a key
    assert [mode(path) for path in rejects] == [0o600, 0o600]
    assert mode(settings.paths.rejects) == 0o700
    assert open_to_others(settings.root, "inbox", "madang.yml") == []


def test_the_log_of_the_warehouse_is_its_owners_alone(settings: Settings) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.execute("create table people as select 'k1@mail.example' as email")
        wal = settings.warehouse.path.with_name("warehouse.duckdb.wal")
        assert mode(wal) == 0o600


def test_journal_and_inbox_are_their_owners_alone_with_what_sqlite_puts_beside(
    settings: Settings,
) -> None:
    with locked(settings.paths.journal), closing(open_inbox(settings.paths.received)):
        made = [path for path in settings.root.iterdir() if ".sqlite" in path.name]
        assert {path.name for path in made} >= {
            "journal.sqlite",
            "journal.sqlite-wal",
            "journal.sqlite.lock",
            "received.sqlite",
            "received.sqlite-wal",
            "received.sqlite-shm",
        }
        assert {mode(path) for path in made} == {0o600}


def test_what_was_readable_before_is_tightened_and_told(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    old = [
        put(settings.root / name, "x")
        for name in ("rejects/a.csv", "logs/dbt.log", "plans/p1/rows.parquet", "journal.sqlite")
    ]
    shared = put(settings.root / "inbox/crm/list.csv", "x")
    warned = [one for one in examine(settings) if one.name == "read by its owner alone"]
    assert warned[0].status == "warning" and "rejects (2)" in warned[0].detail
    with workspace_lock(settings, "load"):
        pass
    assert {mode(path) for path in old} == {0o600}
    assert {mode(path.parent) for path in old[:3]} == {0o700}
    assert mode(shared) == 0o644  # the company's own
    told = capsys.readouterr().out
    assert "no longer: journal.sqlite (1), rejects (2), plans (3), logs (2)." in " ".join(
        told.split()
    )
    with workspace_lock(settings, "load"):
        pass
    assert "no longer" not in capsys.readouterr().out
    now = [one for one in examine(settings) if one.name == "read by its owner alone"]
    assert now[0].status == "ok"


def test_a_folder_elsewhere_is_left_to_those_who_share_it(tmp_path: Path) -> None:
    shared = tmp_path / "var-log"
    shared.mkdir()
    settings = workspace(tmp_path / "work", f"paths: {{logs: {shared}}}\n")
    other = put(shared / "syslog", "x")
    rights.tighten(settings)
    assert mode(shared) == 0o755 and mode(other) == 0o644


@pytest.mark.parametrize(
    ("readable_by", "file", "folder"),
    [("owner", 0o600, 0o700), ("group", 0o640, 0o750), ("everyone", 0o644, 0o755)],
)
def test_published_marts_are_for_those_whom_the_setting_names(
    tmp_path: Path, readable_by: str, file: int, folder: int
) -> None:
    more = f"publish: {{readable_by: {readable_by}}}\npaths: {{marts: data/marts}}\n"
    settings = workspace(tmp_path / "work", more)
    with open_warehouse(settings) as warehouse:
        warehouse.ensure_layer("marts")
        warehouse.execute(f"create table {warehouse.relation('marts', 'days')} as select 1 as n")
        publish_tables(settings, warehouse, {"days": "marts"})
    assert mode(settings.paths.marts / "days.parquet") == file
    assert mode(settings.paths.marts) == folder
    assert mode(settings.root / "data") == 0o700 | folder & 0o011
    rights.tighten(settings)
    assert mode(settings.paths.marts / "days.parquet") == file


def test_what_a_killed_command_left_half_written_is_removed_by_the_next(settings: Settings) -> None:
    left = [
        put(settings.root / name, "k1@mail.example")
        for name in (
            "rejects/.a.csv.77.partial",
            "plans/p1/.rows.parquet.77.partial",
            "erasures/.e1.pending.77.partial",
        )
    ]
    kept = put(settings.root / "rejects/a.csv", "x")
    with workspace_lock(settings, "load"):
        pass
    assert not [path for path in left if path.exists()]
    assert kept.exists()


def test_a_load_that_is_killed_leaves_no_rows_behind_the_next_command(
    settings: Settings, tmp_path: Path
) -> None:
    lines = [
        f"C{n:06d},김마루,010-0{n % 1000:03d}-{n % 10000:04d},p{n}@mail.example,VIP,서울,2026-01-02"
        for n in range(60_000)
    ]
    put(settings.root / "inbox/crm/list.csv", "\n".join([HEADER, *lines]))
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "--config", str(settings.root), "load"],
        env={**os.environ, "TMPDIR": str(elsewhere)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not rows_in(settings.paths.scratch) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert list(elsewhere.iterdir()) == []
    with workspace_lock(settings, "plan"):
        assert rows_in(settings.paths.scratch) == []


def test_a_new_workspace_is_readable_as_the_umask_says(tmp_path: Path) -> None:
    """madang.yml and the inbox hold rules and other people's files: their rights are not ours."""
    ended = subprocess.run(
        [*COMMAND, "init", str(tmp_path / "new")], capture_output=True, timeout=60, umask=0o022
    )
    assert ended.returncode == 0
    assert mode(tmp_path / "new/madang.yml") == 0o644
    assert mode(load_settings(tmp_path / "new").paths.inbox) == 0o755


def test_a_file_that_is_there_is_not_written_anew(tmp_path: Path) -> None:
    path = put(tmp_path / "madang.yml", "mine")
    with pytest.raises(FileExistsError), private.whole(path, is_new=True) as file:
        file.write("theirs")
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]
