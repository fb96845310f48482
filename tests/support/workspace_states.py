"""Workspaces in every state that one can be in, made cheaply: few are built, the others are copies.

The project is a copy with one audience of CRM and orders alone, which needs no GA4 export.
"""

import datetime
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from demo_workspace import (
    WITHOUT_TESTS,
    copied_project,
)
from export_files import write
from madang.build.dbt import run_dbt
from madang.cli import app
from madang.demo.ga4 import columns
from madang.settings.workspace import load_settings
from raw_events import page

DAY = "20261030"
CUSTOMERS = """고객번호,이름,휴대폰,이메일,등급,가입일
C000001,김하늘,010-0000-1111,ha@post.example,VIP,2026-01-02
C000002,이바다,010-0000-2222,ba@post.example,일반,2026-02-03
"""
CONSENTS = """consent_id,customer_no,channel,purpose,status,occurred_at
1,C000001,email,marketing,granted,2026-03-01 09:00:00
2,C000002,email,marketing,withdrawn,2026-03-01 09:00:00
"""
ORDERS = """order_id,customer_no,status,ordered_at,updated_at,amount,currency
ORD-0001,C000001,paid,2026-10-06 00:30:00,2026-10-06 00:30:00,120000,KRW
ORD-0002,C000001,cancelled,2026-10-07 10:00:00,2026-10-08 11:00:00,30000,KRW
ORD-0003,C000002,paid,2026-10-07 10:00:00,2026-10-07 10:00:00,50000,KRW
"""
AUDIENCE = {
    "name": "aud_buyers",
    "description": "One row per customer with an order.",
    "config": {
        "materialized": "view",
        "meta": {
            "audience": {
                "label": "구매 고객",
                "rule": {"has": "orders", "at_least": 1},
                "consent": {"purpose": "marketing", "channels": ["email"]},
            }
        },
    },
}


@dataclass(frozen=True)
class Ended:
    """A command that ended in this process."""

    code: int
    out: str
    err: str


def madang(root: Path, *args: object) -> Ended:
    """Run a command in this process, as a user of the workspace."""
    result = CliRunner().invoke(app, ["--config", str(root), *map(str, args)])
    return Ended(result.exit_code, result.stdout, result.stderr)


def project_with_audience(folder: Path) -> Path:
    """The dbt project with an audience that rests on files alone."""
    project = copied_project(folder)
    audiences = project / "models" / "marts" / "audiences"
    (audiences / "aud_buyers.sql").write_text("{{ audience() }}\n")
    (audiences / "_buyers.yml").write_text(
        yaml.safe_dump({"models": [AUDIENCE]}, allow_unicode=True), encoding="utf-8"
    )
    shutil.copytree(Path(__file__).parents[2] / "charts", project / "charts")
    return project


def just_made(root: Path, project: Path, **keys: object) -> Path:
    """`madang init`, with the project named."""
    root.mkdir(parents=True)
    (root / "madang.yml").write_text(
        yaml.safe_dump({"version": 1, "project": str(project), **keys}), encoding="utf-8"
    )
    made = CliRunner().invoke(app, ["init", str(root)])
    assert made.exit_code == 0, made.output
    return root


def put_files(root: Path) -> None:
    """Bring what a shop without a website tag has: customers, consents, orders."""
    for place, text in (
        ("crm/customers.csv", CUSTOMERS),
        ("consent/consents.csv", CONSENTS),
        ("shop/orders.csv", ORDERS),
    ):
        (root / "inbox" / place).parent.mkdir(parents=True, exist_ok=True)
        (root / "inbox" / place).write_text(text, encoding="utf-8")


def put_many_orders(root: Path, count: int) -> None:
    """Bring so many orders that a small disk does not hold them."""
    head = ORDERS.splitlines()[0]
    day = "2026-10-07 10:00:00"
    rows = (f"M-{n:08},C000001,paid,{day},{day},{n},KRW" for n in range(count))
    (root / "inbox" / "shop" / "orders_many.csv").write_text("\n".join([head, *rows]))


def put_export(root: Path) -> None:
    """Bring one day of the GA4 export with one visit."""
    first = int(datetime.datetime(2026, 10, 30, 1, tzinfo=datetime.UTC).timestamp() * 1e6)
    rows = [
        {
            "event_date": DAY,
            "event_timestamp": first + number * 1_000_000,
            "event_name": name,
            "event_params": [
                {"key": "ga_session_id", "value": {"int_value": 1793322000}},
                *(
                    {"key": key, "value": {"string_value": value}}
                    for key, value in page("models/maru9").items()
                ),
            ],
            "user_pseudo_id": "1.1",
            "stream_id": "7",
            "platform": "WEB",
        }
        for number, name in enumerate(("session_start", "page_view"))
    ]
    write(rows, root / "ga4" / f"events_{DAY}.parquet", columns())


def with_export_built(root: Path) -> Path:
    """Build it, without the data tests: that takes half as long."""
    run_dbt(load_settings(root), ["build", *WITHOUT_TESTS])
    return root


def copy_of(root: Path, to: Path) -> Path:
    """A copy with its own warehouse; settings name the same project."""
    return shutil.copytree(root, to, symlinks=True)


def killed(root: Path) -> Path:
    """What a build leaves behind that was killed: its beginning in the ledger, its name in the
    lock's file. tests/pipeline/test_states.py kills a real one."""
    with duckdb.connect(str(root / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "insert into madang_ledger.builds by name select max(build_number) + 1 as build_number,"
            " 'killed' as run_id, 'madang build' as command, timestamp '2026-11-02 00:15:00' as "
            "started_at, timestamp '2026-11-02 00:15:00' as as_of, false as is_pinned, "
            "false as is_part from madang_ledger.builds"
        )
    lock = '{"pid": 999999999, "command": "build", "since": "2026-11-02T00:15:00+00:00"}'
    (root / "logs" / "run.lock").write_text(lock)
    return root


def with_broken_journal(root: Path) -> Path:
    """A journal whose file is no database any more."""
    (root / "journal.sqlite").write_bytes(b"no database" * 1000)
    return root


def with_logs_closed(root: Path) -> Path:
    """`logs` is a file: nobody can write below it, not even the superuser."""
    shutil.rmtree(root / "logs", ignore_errors=True)
    (root / "logs").write_text("")
    return root


def with_another_clock(root: Path) -> Path:
    """The clock of madang.yml was moved after the build."""
    config = yaml.safe_load((root / "madang.yml").read_text(encoding="utf-8"))
    config["as_of"] = "2026-09-01T12:00:00+09:00"
    (root / "madang.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return root


class Mounts:
    """Small file systems that belong to a test; all are gone at its end."""

    def __init__(self) -> None:
        self._places: list[Path] = []

    def small(self, place: Path, kib: int) -> Path:
        """Mount a file system of so many KiB; skips the test where that is not allowed."""
        place.mkdir(parents=True)
        self._run("mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place))
        self._places.append(place)
        return place

    def read_only(self, place: Path) -> Path:
        """Make a file system of `small` read-only, for the superuser too."""
        self._run("mount", "-o", "remount,ro", str(place))
        return place

    def close(self) -> None:
        for place in reversed(self._places):
            subprocess.run(["umount", "--lazy", str(place)], check=False)

    def _run(self, *command: str) -> None:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"no file system can be mounted here: {error}")
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


def size_kib(root: Path) -> int:
    """What a folder takes, in KiB."""
    return sum(path.stat().st_size // 1024 + 4 for path in root.rglob("*") if path.is_file())


def full(root: Path, mounts: Mounts, to: Path) -> Path:
    """A copy on a disk without a free block."""
    place = mounts.small(to, size_kib(root) + 512)
    shutil.copytree(root, place, symlinks=True, dirs_exist_ok=True)
    with (place / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    return place


def read_only(root: Path, mounts: Mounts, to: Path) -> Path:
    """A copy on a disk that takes nothing."""
    place = mounts.small(to, size_kib(root) + (32 << 10))  # not full as well
    shutil.copytree(root, place, symlinks=True, dirs_exist_ok=True)
    return mounts.read_only(place)
