"""What an erasure looks for, in which spellings, and how deletions wait for a destination."""

import csv
import gzip
import hashlib
import io
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from madang.build.build import PARTIAL
from madang.erase.certificate import Certificate
from madang.erase.columns import read_columns
from madang.erase.erase import settle_all
from madang.erase.files import Traces, forget_files, input_files
from madang.erase.values import Known, keep
from madang.ingest.landing.rejects import HEADERS
from madang.sandbox.braze import BrazeSandbox
from madang.scratch import ScratchError
from madang.settings.workspace import load_settings
from madang.specs.check import check_project
from madang.specs.identifying import KINDS
from madang.sync import deletions

KEY = "key-of-the-queue"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def known() -> Known:
    found = Known("b" * 32, numbers=["C000001"], emails=["a.b+c@gmail.com"])
    found.phones = ["+821012345678"]
    found.add_records("order_id", ["ORD-77"])
    found.add_records("contact_id", ["0035g00000ABCdeAAH"])
    found.add_records("case_id", ["5005g00000XYzab"])
    return found


@pytest.fixture
def settings(tmp_path: Path):
    braze = "{braze: {url: 'http://127.0.0.1:9', key_env: BRAZE_QUEUE_KEY}}"
    text = f"version: 1\nproject: {ROOT}\ndestinations: {braze}\n"
    (tmp_path / "madang.yml").write_text(text)
    return load_settings(tmp_path)


def reached(settings, braze: BrazeSandbox):
    """The same workspace, with a Braze that answers."""
    one = settings.destinations["braze"].model_copy(update={"url": braze.url})
    return settings.model_copy(update={"destinations": {"braze": one}})


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_an_id_of_salesforce_is_one_in_15_and_in_18_letters(known: Known) -> None:
    assert known.records["contact_id"] == ["0035g00000ABCde", "0035g00000ABCdeAAH"]
    assert set(known.records["case_id"]) == {"5005g00000XYzab", "5005g00000XYzabAAD"}
    buried = {(kind, value) for kind, value, _ in known.tombstones()}
    assert ("contact_id", sha256("0035g00000ABCde")) in buried
    assert ("contact_id", sha256("0035g00000ABCdeAAH")) not in buried
    assert ("order_id", sha256("ORD-77")) in buried


def test_hashes_are_also_those_that_google_and_meta_make(known: Known) -> None:
    assert sha256("ab@gmail.com") in known.hashes("email")
    assert sha256("821012345678") in known.hashes("phone")
    assert known.has_address("email", sha256("ab@gmail.com").upper())
    assert known.has_address("phone", "010.1234.5678")
    assert not known.has_address("phone", "010-1234-5679")


def test_columns_stand_for_a_person_by_the_yaml_of_models(known: Known, tmp_path: Path) -> None:
    """A model that somebody adds is looked at without a line of Python."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: own\n", encoding="utf-8")
    path = tmp_path / "models" / "_own.yml"
    text = """
models:
  - name: own_tiers
    config: {meta: {is_log: true}}
    columns:
      - {name: member_no, config: {meta: {identifies: crm_id}}}
      - {name: address, config: {meta: {identifies: email}}}
      - {name: tier}
"""
    path.write_text(text, encoding="utf-8")
    found = read_columns(tmp_path)
    wanted = found.wanted(known)
    assert wanted["member_no"] == ["C000001"]
    assert wanted["address"] == ["a.b+c@gmail.com", *known.hashes("email")]
    assert wanted["order_id"] == ["ORD-77"], "a kind of record of the sources"
    assert "tier" not in wanted
    assert found.wanted(known, ("crm_id", "device")).keys() == {"member_no"}
    assert found.declared.logs == {"own_tiers"}
    assert not check_project(tmp_path).problems
    wrong = text.replace("name: tier", "name: tier, config: {meta: {identifies: emial}}")
    path.write_text(
        wrong + "  - {name: two, columns: [{name: address, config: {meta: "
        "{identifies: phone}}}]}\n",
        encoding="utf-8",
    )
    first, second = check_project(tmp_path).problems
    assert "Did you mean 'email'" in first.message and first.line == 8
    assert "'address' identifies email in own_tiers, here phone" in second.message


def test_every_kind_has_values_and_the_project_names_its_columns(known: Known) -> None:
    assert set(KINDS) == known.by_kind().keys()
    wanted = read_columns(ROOT).wanted(known)
    assert {"person_id", "customer_no", "email_hash", "device_id", "sync_key"} <= wanted.keys()
    assert read_columns(ROOT).declared.logs >= {"identity_changes", "identity_merges"}


def packed(content: bytes, flags: int = 0) -> bytes:
    """A zip of one stored part; flag 1 says that it is encrypted."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("part", content)
    data = target.getvalue()
    at = data.index(b"PK\x01\x02") + 8
    return data[:6] + bytes([flags]) + data[7:at] + bytes([flags]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("name", "content", "is_found"),
    [
        ("a.csv", b"x,C000001,y", True),
        ("longer.csv", b"x,C0000012,y", False),
        ("case.csv", b"A.B+C@Gmail.com", True),
        ("utf16.csv", "no\t010-1234-5678\n".encode("utf-16"), True),
        ("packed.csv.gz", gzip.compress(b"82" + b"1012345678"), True),
        ("not_packed.gz", b"C000001", True),
        ("record.csv", b"ORD-77", True),
        ("empty.csv", b"", False),
        ("damaged.csv.gz", gzip.compress(bytes(2**20))[:-400] + b"C000001" + bytes(400), True),
        ("locked.xlsx", packed(b" C000001 ", flags=1), True),
        ("whole.xlsx", packed(b"no " * 2**20 + b"C000001"), True),
        ("across.csv", b"z" * (2**24 - 4) + b" C000001 ", True),
    ],
)
def test_files_are_looked_into(
    known: Known, tmp_path: Path, name: str, content: bytes, is_found: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert Traces(known).in_file(path) is is_found


def test_rejects_lose_rows_and_of_files_that_hold_the_person_every_value(
    known: Known, settings
) -> None:
    folder = settings.paths.rejects
    folder.mkdir()
    rows = [
        ("crm/list.csv", "", "2", "phone", "010-1234-56", "", "", "", ""),
        ("crm/list.csv", "", "3", "email", "a.b+c@gmail.com", "", "", "", ""),
        ("shop/orders.csv", "", "4", "phone", "02-12", "", "", "", ""),
        ("'=1.csv", "", "5", "phone", "010-1234-56", "", "", "", ""),
    ]
    path = folder / "list__1.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([HEADERS, *rows])
    done: dict[str, int] = {}
    forget_files(settings, Traces(known), ["inbox/crm/list.csv", "inbox/=1.csv"], done.update)
    with path.open(encoding="utf-8-sig", newline="") as file:
        left = list(csv.reader(file))
    assert done == {"rejects": 3}
    assert left[0] == list(HEADERS)
    assert [(row[0], row[2], row[4]) for row in left[1:]] == [
        ("crm/list.csv", "2", ""),
        ("shop/orders.csv", "4", "02-12"),
        ("'=1.csv", "5", ""),
    ]


def test_what_is_cleared_is_told_before_it_is(known: Known, settings) -> None:
    """Whoever is killed in between, and begins again, finds less; the certificate does not."""
    certificate = Certificate(settings.root / "erasures" / "one.json")
    settings.paths.logs.mkdir()
    logs = [settings.paths.logs / name for name in ("a.log", "b.log")]
    for log in logs:
        log.write_text("C000001\nnobody\n")

    def killed(counts: dict[str, int]) -> None:
        certificate.cleared(counts)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forget_files(settings, Traces(known), [], killed)
    assert [log.read_text() for log in logs] == ["C000001\nnobody\n"] * 2
    logs[0].write_text("nobody\n")  # one of them was cleared
    forget_files(settings, Traces(known), [], certificate.cleared)
    assert [log.read_text() for log in logs] == ["nobody\n"] * 2
    assert certificate.get("logs_cleared") == 2


def test_scratch_of_killed_commands_goes_and_that_of_a_living_one_is_waited_for(
    known: Known, settings
) -> None:
    told: dict[str, int] = {}
    left = settings.paths.scratch / "madang-1-killed"
    left.mkdir(parents=True)
    (left / "rows.csv").write_text("C000001\n")
    forget_files(settings, Traces(known), [], told.update)
    assert told == {"scratch": 1} and not left.exists()
    command = "import sys; from pathlib import Path; from madang import scratch; "
    command += "print(scratch.part(Path(sys.argv[1])), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", command, str(settings.paths.scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        theirs = other.stdout.readline().strip()
        with pytest.raises(ScratchError, match="at work") as caught:
            forget_files(settings, Traces(known), [], told.update)
        assert caught.value.where == theirs
        other.stdin.close()
    forget_files(settings, Traces(known), [], told.update)


def test_uploads_and_shards_are_named_not_touched(known: Known, settings) -> None:
    for name in ("inbox/crm/a.csv", "inbox/crm/b.csv", "ga4/events_20261030.parquet"):
        path = settings.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("C000001" if name.endswith("a.csv") else "nobody")
    named = input_files(settings, Traces(known), ["crm/gone.csv"], ["2026-10-30"])
    assert named == ["ga4/events_20261030.parquet", "inbox/crm/a.csv"]
    assert (settings.root / "inbox/crm/a.csv").read_text() == "C000001"


def test_deletions_are_queued_once_and_wait_until_they_are_answered(
    settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRAZE_QUEUE_KEY", KEY)
    keys = [f"C{number:06}" for number in range(120)]
    for _ in range(2):
        deletions.queue(settings, "one", settings.destinations, keys)
    monkeypatch.setenv("BRAZE_QUEUE_KEY", "")
    (told,) = deletions.send(settings)
    assert (told.status, told.keys) == ("waiting", 120)
    assert [one.keys for one in deletions.waiting(settings)] == [120]
    monkeypatch.setenv("BRAZE_QUEUE_KEY", KEY)
    with BrazeSandbox(0, KEY, tmp_path / "braze.sqlite") as braze:
        there = reached(settings, braze)
        (told,) = deletions.send(there)
        assert (told.status, told.keys) == ("deleted", 120)
        asked = [entry for entry in braze.log() if entry["path"] == "/users/delete"]
        assert len(asked) == 3
        deletions.queue(there, "one", there.destinations, keys)  # run on after a kill
        assert deletions.send(there) == []
    assert deletions.done(settings, "one")["braze"].keys == 120
    with closing(sqlite3.connect(settings.paths.journal)) as journal:
        assert journal.execute("select count(*) from deletions").fetchone() == (0,)
    assert b"C000007" not in settings.paths.journal.read_bytes()


def test_deletions_are_asked_for_again_where_the_journal_is_another(settings) -> None:
    path = settings.root / "erasures" / "an-erasure.pending"
    keep(Known("person", numbers=["C1"]), path)
    Certificate(path.with_suffix(".json")).set(is_removed=True, your_files=[])
    assert settle_all(settings) == PARTIAL  # a new journal knows of no deletion
    assert path.exists()
    told = Certificate(path.with_suffix(".json")).get("destinations")
    assert told == {"braze": {"status": "waiting", "keys": 1}}
