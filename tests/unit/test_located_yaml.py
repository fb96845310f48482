"""YAML of any size and shape is read with lines, or refused with words and at once."""

import time
from pathlib import Path

import pytest

from demo_workspace import REPOSITORY, command
from madang.errors import SpecError
from madang.specs.located_yaml import load_located, parse_located

NINES = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
NINES += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
MERGED = ["a0: &a0 {k0: 1}"]
MERGED += [f"a{i}: &a{i} {{l: *a{i - 1}, r: *a{i - 1}}}" for i in range(1, 40)]
BOMBS = {
    "aliases of aliases": "\n".join(NINES),
    "mappings of aliases": "\n".join(MERGED),
    "brackets": "x: " + "[" * 20_000 + "]" * 20_000,
    "brackets that kill the reader in C": "x: " + "[" * 300_000 + "]" * 300_000,
    "braces": "x: " + "{a: " * 20_000,
    "dashes": "- " * 20_000,
    "questions": "? " * 20_000,
    "a list of itself": "x: &x [*x]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(SpecError) as caught:
        parse_located(BOMBS[name], shown_as="rules.yml")
    assert caught.value.where is not None and caught.value.where.startswith("rules.yml:")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("a: 1\nb: !mine 3", "f:2", "The tag '!mine' belongs to another program."),
        ("a: !!python/name:os.system x", "f:1", "belongs to another program"),
        ("a: 1\nb: 2\na: 3", "f:3", "The key 'a' stands twice (first on line 1)."),
        ("a: {b: 1,\n  b: 2}", "f:2", "The key 'b' stands twice (first on line 1)."),
        ("a: 1\nb: 2026-13-01", "f:2", "'2026-13-01' looks like a date, and is none."),
        ("a: " + "1" * 5000, "f:1", "looks like a whole number, and is none."),
        ("a: 1\nb: 17932860000000000000000000000000000000", "f:2", "than any number that dbt can"),
        ("a: !!bool maybe", "f:1", "'maybe' looks like a truth, and is none."),
        ("[a]: b", "f:1", "Not valid YAML: found unhashable key."),
        ("--- a\n--- b", "f:2", "Not valid YAML"),
        ("a: \0", "f", "Not valid YAML"),
    ],
)
def test_what_no_rule_can_hold_is_told_with_its_line(text: str, where: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_located(text, shown_as="f")
    assert caught.value.where == where
    assert says in caught.value.message


def test_a_file_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large.yml"
    path.write_bytes(b"# x\n" * 2_500_000)
    with pytest.raises(SpecError, match="larger than 8 MB"):
        load_located(path)


def test_anchors_that_spare_words_are_read() -> None:
    text = "day: &day {count: 1, period: day}\na: {freshness: *day}\nb: {<<: *day, count: 2}\n"
    data, lines = parse_located(text, shown_as="f")
    assert data["a"] == {"freshness": {"count": 1, "period": "day"}}
    assert data["b"] == {"count": 2, "period": "day"}
    assert lines["b", "count"] == 3


@pytest.mark.parametrize("bomb", ["aliases of aliases", "brackets"])
@pytest.mark.parametrize("file", ["madang.yml", "models/bomb.yml", "dbt_project.yml"])
def test_no_command_hangs_or_shows_a_traceback(tmp_path: Path, bomb: str, file: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: x\n")
    (tmp_path / "madang.yml").write_text("version: 1\nproject: .\n")
    with (tmp_path / file).open("a") as out:
        out.write(BOMBS[bomb])
    ended = command("madang", "--config", tmp_path, "check", timeout=60, cwd=REPOSITORY)
    assert ended.code == 2, ended.told
    assert "Traceback" not in ended.out + ended.err
    assert Path(file).name in ended.out + ended.err
