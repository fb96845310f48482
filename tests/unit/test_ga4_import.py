"""GA4's audience definitions become rules, and what no rule says is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from madang.audiences.ga4_import import GoogleAudienceError, Imported, imported
from madang.specs.actions import Action

KNOWN = {
    "viewed_item": Action(name="viewed_item", event="view_item"),
    "purchased": Action(name="purchased", event="purchase"),
    "large_purchase": Action.model_validate(
        {"name": "large_purchase", "event": "purchase", "where": {"value": {"at_least": 5}}}
    ),
}
SCOPE = "AUDIENCE_FILTER_SCOPE_"


def event(name: str, parameters: dict | None = None) -> dict:
    told: dict[str, Any] = {"eventName": name}
    if parameters:
        told["eventParameterFilterExpression"] = parameters
    return {"eventFilter": told}


def of(name: str, **filters: Any) -> dict:
    return {"dimensionOrMetricFilter": {"fieldName": name, **filters}}


def text(value: str, kind: str = "EXACT", sensitive: bool = True) -> dict:
    return {"stringFilter": {"matchType": kind, "value": value, "caseSensitive": sensitive}}


def simple(expression: dict, kind: str = "INCLUDE", scope: str = "ACROSS_ALL_SESSIONS") -> dict:
    told = {"scope": SCOPE + scope, "filterExpression": expression}
    return {"clauseType": kind, "simpleFilter": told}


def sequence(*steps: dict, **more: Any) -> dict:
    return {
        "clauseType": "INCLUDE",
        "sequenceFilter": {
            "scope": f"{SCOPE}ACROSS_ALL_SESSIONS",
            "sequenceSteps": list(steps),
            **more,
        },
    }


def every(*parts: dict) -> dict:
    return {"andGroup": {"filterExpressions": list(parts)}}


def either(*parts: dict) -> dict:
    return {"orGroup": {"filterExpressions": list(parts)}}


def nothing(name: str) -> dict:
    return {"notExpression": of("eventName", **text(name))}


def step(expression: dict, **more: Any) -> dict:
    return {"scope": f"{SCOPE}WITHIN_SAME_EVENT", "filterExpression": expression, **more}


def read(tmp_path: Path, *clauses: dict, **more: Any) -> Imported:
    audience = {
        "name": "properties/1/audiences/7",
        "displayName": "Nearly bought",
        "membershipDurationDays": 14,
        "filterClauses": list(clauses),
        **more,
    }
    path = tmp_path / "audiences.json"
    path.write_text(json.dumps({"audiences": [audience]}), encoding="utf-8")
    (found,) = imported(path, KNOWN)
    return found


def rule_of(found: Imported) -> Any:
    assert found.rule is not None and found.missing == []
    return found.rule["config"]["meta"]["audience"]["rule"]


def test_viewers_who_did_not_buy(tmp_path: Path) -> None:
    found = read(tmp_path, simple(event("view_item")), simple(event("purchase"), "EXCLUDE"))
    assert rule_of(found) == {"all": [{"did": "viewed_item"}, {"not": {"did": "purchased"}}]}
    assert found.rule and found.rule["name"] == "aud_nearly_bought"
    assert found.rule["config"]["meta"]["audience"]["within"] == "14 days"
    assert found.actions == {}


def test_parameters_and_fields_of_an_event_become_an_action(tmp_path: Path) -> None:
    parameters = {
        "andGroup": {
            "filterExpressions": [
                of(
                    "value",
                    numericFilter={"operation": "GREATER_THAN", "value": {"int64Value": "9"}},
                ),
                of("coupon", **text("Spring", "BEGINS_WITH", sensitive=False)),
            ]
        }
    }
    inner = [event("purchase", parameters), of("country", inListFilter={"values": ["Japan"]})]
    found = read(
        tmp_path, simple({"andGroup": {"filterExpressions": inner}}, scope="WITHIN_SAME_EVENT")
    )
    assert rule_of(found) == {"did": "nearly_bought_purchase"}
    assert found.actions["nearly_bought_purchase"]["where"] == {
        "value": {"more_than": 9},
        "coupon": {"regex": "(?i)^Spring"},
        "country": ["Japan"],
    }


def test_conditions_of_one_session_keep_their_scope(tmp_path: Path) -> None:
    """As the API writes them: a group of all around groups of any around the conditions."""
    wrapped = every(either(event("view_item")), either(nothing("purchase")))
    found = read(tmp_path, simple(wrapped, scope="WITHIN_SAME_SESSION"))
    assert rule_of(found) == {
        "all": [{"did": "viewed_item"}, {"not": {"did": "purchased"}}],
        "scope": "session",
    }
    alone = read(tmp_path, simple(every(either(event("purchase"))), scope="WITHIN_SAME_SESSION"))
    assert rule_of(alone) == {"did": "purchased"}


def test_fields_of_the_same_event_go_to_the_events_that_are_named(tmp_path: Path) -> None:
    from_japan = either(*(of("country", **text(one)) for one in ("Japan", "Korea")))
    by_phone = {"notExpression": of("deviceCategory", **text("mobile"))}
    named = either(event("purchase"), event("view_item"))
    wrapped = every(named, from_japan, either(by_phone), either(event("sign_up")))
    found = read(tmp_path, simple(wrapped, scope="WITHIN_SAME_EVENT"))
    assert rule_of(found) == {
        "all": [
            {"any": [{"did": "nearly_bought_purchase"}, {"did": "nearly_bought_view_item"}]},
            {"did": "nearly_bought_sign_up"},
        ],
        "scope": "event",
    }
    assert found.actions["nearly_bought_purchase"] == {
        "name": "nearly_bought_purchase",
        "event": "purchase",
        "where": {"country": ["Japan", "Korea"]},
        "not": {"any": [{"where": {"device_category": "mobile"}}]},
    }


def test_who_is_left_out_for_ever_is_looked_for_in_all_time(tmp_path: Path) -> None:
    clauses = simple(event("view_item")), simple(event("purchase"), "EXCLUDE")
    found = read(tmp_path, *clauses, exclusionDurationMode="EXCLUDE_PERMANENTLY")
    left_out = {"not": {"did": "purchased", "within": "ever"}}
    assert rule_of(found) == {"all": [{"did": "viewed_item"}, left_out]}


def test_a_sequence_within_one_session_and_a_time_of_the_whole(tmp_path: Path) -> None:
    steps = step(event("view_item")), step(event("purchase"), constraintDuration="7200s")
    of_session = {"scope": f"{SCOPE}WITHIN_SAME_SESSION", "sequenceMaximumDuration": "3600s"}
    assert rule_of(read(tmp_path, sequence(*steps, **of_session))) == {
        "did": "viewed_item",
        "then": [{"did": "purchased", "within": "1 hours"}],
        "scope": "session",
    }


def test_a_sequence_keeps_the_time_between_its_steps(tmp_path: Path) -> None:
    steps = step(event("view_item")), step(event("purchase"), constraintDuration="7200s")
    found = read(tmp_path, sequence(*steps))
    assert rule_of(found) == {
        "did": "viewed_item",
        "then": [{"did": "purchased", "within": "2 hours"}],
    }


def test_any_of_several(tmp_path: Path) -> None:
    named = of("eventName", **text("sign_up"))
    found = read(tmp_path, simple(either(event("purchase"), {"notExpression": named})))
    assert rule_of(found) == {
        "any": [{"did": "purchased"}, {"not": {"did": "nearly_bought_sign_up"}}]
    }


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        (
            simple(every(event("purchase"), of("country", **text("Japan")))),
            "'country' of any event; an action asks for fields of a named event "
            "(both within the same event).",
        ),
        (
            simple(
                every(of("country", **text("Japan")), nothing("sign_up")), scope="WITHIN_SAME_EVENT"
            ),
            "'country' without an event that has it.",
        ),
        (
            sequence(
                step(event("view_item")), step(event("purchase")), scope=f"{SCOPE}WITHIN_SAME_EVENT"
            ),
            "a sequence within one event.",
        ),
        (
            sequence(step(event("view_item")), step(event("purchase"), immediatelyFollows=True)),
            "a step that follows immediately.",
        ),
        (
            sequence(
                *(step(event(name)) for name in ("view_item", "add_to_cart", "purchase")),
                sequenceMaximumDuration="60s",
            ),
            "sequenceMaximumDuration; give each step its own time (within).",
        ),
        (
            simple(of("totalRevenue")),
            "'totalRevenue' of any event; an action asks for fields of a named event "
            "(both within the same event).",
        ),
        (simple({"eventFilter": {}}), "a clause that is not as the Admin API writes it."),
        (
            sequence(step(event("view_item")), step(event("purchase"), constraintDuration="90s")),
            "a time of 90s; rules know whole minutes.",
        ),
    ],
)
def test_what_no_rule_says_is_named_and_no_rule_is_given(
    tmp_path: Path, clause: dict, told: str
) -> None:
    found = read(tmp_path, simple(event("view_item")), clause)
    assert (found.rule, found.missing) == (None, [told])


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"properties": []}', encoding="utf-8")
    with pytest.raises(GoogleAudienceError, match="no audience definitions"):
        imported(path, KNOWN)
