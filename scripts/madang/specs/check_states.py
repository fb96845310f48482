"""Checks what rules say of funnels, stages, moments and other audiences: names and circles."""

import csv
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madang.errors import Problem, did_you_mean
from madang.specs.audiences import (
    Audience,
    FunnelRule,
    HasRule,
    InAudienceRule,
    Priority,
    StageRule,
)
from madang.specs.funnels import Funnel
from madang.specs.project import ModelEntry, Project
from madang.specs.stages import Journey, Scenario

#: How a column of customers that is a moment ends.
MOMENTS = ("_at", "_date")
Named = Callable[..., None]
TARGETS = "stage_targets"
NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class Known:
    """What a project has that rules may ask for; the rule is None where it cannot be read."""

    funnels: Mapping[str, Funnel | None]
    journeys: Mapping[str, Journey]
    audiences: Collection[str]


def check_states(
    project: Project, entry: ModelEntry, place: tuple, audience: Audience, known: Known
) -> None:
    """Tell funnels, steps, stages and audiences that do not exist, and attributes that are none."""
    for at, rule in audience.parts():
        here = (*place, *at)
        if isinstance(rule, FunnelRule):
            _check_funnel(project, entry, here, rule, known)
        elif isinstance(rule, StageRule):
            for stage in _listed(rule.in_stage):
                check_stage(project, entry, here, stage, rule.journey, known)
        elif isinstance(rule, InAudienceRule):
            for name in _listed(rule.in_audience):
                _unknown(project, entry, (*here, "in_audience"), "audience", name, known.audiences)
        elif isinstance(rule, HasRule) and rule.moments() and not rule.has.endswith(MOMENTS):
            message = f"'{rule.has}' is no moment, so it has no '{rule.moments()[0]}'."
            project.problems.append(entry.problem((*here, rule.moments()[0]), message))


def _check_funnel(
    project: Project, entry: ModelEntry, at: tuple, rule: FunnelRule, known: Known
) -> None:
    _unknown(project, entry, (*at, "funnel"), "funnel", rule.funnel, known.funnels)
    funnel = known.funnels.get(rule.funnel)
    if funnel is not None:
        steps = [step.name for step in funnel.steps]
        for step in _listed(rule.step):
            _unknown(project, entry, (*at, "step"), f"step of {rule.funnel}", step, steps)


def check_stage(
    project: Project,
    entry: ModelEntry,
    at: tuple,
    stage: str,
    journey: str | None,
    known: Known,
) -> None:
    """Tell a stage or journey that does not exist, and a stage that several journeys have."""
    if journey is not None and journey not in known.journeys:
        _unknown(project, entry, (*at, "journey"), "journey", journey, known.journeys)
        return
    within = [journey] if journey else list(known.journeys)
    having = [name for name in within if stage in _stages(known.journeys[name])]
    if not having:
        stages = [one for name in within for one in _stages(known.journeys[name])]
        _unknown(project, entry, (*at, "in_stage"), "stage", stage, stages)
    elif len(having) > 1:
        message = f"Several journeys have a stage '{stage}': {', '.join(having)}."
        fix = f"Say which: journey: {having[0]}."
        project.problems.append(entry.problem((*at, "in_stage"), message, fix))


def check_circles(
    project: Project, audiences: Mapping[str, tuple[ModelEntry, tuple, Audience | None]]
) -> None:
    """Tell audiences that ask for themselves, over others or not, and places that are taken."""
    rules = {name: rule for name, (_, _, rule) in audiences.items() if rule is not None}
    asks = {name: _asks(rule, name, rules) for name, rule in rules.items()}
    places: dict[Priority, str] = {}
    for name, rule in rules.items():
        entry, place, _ = audiences[name]
        if way := _way_back(name, asks):
            message = f"The audience '{name}' asks for itself: {' → '.join(way)}."
            fix = "Take one of them out of the circle."
            project.problems.append(entry.problem((*place, "rule"), message, fix))
        taken = rule.priority and places.setdefault(rule.priority, name)
        if taken not in (None, name):
            message = f"'{taken}' has the same place of the list already."
            project.problems.append(entry.problem((*place, "priority", "place"), message))


def check_scenarios_sent(
    project: Project, syncs: Iterable[Any], scenarios: Collection[str]
) -> None:
    """Tell scenarios of syncs that do not exist, and one that two syncs send."""
    sent: dict[str, str] = {}
    for sync in syncs:
        file, _, line = sync.where.rpartition(":")
        for name in getattr(sync.options, "scenarios", None) or ():
            if name not in scenarios:
                message = f"Unknown scenario '{name}'.{did_you_mean(name, scenarios)}"
            elif name in sent:
                message = f"The scenario '{name}' is sent by the sync '{sent[name]}' already."
            else:
                sent[name] = sync.name
                continue
            fix = f"Scenarios of this project: {', '.join(sorted(scenarios)) or 'none'}."
            project.problems.append(Problem(file, int(line), message, fix))


def _asks(rule: Audience, name: str, rules: Mapping[str, Audience]) -> list[str]:
    """The audiences that must be known before one: those it names, and those of higher priority."""
    found = [
        other
        for _, part in rule.parts()
        if isinstance(part, InAudienceRule)
        for other in _listed(part.in_audience)
    ]
    for other, its in rules.items():
        both = rule.priority is not None and its.priority is not None and other != name
        if both and its.priority.list_ == rule.priority.list_:
            found += [other] * (its.priority.place < rule.priority.place)
    return found


def _way_back(name: str, asks: Mapping[str, list[str]]) -> list[str]:
    """The shortest way from an audience to itself; none where there is none."""
    ways, seen = [[name]], set()
    while ways:
        way = ways.pop(0)
        for other in asks.get(way[-1], []):
            if other == name:
                return [*way, name]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def check_journey(
    project: Project, entry: ModelEntry, place: tuple, journey: Journey, check: Named
) -> None:
    """Check the actions and attributes that stages ask for."""
    for number, stage in enumerate(journey.stages):
        for index, one in enumerate(stage.enter or []):
            at = (*place, "stages", number, "enter", index)
            for name in _listed(one.did):
                check((*at, "did"), "action", name, one.where)
            if one.at is not None:
                check((*at, "at"), "attribute", one.at)
                if not one.at.endswith(MOMENTS):
                    message = f"'{one.at}' is no moment, so nobody enters a stage at it."
                    project.problems.append(entry.problem((*at, "at"), message))
            for column in one.of:
                check((*at, "of", column), "attribute", column)
    for number, column in enumerate(journey.segments):
        check((*place, "segments", number), "attribute", column)


def check_scenario(
    project: Project,
    entry: ModelEntry,
    place: tuple,
    scenario: Scenario,
    known: Known,
    check: Named,
) -> None:
    """Check the actions or the stage of a scenario."""
    if scenario.starts is None:
        return
    at = (*place, "starts")
    if scenario.starts.did is not None:
        check((*at, "did"), "action", scenario.starts.did, scenario.starts.where)
        for name in _listed(scenario.ends):
            check((*place, "ends"), "action", name)
    elif scenario.starts.in_stage is not None:
        journey = scenario.starts.journey
        check_stage(project, entry, at, scenario.starts.in_stage, journey, known)


def check_targets(project: Project, known: Known) -> None:
    """Tell targets of stages that do not exist, and those that are no numbers."""
    for name in (TARGETS, f"{TARGETS}_added"):
        path = project.folder / "seeds" / f"{name}.csv"
        if not path.is_file():
            continue
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in (reader := csv.DictReader(file)):
                _check_target(project, path, reader.line_num, row, known)


def _check_target(project: Project, path: Path, line: int, row: dict, known: Known) -> None:
    journey, stage = row.get("journey") or "", row.get("stage") or ""
    stages = _stages(known.journeys[journey]) if journey in known.journeys else None
    message = None
    if stages is None:
        message = f"Unknown journey '{journey}'.{did_you_mean(journey, known.journeys)}"
    elif stage not in stages:
        message = f"Unknown stage '{stage}' of {journey}.{did_you_mean(stage, stages)}"
    for key in ("target_rate", "target_days"):
        text = (row.get(key) or "").strip()
        if text and not NUMBER.fullmatch(text):
            message = f"{key}: '{text}' is not a number such as 0.4."
    if message:
        project.problems.append(Problem(project.shown(path), line, message))


def _stages(journey: Journey) -> list[str]:
    return [stage.name for stage in journey.stages]


def _unknown(
    project: Project,
    entry: ModelEntry,
    at: tuple,
    kind: str,
    name: str,
    known: Collection[str],
) -> None:
    if name not in known and not project.unread:
        message = f"Unknown {kind} '{name}'.{did_you_mean(name, known)}"
        fix = f"Known: {', '.join(sorted(set(known))) or 'none'}."
        project.problems.append(entry.problem(at, message, fix))


def _listed(wanted: object) -> list:
    return wanted if isinstance(wanted, list) else [] if wanted is None else [wanted]
