"""Any mapping and any file: a clear answer, every row accounted for, both readers of CSV agree."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_workspace import own_project, put
from madang import ingest
from madang.errors import MadangError
from madang.ingest.checks.values import TYPES
from madang.ingest.propose import propose
from madang.ingest.readers import fast_csv
from madang.ingest.sources import read_sources
from madang.warehouse import open_warehouse

BOUNDED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WORDS = [
    "", " ", "-", "합계", "Total", "고객번호", "A1", "00123", "1.01E+10", "010-1234-5678",
    "1012345678", "a@maru.example", "2026-10-06", "2026-10-06 14:30:00", "24:00", "46301",
    "12,000원", "3백만", "(1,000)", "Y", "아니오", "열림", "900101-1234567", "=1+1", "\u200b",
    "0", "\u1106\u1161", "a,b", 'a"b', "a\nb", "a\rb", "\ufeff", "NULL", "\\N", "'", "#",
]  # fmt: skip
cells = st.one_of(
    st.sampled_from(WORDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
kinds = st.lists(st.sampled_from(TYPES), min_size=2, max_size=5)


@st.composite
def tables(draw: Callable[..., Any]) -> tuple[list[str], list[bool], list[list[str]]]:
    """Types and `required` of some columns, and rows under them."""
    types = draw(kinds)
    required = draw(st.lists(st.booleans(), min_size=len(types), max_size=len(types)))
    width = len(types)
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=12))
    return types, required, rows


def mapping(types: list[str], required: list[bool]) -> str:
    columns = []
    for at, (kind, must) in enumerate(zip(types, required, strict=True)):
        meta: dict[str, Any] = {"type": kind, "required": must, "headers": [f"열 {at}"]}
        if kind == "choice":
            meta["choices"] = {"open": ["열림"], "closed": ["닫힘"]}
        columns.append({"name": f"column_{at}", "config": {"meta": meta}})
    load = {
        "files": ["things/*"],
        "mode": "delta",
        "key": ["column_0"],
        "stop_rows": ["합계", "total"],
        "max_reject_share": 1,
    }
    table = {"name": "things", "config": {"meta": {"load": load}}, "columns": columns}
    return json.dumps({"sources": [{"name": "things", "tables": [table]}]}, ensure_ascii=False)


def outcome(root: Path, text: str, name: str, data: bytes) -> tuple[Any, ...]:
    """Load one file into a fresh workspace: counts, rows that landed, the rejects file."""
    for old in root.glob("warehouse.duckdb*"):
        old.unlink()
    own = own_project(root)
    put(root / "models/staging/things/_things__sources.yml", text)
    path = put(root / "inbox/things" / name, data)
    with open_warehouse(own) as warehouse:
        (file,) = ingest.load(own, warehouse, [path]).files
        landed: list[dict[str, Any]] = []
        if warehouse.exists("raw", "things"):
            relation = warehouse.relation("raw", "things")
            landed = warehouse.fetch(
                f"select * exclude (_sha256, _loaded_at) from {relation} order by _row"
            )
    rejects = ""
    if file.rejects_file:
        rejects = file.rejects_file.read_text(encoding="utf-8-sig")
        file.rejects_file.unlink()
    counts = (file.status, file.rows, file.loaded, file.rejected, file.skipped_reason)
    return counts, landed, rejects


def accounted(counts: tuple[Any, ...], landed: list[dict[str, Any]], rejects: str) -> None:
    """Every row read is landed or rejected, and no landed value is blank or half a type."""
    status, rows, loaded, rejected, reason = counts
    assert status in ("loaded", "held", "refused")
    assert loaded == len(landed)
    if status == "loaded":
        assert rows == loaded + rejected
    else:
        assert reason
    numbers = {row[2] for row in list(csv.reader(io.StringIO(rejects)))[1:]}
    assert len(numbers) == (rejected if status != "refused" else len(numbers))
    for row in landed:
        assert all(value is None or value != "" for value in row.values())


@BOUNDED
@given(tables())
def test_a_csv_comes_to_the_same_either_way(
    tmp_path: Path, table: tuple[list[str], list[bool], list[list[str]]]
) -> None:
    types, required, rows = table
    target = io.StringIO(newline="")
    csv.writer(target).writerows([[f"열 {at}" for at in range(len(types))], *rows])
    data = target.getvalue().encode()
    text = mapping(types, required)
    size = fast_csv.FROM_BYTES
    try:
        fast_csv.FROM_BYTES = 2**40
        slow = outcome(tmp_path, text, "a.csv", data)
        fast_csv.FROM_BYTES = 0
        fast = outcome(tmp_path, text, "a.csv", data)
    finally:
        fast_csv.FROM_BYTES = size
    accounted(*slow)
    assert fast == slow


@BOUNDED
@given(tables(), st.sampled_from(["json", "ndjson"]))
def test_json_with_any_values_is_accounted_for(
    tmp_path: Path, table: tuple[list[str], list[bool], list[list[str]]], ending: str
) -> None:
    types, required, rows = table
    records = [{f"열 {at}": cell for at, cell in enumerate(row)} for row in rows]
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    data = "\n".join(lines) if ending == "ndjson" else f"[{','.join(lines)}]"
    accounted(*outcome(tmp_path, mapping(types, required), f"a.{ending}", data.encode()))


@BOUNDED
@given(
    st.binary(max_size=400),
    st.sampled_from(["a.csv", "a.json", "a.ndjson", "a.xlsx", "a.xls", "a.parquet", "a.csv.gz"]),
)
def test_any_bytes_get_a_clear_answer(tmp_path: Path, data: bytes, name: str) -> None:
    text = mapping(["id", "text"], [True, False])
    counts, landed, rejects = outcome(tmp_path, text, name, data)
    accounted(counts, landed, rejects)


@BOUNDED
@given(st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=8))
def test_any_table_is_proposed_for_or_refused(tmp_path: Path, rows: list[list[str]]) -> None:
    own = own_project(tmp_path)
    target = io.StringIO(newline="")
    csv.writer(target).writerows(rows)
    path = put(tmp_path / "files" / "a.csv", target.getvalue())
    project = tmp_path / "proposed"
    out = project / "models/staging/things/_things__sources.yml"
    out.unlink(missing_ok=True)
    try:
        made = propose(own, path, source="things", out=out)
    except MadangError as refusal:
        assert refusal.message
        assert not out.exists()
        return
    (mapped,) = read_sources(project)
    assert {column.name for column in mapped.columns} == {one.name for one in made.columns}
    assert made.loadable <= made.rows


@BOUNDED
@given(
    st.recursive(
        cells, lambda inner: st.lists(inner) | st.dictionaries(cells, inner), max_leaves=12
    )
)
def test_any_yaml_is_a_mapping_or_says_what_is_wrong(tmp_path: Path, data: Any) -> None:
    table = {"name": "t", "config": {"meta": {"load": data}}, "columns": data}
    text = json.dumps({"sources": [{"name": "s", "tables": [table]}]})
    put(tmp_path / "models/staging/s/_s__sources.yml", text)
    with pytest.raises(MadangError):
        read_sources(tmp_path)
