"""Whatever a text holds, DuckDB reads from the lines what was written into them."""

from pathlib import Path

import duckdb
import pytest

from madang.ingest.landing.spool_lines import LAYOUT, line_of, lines_of

TEXTS = [
    "plain",
    "a\x1fb",
    "\x1e",
    "\x1ea\x1e\x1e",
    "a\nb",
    "a\r\nb",
    "a\rb",
    "\r",
    '"',
    "a,b",
    " a ",
]


def read(path: Path, text: str) -> list[tuple]:
    path.write_text(text, encoding="utf-8", newline="")
    columns = {"a": "varchar", "b": "varchar", "n": "bigint"}
    return duckdb.sql(f"from read_csv('{path}', columns = {columns!r}, {LAYOUT})").fetchall()


def test_any_text_comes_back(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(len(TEXTS))]
    found = read(tmp_path / "lines", lines_of([TEXTS, TEXTS[::-1], numbers]))
    assert found == list(zip(TEXTS, TEXTS[::-1], range(len(TEXTS)), strict=True))


@pytest.mark.parametrize("text", TEXTS)
def test_one_line_is_the_same_as_many(text: str) -> None:
    assert line_of([text, "x", "1"]) + "\n" == lines_of([[text], ["x"], ["1"]])


def test_nothing_and_an_empty_text_are_null(tmp_path: Path) -> None:
    found = read(tmp_path / "lines", lines_of([[None, "x"], ["", None], ["1", "2"]]))
    assert found == [(None, None, 1), ("x", None, 2)]


def test_signs_that_make_up_for_each_other_are_seen(tmp_path: Path) -> None:
    """A line break here and the end of a line missing there would leave their number right."""
    columns = [["a\x1fb\nc", "d"], ["e", "f"], ["1", "2"]]
    found = read(tmp_path / "lines", lines_of(columns))
    assert found == [("a\x1fb\nc", "e", 1), ("d", "f", 2)]


def test_no_rows_are_no_lines() -> None:
    assert lines_of([[], []]) == ""
