"""Files in a folder: what stands in them, written whole or not at all, with a manifest."""

import csv
import hashlib
import json
import stat
import subprocess
import sys

import duckdb
import pytest

from demo_workspace import SUPPORT
from madang.sync import DestinationDown, SyncError, deletions
from madang.sync.destinations.customer_files import KakaoSettings, NaverSettings
from madang.sync.destinations.file.destination import FileSettings
from sync_place import Place


class There(Place):
    """A workspace whose one sync writes files."""

    def __init__(self, root, name: str = "members", more: str = "", key: str = "key") -> None:
        more = f", path: crm{more}"
        super().__init__(root, "file", FileSettings(), {}, name=name, key=key, more=more)

    @property
    def folder(self):
        return self.root / "outbox" / "crm"

    def files(self) -> set[str]:
        return {one.name for one in self.folder.iterdir() if one.is_file()}

    def read(self, name: str) -> list[dict[str, str]]:
        with (self.folder / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def manifest(self, name: str) -> dict:
        told = json.loads((self.folder / f"{name}.manifest.json").read_text())
        content = (self.folder / name).read_bytes()
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
        assert told["bytes"] == len(content)
        return told


def row(key: str, field: str = "buyers", held: str | None = None, **cells: str | None) -> tuple:
    return (key, field, json.dumps({"key": key, **cells}), held)


def test_a_full_file_holds_exactly_who_is_wanted(tmp_path):
    there = There(tmp_path, more=", columns: {tier: {from: tier}}")
    there.sync(row("C2", tier="VIP"), row("C1", tier=None), row("C1", "vips", tier="VIP"))
    assert there.read("buyers.csv") == [{"key": "C1", "tier": ""}, {"key": "C2", "tier": "VIP"}]
    assert there.read("vips.csv") == [{"key": "C1", "tier": "VIP"}]
    there.sync(row("C1", tier="Gold"), row("C3", tier="VIP"))
    assert there.read("buyers.csv") == [{"key": "C1", "tier": "Gold"}, {"key": "C3", "tier": "VIP"}]
    assert (there.folder / "vips.csv").read_text() == "key,tier\n", "who left stayed in the file"
    told = there.manifest("buyers.csv")
    assert (told["rows"], told["columns"], told["content"]) == (2, ["key", "tier"], "full")
    plans = {one["plan_id"] for one in there.ledger("sync_plans")}
    assert told["plan_id"] in plans
    assert there.plan().is_empty


def test_a_difference_is_a_file_of_its_own_that_says_set_or_remove(tmp_path):
    there = There(tmp_path, more=", content: difference")
    there.sync(row("C1", tier="VIP"), row("C2", tier="VIP"))
    there.sync(row("C1", tier="Gold"))
    first, second = (
        f"buyers-{one['plan_id']}.csv" for one in there.ledger("sync_plans", "status = 'planned'")
    )
    assert {one["operation"] for one in there.read(first)} == {"set"}
    assert there.read(second) == [
        {"key": "C1", "operation": "set", "tier": "Gold"},
        {"key": "C2", "operation": "remove", "tier": ""},
    ]
    assert there.manifest(second)["rows"] == 2


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_other_formats_hold_the_same(tmp_path, ending):
    there = There(tmp_path, more=f", format: {ending}")
    there.sync(row("C1", tier="=1+1"), row("C2", tier=None))
    path = there.folder / f"buyers.{ending}"
    reader = "read_parquet" if ending == "parquet" else "read_json"
    rows = duckdb.sql(f"select key, tier from {reader}('{path}') order by key").fetchall()
    assert rows == [("C1", "=1+1"), ("C2", None)]
    assert there.manifest(path.name)["rows"] == 2


def test_attributes_are_a_row_a_key_and_a_column_a_field(tmp_path):
    there = There(tmp_path, "attributes")
    there.sync(
        ("C1", "tier", '"VIP"', None), ("C1", "orders", "2", None), ("C2", "tier", '"A"', None)
    )
    assert there.read("rows.csv") == [
        {"key": "C1", "orders": "2", "tier": "VIP"},
        {"key": "C2", "orders": "", "tier": "A"},
    ]
    there.sync(("C1", "orders", "3", None))
    assert there.read("rows.csv") == [{"key": "C1", "orders": "3"}]


def test_events_are_kept_and_each_is_there_once(tmp_path):
    there = There(tmp_path, "events", key="event_id")
    there.sync(("e1", "ordered", '{"value": "5"}', None))
    there.sync(("e2", "ordered", '{"value": "6"}', None))
    rows = there.read("ordered.csv")
    assert [(one["key"], one["value"]) for one in rows] == [("e1", "5"), ("e2", "6")]


def test_no_cell_of_a_csv_is_a_formula(tmp_path):
    cells = [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("＝1+1", "'＝1+1"),
        ("+821012345678", "+821012345678"),
        ("-5.5", "-5.5"),
        ('김,하늘\n"그"', '김,하늘\n"그"'),
        ("a=b", "a=b"),
    ]
    there = There(tmp_path)
    there.sync(*(row(f"C{at:02}", name=value) for at, (value, _) in enumerate(cells)))
    assert [one["name"] for one in there.read("buyers.csv")] == [cell for _, cell in cells]


def test_who_wants_cells_as_they_are_says_so(tmp_path):
    there = There(tmp_path, more=", safe: false, header: false")
    there.sync(row("C1", name="=1"))
    assert (there.folder / "buyers.csv").read_text() == "C1,=1\n"


def test_only_the_owner_reads_files_and_a_name_cannot_leave_the_folder(tmp_path):
    there = There(tmp_path)
    there.sync(row("C1"))
    for name in there.files():
        assert stat.S_IMODE((there.folder / name).stat().st_mode) == 0o600
    with pytest.raises(SyncError, match="no name of a file"):
        there.sync(row("C1", "../buyers"))


def test_a_folder_that_cannot_be_written_is_said_and_the_plan_goes_on_later(tmp_path):
    there = There(tmp_path)
    (tmp_path / "outbox").write_text("no folder")
    there.want(row("C1"))
    there.plan()
    with pytest.raises(DestinationDown, match="cannot be written"):
        there.apply()
    (tmp_path / "outbox").unlink()
    there.apply()
    assert there.read("buyers.csv") == [{"key": "C1"}]


def test_an_erasure_takes_the_person_out_of_full_files(tmp_path):
    there = There(tmp_path)
    there.sync(row("C1"), row("C2"))
    queued = [deletions.membership("one_sync", "buyers", "C1")]
    deletions.queue(there.settings, "e1", ["file"], queued)
    (told,) = deletions.send(there.settings)
    assert (told.status, told.keys) == ("deleted", 1)
    assert there.read("buyers.csv") == [{"key": "C2"}]
    assert there.manifest("buyers.csv")["rows"] == 1
    held = duckdb.read_parquet(str(there.folder / ".state/buyers.parquet"))
    assert held.select("key").fetchall() == [("C2",)], "the state still has the person"


KILL = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(":")
from madang.settings.workspace import load_settings
from madang.sync.destinations.file import rows as file_rows
from madang.sync.destinations.file.destination import FileSettings
from test_sync_file import There
calls = 0
real = Path.replace
def dying(self, target):
    global calls
    if "outbox" in str(target):
        calls += 1
        if calls == int(sys.argv[3]):
            os._exit(9)
    return real(self, target)
Path.replace = dying
place = There.__new__(There)
place.root, place.environ = Path(sys.argv[2]), {}
read = load_settings(place.root / "madang.yml")
place.settings = read.model_copy(update={"destinations": {"file": FileSettings()}})
place.apply(allow_guards=True)
"""


@pytest.mark.parametrize("rename", [1, 2, 3])
def test_killed_before_any_rename_a_file_is_the_old_one_or_the_new_one(tmp_path, rename):
    there = There(tmp_path)
    there.sync(row("C1"), row("C2"))
    before = (there.folder / "buyers.csv").read_bytes()
    there.want(row("C2", name="x"), row("C3", name="y"))
    there.plan()
    paths = ":".join([str(SUPPORT), str(SUPPORT.parent / "pipeline")])
    done = subprocess.run(
        [sys.executable, "-c", KILL, paths, str(tmp_path), str(rename)], check=False, timeout=60
    )
    assert done.returncode == 9
    new = [{"key": "C2", "name": "x"}, {"key": "C3", "name": "y"}]
    if rename == 1:
        assert (there.folder / "buyers.csv").read_bytes() == before
    else:
        assert there.read("buyers.csv") == new
    there.apply(allow_guards=True)
    assert there.read("buyers.csv") == new
    assert there.manifest("buyers.csv")["rows"] == 2
    assert there.files() == {"buyers.csv", "buyers.csv.manifest.json"}
    there.sync(row("C2", name="x"))
    assert there.read("buyers.csv") == [{"key": "C2", "name": "x"}]


@pytest.mark.parametrize(("name", "settings"), [("kakao", KakaoSettings), ("naver", NaverSettings)])
def test_a_customer_file_has_the_hashes_of_its_identifier_one_a_line(tmp_path, name, settings):
    more = ", least_size: 2"
    there = Place(tmp_path, name, settings(), {}, name="customer_file", key="match_key", more=more)
    phones = sorted(hashlib.sha256(str(number).encode()).hexdigest() for number in range(3))
    there.want(
        *((f"phone:{one}", "buyers", "true") for one in phones),
        (f"email:{phones[0]}", "buyers", "true"),
        ("phone:+821012345678", "buyers", "true"),
    )
    assert there.plan().guards == ()
    result = there.apply()
    assert result.rejected_by_problem == {"It is no hash of its phone.": 2}
    path = tmp_path / "outbox" / name / "buyers.csv"
    assert path.read_text().splitlines() == phones
    there.sync((f"phone:{phones[1]}", "buyers", "true"))
    assert path.read_text() == f"{phones[1]}\n", "who left must be able to, whatever is left"


def test_a_customer_file_that_would_begin_too_small_is_said_before(tmp_path):
    there = Place(tmp_path, "kakao", KakaoSettings(), {}, name="customer_file", key="match_key")
    there.want((f"phone:{'a' * 64}", "buyers", "true"))
    (guard,) = there.plan().guards
    assert (guard.name, "1,000" in guard.message) == ("size", True)
    with pytest.raises(SyncError, match="would begin with 1 members"):
        there.apply()
    assert not (tmp_path / "outbox").exists()
