"""Reads GA4's audience definitions (Admin API, JSON) as rules, and names what has no rule.

An audience of the API is `filterClauses` of simple filters and sequences. An event becomes `did`;
its parameters, and fields that the same event must have, become the conditions of a named action.
A scope of one session or one event becomes the `scope` of the part.
Shapes: https://developers.google.com/analytics/devguides/config/admin/v1/rest/v1alpha/properties.audiences
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from madang import ui
from madang.errors import MadangError, UsageError
from madang.settings.workspace import Settings
from madang.specs.actions import Action
from madang.specs.audiences import Audience
from madang.specs.check import check_project

#: GA4's names of dimensions, and what actions call them.
FIELDS = {
    "country": "country",
    "region": "region",
    "city": "city",
    "deviceCategory": "device_category",
    "browser": "browser",
    "operatingSystem": "operating_system",
    "platform": "platform",
    "pagePath": "page_path",
    "hostName": "hostname",
    "pageLocation": "page_location",
    "pageTitle": "page_title",
}
NUMBERS = {"EQUAL": "equals", "LESS_THAN": "less_than", "GREATER_THAN": "more_than"}
SCOPE = "AUDIENCE_FILTER_SCOPE_"
SESSION, EVENT = f"{SCOPE}WITHIN_SAME_SESSION", f"{SCOPE}WITHIN_SAME_EVENT"
SCOPES = {SESSION: "session", EVENT: "event"}
FOREVER = "EXCLUDE_PERMANENTLY"


class GoogleAudienceError(MadangError):
    """A file that holds no audience definitions."""


class NotExpressed(Exception):
    """A part of a definition that no rule says."""


@dataclass
class _Tests:
    """What an event must be: tests of its fields, and tests that must not hold."""

    wanted: dict[str, Any] = field(default_factory=dict)
    unwanted: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: "_Tests") -> "_Tests":
        for name in other.wanted:
            if name in self.wanted:
                raise NotExpressed(f"two tests of the parameter '{name}'.")
        return _Tests({**self.wanted, **other.wanted}, [*self.unwanted, *other.unwanted])


@dataclass
class Imported:
    """One audience as a rule, the actions that it needs, and what could not be expressed."""

    name: str
    rule: dict[str, Any] | None
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def show_import(settings: Settings, path: Path) -> None:
    """Print the YAML of every audience of a file. Raises GoogleAudienceError."""
    known = check_project(settings.project_dir).actions
    for found in imported(path, known):
        if found.actions:
            ui.line(f"# actions that {found.name} needs, for meta.actions of your own_actions")
            ui.line(_yaml(list(found.actions.values())))
        if found.rule is not None:
            ui.line(f"# models/marts/audiences/aud_{found.name}.sql: {{{{ madang.audience() }}}}")
            ui.line(_yaml([found.rule]))
        for text in found.missing:
            ui.line(f"{found.name}: not expressed: {text}", "yellow")


def imported(path: Path, known: dict[str, Action]) -> list[Imported]:
    """Read a file: one audience, a list of them, or the answer of the API's list."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError("The file is not there.", fix=f"Look for {path.name}: {path}") from None
    except OSError as error:
        told = f"The file cannot be read: {error.strerror}."
        raise GoogleAudienceError(told, where=str(path)) from None
    except ValueError as error:
        raise GoogleAudienceError(f"The file is no JSON: {error}", where=str(path)) from None
    listed = data.get("audiences", [data]) if isinstance(data, dict) else data
    if not isinstance(listed, list) or not all(
        isinstance(one, dict) and "filterClauses" in one for one in listed
    ):
        raise GoogleAudienceError(
            "There are no audience definitions in it.",
            where=str(path),
            fix="Save what the Admin API's properties.audiences.list answers.",
        )
    return [_Reader(one, known).read() for one in listed]


class _Reader:
    """Reads one definition."""

    def __init__(self, data: dict[str, Any], known: dict[str, Action]) -> None:
        label = str(data.get("displayName") or data.get("name") or "audience")
        name = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
        if not re.match(r"[a-z]", name):
            name = "ga4_" + str(data.get("name") or name or "audience").rpartition("/")[2]
        self._data, self._label = data, label
        self._found = Imported(name, None)
        self._events = {
            action.event: name
            for name, action in known.items()
            if isinstance(action.event, str) and _is_plain(action)
        }

    def read(self) -> Imported:
        """Return the audience; without a rule where some part cannot be expressed."""
        parts = []
        for clause in self._data["filterClauses"]:
            try:
                part = self._clause(clause)
                if clause.get("clauseType") == "EXCLUDE":
                    is_for_ever = self._data.get("exclusionDurationMode") == FOREVER
                    part = {"not": _ever(part) if is_for_ever else part}
                parts.append(part)
            except NotExpressed as told:
                self._found.missing.append(str(told))
            except (AttributeError, KeyError, TypeError, ValueError):
                self._found.missing.append("a clause that is not as the Admin API writes it.")
        if self._data.get("eventTrigger"):
            self._found.missing.append("eventTrigger: Madang sends no event to GA4 on entering.")
        if parts and len(parts) == len(self._data["filterClauses"]):
            days = int(self._data.get("membershipDurationDays") or 30)
            rule = parts[0] if len(parts) == 1 else {"all": parts}
            audience = {
                "label": self._label,
                "within": f"{days} days",
                "rule": rule,
                "consent": {"purpose": "marketing", "channels": ["email"]},
            }
            Audience.model_validate(audience)
            described = f"One row per known person of GA4's audience {self._label}."
            config = {"materialized": "view", "meta": {"audience": audience}}
            self._found.rule = {
                "name": f"aud_{self._found.name}",
                "description": described,
                "config": config,
            }
        return self._found

    def _clause(self, clause: dict[str, Any]) -> dict[str, Any]:
        if "simpleFilter" in clause:
            simple = clause["simpleFilter"]
            expression, scope = _unwrapped(simple.get("filterExpression", {})), simple.get("scope")
            part = self._expression(expression, scope)
            inner = part.get("all", part.get("any", []))
            if scope in SCOPES and ("all" in part or any("did" not in one for one in inner)):
                part["scope"] = SCOPES[scope]
            return part
        if "sequenceFilter" in clause:
            return self._sequence(clause["sequenceFilter"])
        raise NotExpressed(f"a clause without a filter ({', '.join(clause) or 'empty'}).")

    def _sequence(self, sequence: dict[str, Any]) -> dict[str, Any]:
        scope, longest = sequence.get("scope"), sequence.get("sequenceMaximumDuration")
        if scope == EVENT:
            raise NotExpressed("a sequence within one event.")
        if longest and len(sequence.get("sequenceSteps", [])) > 2:
            raise NotExpressed("sequenceMaximumDuration; give each step its own time (within).")
        steps: list[dict[str, Any]] = []
        for step in sequence.get("sequenceSteps", []):
            if step.get("immediatelyFollows"):
                raise NotExpressed("a step that follows immediately.")
            expression = _unwrapped(step.get("filterExpression", {}))
            part = self._expression(expression, step.get("scope"))
            if set(part) != {"did"}:
                raise NotExpressed("a step of a sequence that is more than one event.")
            times = [one for one in (step.get("constraintDuration"), longest) if one]
            if steps and times:
                part["within"] = _duration(min(times, key=_seconds))
            steps.append(part)
        if len(steps) < 2:
            raise NotExpressed("a sequence of fewer than two steps.")
        told = {"scope": SCOPES[scope]} if scope in SCOPES else {}
        return {**steps[0], "then": steps[1:], **told}

    def _expression(self, said: dict[str, Any], scope: str | None) -> dict[str, Any]:
        for group, word in (("andGroup", "all"), ("orGroup", "any")):
            if group in said:
                inner = said[group]["filterExpressions"]
                if group == "andGroup" and scope == EVENT:
                    parts = self._one_event(inner)
                else:
                    parts = [self._expression(part, scope) for part in inner]
                return parts[0] if len(parts) == 1 else {word: parts}
        if "notExpression" in said:
            return {"not": self._expression(said["notExpression"], scope)}
        if "eventFilter" in said:
            event = said["eventFilter"]
            tests = _parameter_tests(event.get("eventParameterFilterExpression"))
            return {"did": self._action(event["eventName"], tests)}
        if "dimensionOrMetricFilter" in said:
            if (event := _event_name(said)) is not None:
                return {"did": self._action(event, _Tests())}
            name = said["dimensionOrMetricFilter"].get("fieldName")
            raise NotExpressed(
                f"'{name}' of any event; an action asks for fields of a named event "
                "(both within the same event)."
            )
        raise NotExpressed(f"an expression of '{', '.join(said) or 'nothing'}'.")

    def _one_event(self, inner: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Conditions on one event: its fields, such as a country, go to the first that names it."""
        parts, tests = [], _Tests()
        for part in inner:
            if (found := _field_tests(part)) is None:
                parts.append(part)
            else:
                tests = tests.add(found)
        naming = [part for part in parts if "notExpression" not in part]
        if (tests.wanted or tests.unwanted) and not naming:
            names = [*tests.wanted, *(name for one in tests.unwanted for name in one)]
            raise NotExpressed(f"'{names[0]}' without an event that has it.")
        rules = []
        for part in parts:
            its = tests if naming and part is naming[0] else _Tests()
            rules.append(self._named(part, its))
        return rules

    def _named(self, said: dict[str, Any], tests: _Tests) -> dict[str, Any]:
        """One event, or one of several, with tests of its fields."""
        if not tests.wanted and not tests.unwanted:
            return self._expression(said, EVENT)
        if "orGroup" in said:
            inner = said["orGroup"]["filterExpressions"]
            return {"any": [self._named(part, tests) for part in inner]}
        if "eventFilter" in said:
            event = said["eventFilter"]
            own = _parameter_tests(event.get("eventParameterFilterExpression"))
            return {"did": self._action(event["eventName"], own.add(tests))}
        if (event := _event_name(said)) is None:
            raise NotExpressed("an event that is not named, within the same event as its fields.")
        return {"did": self._action(event, tests)}

    def _action(self, event: str, tests: _Tests) -> str:
        if not tests.wanted and not tests.unwanted and event in self._events:
            return self._events[event]
        same = [
            one for one, its in self._found.actions.items() if its == self._as(one, event, tests)
        ]
        if same:
            return same[0]
        name = f"{self._found.name}_{re.sub(r'[^a-z0-9]+', '_', event.lower()).strip('_')}"
        if name in self._found.actions:
            name += f"_{len(self._found.actions) + 1}"
        action = self._as(name, event, tests)
        Action.model_validate(action)
        self._found.actions[name] = action
        return name

    @staticmethod
    def _as(name: str, event: str, tests: _Tests) -> dict[str, Any]:
        action: dict[str, Any] = {"name": name, "event": event}
        if tests.wanted:
            action["where"] = tests.wanted
        if tests.unwanted:
            action["not"] = {"any": [{"where": one} for one in tests.unwanted]}
        return action


def _is_plain(action: Action) -> bool:
    """Say whether an action is every event of its kind."""
    narrowed = (action.page_path, action.hostname, action.item, action.any_, action.all_)
    return not action.where and not action.page_query and not any((*narrowed, action.not_))


def _unwrapped(said: dict[str, Any]) -> dict[str, Any]:
    """Return an expression without groups of one: the API wraps each condition in groups."""
    for group in ("andGroup", "orGroup"):
        if group in said:
            inner = [_unwrapped(part) for part in said[group].get("filterExpressions", [])]
            return inner[0] if len(inner) == 1 else {group: {"filterExpressions": inner}}
    return said


def _ever(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule that looks back on all time: who is left out once stays left out."""
    if "did" in rule:
        return {**rule, "within": "ever"}
    inner = {
        key: [_ever(part) for part in said] if key in ("all", "any") else said
        for key, said in rule.items()
    }
    return {**inner, "not": _ever(rule["not"])} if "not" in rule else inner


def _event_name(said: dict[str, Any]) -> str | None:
    """The event that a filter of the field eventName names; none where it is another filter."""
    one = said.get("dimensionOrMetricFilter", {})
    text = one.get("stringFilter", {})
    is_exact = one.get("fieldName") == "eventName" and text.get("matchType", "EXACT") == "EXACT"
    return text.get("value") if is_exact else None


def _field_tests(said: dict[str, Any]) -> _Tests | None:
    """Tests of a field of an event; none where the expression is of something else."""
    if "orGroup" in said:
        return _one_field(said["orGroup"]["filterExpressions"])
    is_not = "notExpression" in said
    one = (said["notExpression"] if is_not else said).get("dimensionOrMetricFilter")
    if one is None or one.get("fieldName") == "eventName":
        return None
    if one.get("fieldName") not in FIELDS:
        raise NotExpressed(f"'{one.get('fieldName')}' is no field that actions read.")
    test = {FIELDS[one["fieldName"]]: _test(one)}
    return _Tests(unwanted=[test]) if is_not else _Tests(test)


def _one_field(either: list[dict[str, Any]]) -> _Tests | None:
    """One test of a field that is one of several values; none where it is something else."""
    found = [_field_tests(part) for part in either]
    wanted = [tests.wanted for tests in found if tests is not None and tests.wanted]
    if len(wanted) < len(either) or len({name for one in wanted for name in one}) > 1:
        return None
    ((name, _),) = wanted[0].items()
    values = [one[name] for one in wanted]
    if all(isinstance(value, dict) and value.keys() == {"regex"} for value in values):
        return _Tests({name: {"regex": [value["regex"] for value in values]}})
    if all(isinstance(value, str | list) for value in values):
        each = [value if isinstance(value, list) else [value] for value in values]
        return _Tests({name: [text for texts in each for text in texts]})
    return None


def _parameter_tests(said: dict[str, Any] | None) -> _Tests:
    """The tests of an event's parameters, of which all must hold."""
    if not said:
        return _Tests()
    if "andGroup" in said:
        found = _Tests()
        for part in said["andGroup"].get("filterExpressions", []):
            found = found.add(_parameter_tests(part))
        return found
    if "notExpression" in said:
        inner = _parameter_tests(said["notExpression"])
        return _Tests(unwanted=[inner.wanted])
    if "dimensionOrMetricFilter" in said:
        one = said["dimensionOrMetricFilter"]
        return _Tests({str(one.get("fieldName")): _test(one)})
    raise NotExpressed(f"an expression of parameters with '{', '.join(said)}'.")


def _test(said: dict[str, Any]) -> Any:
    """One filter of a field as a test of an action. Raises NotExpressed."""
    if said.get("atAnyPointInTime") or said.get("inAnyNDayPeriod"):
        raise NotExpressed(f"'{said.get('fieldName')}' at any time or in any days.")
    if "inListFilter" in said:
        return said["inListFilter"]["values"]
    if "stringFilter" in said:
        text = said["stringFilter"]
        value, kind = str(text.get("value", "")), text.get("matchType", "EXACT")
        flag = "" if text.get("caseSensitive") else "(?i)"
        patterns = {
            "EXACT": f"^{re.escape(value)}$",
            "BEGINS_WITH": f"^{re.escape(value)}",
            "ENDS_WITH": f"{re.escape(value)}$",
            "CONTAINS": re.escape(value),
            "FULL_REGEXP": f"^(?:{value})$",
            "PARTIAL_REGEXP": value,
        }
        if kind not in patterns:
            raise NotExpressed(f"the match '{kind}'.")
        return value if kind == "EXACT" and not flag else {"regex": flag + patterns[kind]}
    if "numericFilter" in said:
        number = said["numericFilter"]
        return {NUMBERS[number["operation"]]: _number(number["value"])}
    if "betweenFilter" in said:
        between = said["betweenFilter"]
        return {"at_least": _number(between["fromValue"]), "at_most": _number(between["toValue"])}
    raise NotExpressed(f"a filter of '{said.get('fieldName')}' with none that is known.")


def _number(value: dict[str, Any]) -> int | float:
    return int(value["int64Value"]) if "int64Value" in value else float(value["doubleValue"])


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _duration(text: str) -> str:
    """GA4's '3600s' as a duration of rules: the largest unit in which it is whole."""
    seconds = _seconds(text)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds // length)} {unit}s"
    raise NotExpressed(f"a time of {text}; rules know whole minutes.")


def _yaml(data: object) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100).rstrip()
