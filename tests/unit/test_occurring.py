"""Names that rules ask for, held to those that occurred: what is told, and what nobody can know."""

from dataclasses import replace
from pathlib import Path

import pytest
from test_check import (
    ACTION_FILE,
    AUDIENCE_FILE,
    CONVERSION_FILE,
    FUNNEL_FILE,
    STAGE_FILE,
    STATE_FILE,
    line,
    project,
)

from madang.specs.check import check_project
from madang.specs.occurring import Names, never_occurred

#: What occurred: (kind, name_of, name, occurrences).
DATA = [
    ("event", None, "page_view", 100),
    ("event", None, "apply_click", 5),
    ("event", None, "apply_tap", 5),
    ("event", None, "view_item_list", 5),
    ("event", None, "compare", 5),
    ("page_path", None, "/models/", 50),
    ("action", None, "viewed_model", 40),
    ("action", None, "clicked_apply", 5),
    ("action", None, "visited", 4),
    ("action", None, "compared_models", 3),
    ("stream", None, "ga4", 45),
    ("stream", None, "offline", 4),
    ("object_id", "viewed_model", "maru9", 30),
    ("object_id", "viewed_model", "maru5", 10),
    ("attribute", "tier", "VIP", 3),
    ("attribute", "tier", "VVIP", 1),
]


def names(*without: tuple, plus: list[tuple] | None = None) -> Names:
    rows = [row for row in DATA if row[:3] not in without] + (plus or [])
    fields = ("kind", "name_of", "name", "occurrences")
    return Names.of([{**dict(zip(fields, row, strict=True)), "names": 1} for row in rows])


def told(folder: Path, known: Names) -> list[str]:
    checked = check_project(folder)
    assert not checked.problems, checked.problems
    return [problem.message for problem in never_occurred(checked.asked, known)]


def test_names_that_occurred_are_not_told(tmp_path: Path) -> None:
    assert told(project(tmp_path), names()) == []


def test_what_madang_ships_is_not_missed(tmp_path: Path) -> None:
    folder = project(tmp_path, {ACTION_FILE: ("apply_tap", "aply_click")})
    asked = check_project(folder).asked
    assert any("aply_click" in one.message for one in never_occurred(asked, names()))
    shipped = [replace(one, is_own=False) for one in asked]
    assert never_occurred(shipped, names()) == []


def test_an_event_is_told_with_its_line_and_the_closest(tmp_path: Path) -> None:
    folder = project(tmp_path, {ACTION_FILE: ("apply_tap", "aply_click")})
    checked = check_project(folder)
    (found,) = (
        one for one in never_occurred(checked.asked, names()) if "aply_click" in one.message
    )
    assert found.message == (
        "The action 'clicked_apply': no event 'aply_click' in 90 days. Did you mean 'apply_click'?"
    )
    assert (found.file, found.line) == (ACTION_FILE, line(folder, ACTION_FILE, "aply_click"))


def test_without_events_of_ga4_nothing_is_said_of_its_names(tmp_path: Path) -> None:
    rows = [("stream", None, "offline", 4), ("action", None, "viewed_model", 0)]
    known = names(*[row[:3] for row in DATA], plus=rows)
    assert told(project(tmp_path), known) == []


def test_an_action_whose_conditions_never_held_is_told_with_the_page(tmp_path: Path) -> None:
    change = ('page_path: {regex: "^/models/"}', "page_path: {prefix: /modles/}")
    silent = ("action", None, "viewed_model")
    found = told(project(tmp_path, {ACTION_FILE: change}), names(silent, plus=[(*silent, 0)]))
    assert (
        "The action 'viewed_model' did not occur in 90 days, although page_view did: "
        "its conditions never held. No visit began below '/modles/'. Did you mean '/models/'?"
    ) in found
    # the funnel and the audience that name it
    assert found.count("The action 'viewed_model' did not occur in 90 days.") >= 1


def test_an_action_that_was_never_built_is_not_told(tmp_path: Path) -> None:
    found = told(project(tmp_path), names(("action", None, "viewed_model")))
    assert not [text for text in found if "viewed_model" in text]


@pytest.mark.parametrize(
    ("name_count", "is_told"), [(2, True), (1001, False)], ids=["all known", "too many"]
)
def test_an_object_is_told_where_all_are_known(
    tmp_path: Path, name_count: int, is_told: bool
) -> None:
    rows = [
        {"kind": "object_id", "name_of": "viewed_model", "name": name, "occurrences": 1}
        | {"names": name_count}
        for name in ("maru8", "maru5")
    ]
    found = told(project(tmp_path), Names.of(rows))
    wanted = "No 'viewed_model' of the last 90 days has the object_id 'maru9'."
    assert any(text.startswith(wanted) for text in found) is is_told


def test_rules_in_files_of_audiences_funnels_and_stages_are_named(tmp_path: Path) -> None:
    folder = project(tmp_path)
    silent = ("action", None, "viewed_model")
    checked = check_project(folder)
    found = never_occurred(checked.asked, names(silent, plus=[(*silent, 0)]))
    files = {one.file for one in found if one.message.startswith("The action 'viewed_model'")}
    rules = {AUDIENCE_FILE, STATE_FILE, CONVERSION_FILE, FUNNEL_FILE, STAGE_FILE}
    assert files == {ACTION_FILE, *rules}
