"""Named actions: the page's examples are sound, and what can be read is the same everywhere."""

import re
from pathlib import Path

import pytest
import yaml
from test_check import ACTION_FILE, project

from madang.specs.actions import Action
from madang.specs.check import check_project
from madang.specs.fields import EVENT_FIELDS, ITEM_FIELDS
from madang.specs.orders import OrderRule

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "actions-and-audiences.md").read_text(encoding="utf-8")
EXAMPLES = [
    action
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    if block.startswith("- ")
    for action in yaml.safe_load(block)
    if not action["name"].startswith("aud_")
]


def dictionary(macro: str, name: str, file: str) -> dict[str, str]:
    """The texts of a dictionary that a macro returns."""
    text = (ROOT / "macros" / file).read_text(encoding="utf-8")
    body = text.split(f"macro {macro}()", 1)[1].split("endmacro", 1)[0]
    body = body.split(f"{name} = {{" if name else "return({", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"'(\w+)': '?([^',\n]+)'?", body))


def test_the_page_has_an_example_of_each_key() -> None:
    given = {key for example in EXAMPLES for key in example}
    missing = {field.alias or name for name, field in Action.model_fields.items()} - given
    assert missing <= {"source", "all", "debounce", "enabled"}  # told in words


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_an_example_of_the_page_is_an_action(example: dict, tmp_path: Path) -> None:
    Action.model_validate(example)
    params = {"large_purchase": "value", "clicked_apply": "product"}
    added = yaml.safe_dump([example], sort_keys=False).replace("\n", "\n" + " " * 14)
    old = "- {name: visited, source: offline}"
    if example["name"] in params:
        added = added.replace("clicked_apply", "clicked_apply_of_the_page")
    folder = project(tmp_path, {ACTION_FILE: (old, f"{old}\n{' ' * 14}{added}")})
    assert [problem.message for problem in check_project(folder).problems] == []


def test_an_action_without_an_id_meets_no_records() -> None:
    with pytest.raises(ValueError, match="give 'object_id' too"):
        Action.model_validate({"name": "sent", "event": "generate_lead", "meets": "application"})


def test_the_check_knows_what_the_macros_read() -> None:
    file = "journeys/action_fields.sql"
    assert dictionary("action_event_fields", "", file) == EVENT_FIELDS
    assert dictionary("action_item_fields", "", file) == ITEM_FIELDS


def test_staging_has_what_the_macros_read() -> None:
    folder = "macros/ga4/read"
    files = ["models/staging/ga4/stg_ga4__events.sql", f"{folder}/event_columns.sql"]
    files.append(f"{folder}/params.sql")
    text = " ".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    assert {name for name in EVENT_FIELDS if not re.search(rf"\b{name}\b", text)} == set()


def test_the_page_names_the_fields() -> None:
    for name in EVENT_FIELDS:
        assert f"`{name}`" in PAGE
    for name in ITEM_FIELDS:
        assert f"`{name}`" in PAGE or name.startswith("item_category")


def test_the_order_rule_has_the_same_keys_and_defaults_everywhere() -> None:
    said = dictionary("order_rule", "rule", "orders/order_rule.sql")
    fields = OrderRule.model_fields
    assert said.keys() == fields.keys()
    page = (ROOT / "docs" / "orders.md").read_text(encoding="utf-8")
    for name, field in fields.items():
        assert f"`{name}`" in page
        if isinstance(field.default, str):
            assert said[name] == field.default
