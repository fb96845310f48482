"""Checks the list of named actions: what they read exists and has the type that is asked of it."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from madang.errors import did_you_mean
from madang.specs.actions import Action
from madang.specs.conditions import NUMBERS, TEXTS, Block, Tests
from madang.specs.fields import EVENT_FIELDS, ITEM_FIELDS
from madang.specs.occurring import Asked
from madang.specs.project import ModelEntry, Project

Parse = Callable[[ModelEntry, tuple, Any], Action | None]


def read_actions(
    project: Project, parse: Parse, streams: Collection[str] = ()
) -> dict[str, Action]:
    """Read the action lists and check each action on its own; problems go to the project.

    `streams` are the names of the company's own sources.
    """
    found: dict[str, Action] = {}
    ours: set[str] = set()  # names of the company's own, which take the place of Madang's
    for entry in project.models:
        if (given := entry.meta("actions")) is None:
            continue
        listed, place = given
        if not isinstance(listed, list):
            project.problems.append(entry.problem(place, "'actions' must be a list."))
            continue
        for number, data in enumerate(listed):
            at = (*place, number)
            action = parse(entry, at, data)
            if action is None:
                if isinstance(data, dict) and isinstance(data.get("name"), str):
                    found.setdefault(data["name"], _unread(data["name"]))
                continue
            if action.name in found and (action.name in ours or not entry.is_own):
                message = f"Two actions are named '{action.name}'."
                project.problems.append(entry.problem((*at, "name"), message))
            if not action.enabled:
                found.pop(action.name, None)
                continue
            found[action.name] = action
            ours |= {action.name} if entry.is_own else set()
            _check_fields(project, entry, at, action)
            project.asked += _asked(project, entry, at, action, streams)
    return found


def _asked(
    project: Project, entry: ModelEntry, at: tuple, action: Action, streams: Collection[str]
) -> Iterator[Asked]:
    """The names that an action cannot do without: its events and pages, or its source.

    A source that the project brings into the stream may be silent: not everybody has everything.
    """
    if action.source is not None:
        if f"{action.source}_activities" not in project.sql and action.source not in streams:
            yield entry.asks((*at, "source"), "stream", action.source, action.name)
        return
    yield entry.asks((*at, "name"), "action", action.name)
    for place, block in action.blocks():
        if "not" in place:
            continue
        events = [block.event] if isinstance(block.event, str) else block.event or []
        for name in events:
            yield entry.asks((*at, *place, "event"), "event", name, action.name)
        for path in _pages(block.page_path):
            yield entry.asks((*at, *place, "page_path"), "page_path", path, action.name)


def _pages(wanted: Any) -> list[str]:
    """The paths, or beginnings of paths, that a condition asks for."""
    if isinstance(wanted, Tests):
        return [*_pages(wanted.equals), *_pages(wanted.prefix)]
    return [wanted] if isinstance(wanted, str) else list(wanted or [])


def _unread(name: str) -> Action:
    """Stands for an action with problems, so that rules naming it are not blamed as well."""
    return Action(name=name, source="unread")


def _check_fields(project: Project, entry: ModelEntry, at: tuple, action: Action) -> None:
    params = project.vars.get("ga4_params")
    params = params if isinstance(params, dict) else {}
    told_apart = {f"param_{name}": type_ for name, type_ in params.items() if name in EVENT_FIELDS}
    known = {"event": {**params, **told_apart, **EVENT_FIELDS}, "item": ITEM_FIELDS}

    def tell(place: tuple, message: str, fix: str | None = None) -> None:
        project.problems.append(entry.problem((*at, *place), message, fix))

    def is_known(place: tuple, kind: str, name: str) -> bool:
        if name in known[kind]:
            return True
        hint = did_you_mean(name, known[kind])
        if kind == "item":
            fix = f"Fields: {', '.join(ITEM_FIELDS)}."
            tell(place, f"Unknown field of an item '{name}'.{hint}", fix)
        else:
            if "dbt_project.yml" in project.unread:
                return False
            fix = "Add it to vars.ga4_params of dbt_project.yml, so that staging reads it."
            tell(place, f"Unknown GA4 parameter '{name}'.{hint}", fix)
        return False

    for place, kind, name in action.objects():
        is_text = is_known(place, kind, name) and known[kind][name] == "string"
        if place[0] == "value" and is_text:
            tell(place, f"'{name}' is text, so it cannot be the value.", _declare(name))
    for place, block in action.blocks():
        for deeper, kind, name, wanted in _fields(block):
            if kind == "query" or is_known((*place, *deeper), kind, name):
                type_ = "string" if kind == "query" else known[kind][name]
                for message, fix in _mismatches(name, type_, wanted):
                    tell((*place, *deeper), message, fix if kind == "event" else None)


def _fields(block: Block) -> list[tuple[tuple, str, str, Any]]:
    """What a block tests: place, kind, name and what is wanted of it."""
    found = [(("where", name), "event", name, wanted) for name, wanted in block.where.items()]
    for name, wanted in (block.item or {}).items():
        found.append((("item", name), "item", name, wanted))
    for name, wanted in block.page_query.items():
        found.append((("page_query", name), "query", name, wanted))
    for name in ("page_path", "hostname"):
        if (wanted := getattr(block, name)) is not None:
            found.append(((name,), "event", name, wanted))
    return found


def _mismatches(name: str, kind: str, wanted: Any) -> list[tuple[str, str | None]]:
    """Tests that a field of this type cannot be put to."""
    if not isinstance(wanted, Tests):
        return []
    if kind == "string" and (asked := wanted.given(NUMBERS)):
        return [(f"'{name}' is text, so '{asked[0]}' cannot be asked of it.", _declare(name))]
    if kind == "float64" and (asked := wanted.given(TEXTS)):
        message = f"'{name}' is a number, so '{asked[0]}' cannot be asked of it."
        return [(message, f"Use {', '.join(NUMBERS)} or a list of values.")]
    return []


def _declare(name: str) -> str | None:
    if name in EVENT_FIELDS or name in ITEM_FIELDS:
        return None
    return f"Declare '{name}' as int64 or float64 in vars.ga4_params of dbt_project.yml."
