"""The file of decisions: kept clean, refused where damaged; decisions that disagree are refused."""

import re
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from madang import private
from madang.people.decide import consider
from madang.people.decisions import (
    COLUMNS,
    KINDS,
    Decision,
    DecisionError,
    add,
    ensure,
    forget,
    path_of,
    read,
    write,
)
from madang.people.identifiers import Identifier, key_of
from madang.people.way import way
from madang.settings.workspace import Settings, load_settings

HEADER = ",".join(COLUMNS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "madang.yml").write_text("version: 1\n", encoding="utf-8")
    return load_settings(tmp_path)


def never(left: str, right: str, day: int = 1, kind: str = "never_link") -> Decision:
    when = f"2026-10-{day:02d}T00:00:00Z"
    return Decision(kind, "crm_id", left, "crm_id", right, "Kim", 'a "gift", really', when)


def customer(number: str) -> Identifier:
    return Identifier(key_of("crm_id", number), "crm_id", number, "p", None)


def test_decisions_are_kept_in_the_order_in_which_they_were_made(settings: Settings) -> None:
    assert read(settings) == []
    assert (ensure(settings) / path_of(settings).name).read_text() == f"{HEADER}\n"
    written = [never("A", "B", 3), never("A", "C", 1), never("B", "C", 2, "must_link")]
    write(settings, written)
    assert read(settings) == written  # not by `decided_at`: a clock is set back, and runs ahead
    ensure(settings)
    assert len(read(settings)) == 3
    assert [path.name for path in settings.paths.decisions.iterdir()] == [path_of(settings).name]


def test_a_decision_that_was_made_meanwhile_is_not_overwritten(settings: Settings) -> None:
    write(settings, [never("A", "B")])
    weighed = read(settings)
    add(settings, never("A", "C"), weighed)  # another command
    with pytest.raises(DecisionError, match="changed while this one was made"):
        add(settings, never("A", "D"), weighed)
    assert read(settings) == [never("A", "B"), never("A", "C")]


def test_a_table_that_came_while_an_empty_one_was_to_be_made_stays(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command without the workspace's lock makes the empty table; a decision comes in between."""
    decided, held = [never("A", "B")], private.held

    def late(path: Path) -> AbstractContextManager[None]:
        monkeypatch.setattr(private, "held", held)
        write(settings, decided)
        return held(path)

    monkeypatch.setattr(private, "held", late)
    ensure(settings)
    assert read(settings) == decided


def test_decisions_of_erased_identifiers_are_taken_out(settings: Settings) -> None:
    assert forget(settings, {"A"}) == 0
    write(settings, [never("A", "B"), never("C", "A"), never("C", "D")])
    assert forget(settings, {"A"}) == 2
    assert read(settings) == [never("C", "D")]


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (["decision,left_type"], 1, "The first line must be"),
        ([HEADER, "never_link,crm_id,A"], 2, "more or fewer cells"),
        ([HEADER, "exclude,crm_id,A,,,Kim,why,2026-10-01T00:00:00Z,"], 2, "more or fewer cells"),
        ([HEADER, "never,crm_id,A,crm_id,B,Kim,why,2026"], 2, "must_link or never_link of two"),
        ([HEADER, "must_link,crm_id,A,,,Kim,why,2026"], 2, "must_link or never_link of two"),
        ([HEADER, "exclude,crm_id,A,crm_id,B,Kim,why,2026"], 2, "exclude of one"),
        ([HEADER, 'exclude,crm_id,"A,,,Kim,why,2026'], 2, "Not a CSV file"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(
    settings: Settings, lines: list[str], line: int, said: str
) -> None:
    ensure(settings)
    path_of(settings).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DecisionError, match=said) as caught:
        read(settings)
    assert caught.value.where == f"{path_of(settings)}:{line}"


def test_a_decision_has_its_reason_author_and_moment(settings: Settings) -> None:
    made, before = consider(
        settings, "must_link", customer("A"), customer("B"), " told \n the branch ", " Kim "
    )
    assert (made.reason, made.author, before) == ("told the branch", "Kim", [])
    assert made.decided_at.endswith("Z")
    dated, _ = consider(settings, "exclude", customer("B"), None, "a test of 2026-10-06", "Kim")
    assert dated.reason == "a test of 2026-10-06"
    anonymous, _ = consider(settings, "exclude", customer("A"), None, "a test", None)
    assert anonymous.author
    assert anonymous.ends == {("crm_id", "A")}


@pytest.mark.parametrize(
    ("kind", "left", "right", "reason", "said"),
    [
        ("never_link", "B", "A", "why", "decided already, by Kim on 2026-10-01"),
        ("must_link", "A", "B", "why", "never to be one person, by Kim"),
        ("never_link", "B", "D", "why", "say the opposite, over one or more steps"),
        ("must_link", "A", "D", "why", "say the opposite, over one or more steps"),
        ("never_link", "A", "A", "why", "the same identifier"),
        ("never_link", "A", "E", "  ", "needs a reason"),
        ("never_link", "A", "E", "ask kim@post.example", "looks like an e-mail address"),
        ("never_link", "A", "E", "she called from 010-1234-5678", "or a telephone number"),
    ],
)
def test_what_disagrees_with_earlier_decisions_is_refused(
    settings: Settings, kind: str, left: str, right: str, reason: str, said: str
) -> None:
    """A and B are never one; B, C and D are one by two decisions."""
    before = [
        never("A", "B"),
        never("B", "C", 2, "must_link"),
        never("C", "D", 3, "must_link"),
    ]
    write(settings, before)
    with pytest.raises(DecisionError, match=said):
        consider(settings, kind, customer(left), customer(right), reason, "Lee")
    assert read(settings) == before


def test_the_models_that_read_decisions_are_those_that_the_seed_names() -> None:
    """What a new decision changes is built from these models on, and from no other."""
    project = Path(__file__).parents[2]
    (seed,) = (
        one
        for one in yaml.safe_load((project / "seeds" / "_seeds.yml").read_text("utf-8"))["seeds"]
        if one["name"] == "identity_decisions"
    )
    read = {
        (kind, path.stem)
        for path in (project / "models").rglob("*.sql")
        if "ref('identity_decisions')" in (text := path.read_text("utf-8"))
        for kind in re.findall(r"decision = '(\w+)'", text)
    }
    assert read == set(seed["config"]["meta"]["read_by"].items())
    assert {kind for kind, _ in read} == set(KINDS)


def test_the_way_between_two_is_the_shortest() -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("x", "y"), ("a", "a")]
    assert way(pairs, "a", "c") in ([("a", "b"), ("b", "c")], [("a", "d"), ("d", "c")])
    assert way(pairs, "c", "d") == [("c", "d")]
    assert way(pairs, "a", "x") is None
    assert way([], "a", "a") == []
