"""Checks all that people write in YAML, offline: every problem at once, with file and line."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from madang.errors import MadangError, Problem, SpecError, did_you_mean
from madang.specs import package
from madang.specs.actions import Action
from madang.specs.attribution import AttributionModel, TouchRule
from madang.specs.audiences import Audience, Holdout
from madang.specs.check_actions import read_actions
from madang.specs.check_audiences import check_audience, check_consent
from madang.specs.check_funnels import check_steps_named
from madang.specs.check_jinja import check_jinja
from madang.specs.check_names import check_action, check_named, check_names, check_where
from madang.specs.check_states import (
    Known,
    check_circles,
    check_journey,
    check_scenario,
    check_scenarios_sent,
    check_states,
    check_targets,
)
from madang.specs.conversions import ConversionType, ScoreGoal
from madang.specs.freshness import check_requires_fresh, read_cadences
from madang.specs.funnels import Funnel
from madang.specs.ga4_columns import Ga4Columns
from madang.specs.identifying import read_identifying
from madang.specs.lists import check_lists
from madang.specs.located_yaml import line_of, load_located
from madang.specs.occurring import Asked
from madang.specs.orders import OrderRule
from madang.specs.policy import read_policy
from madang.specs.project import ModelEntry, Project, read_project
from madang.specs.stages import Journey, Scenario
from madang.specs.streams import check_streams
from madang.specs.strict import Strict, validated
from madang.specs.tiers import TierRule, check_tiers
from madang.specs.unquoted import unquoted_freely

CONSENT_FIX = "Say which permission it needs: consent: {purpose: marketing, channels: [email]}."


@dataclass(frozen=True)
class Checked:
    """What a project declares, every problem found in it, and the names that must occur."""

    actions: dict[str, Action]
    audiences: dict[str, Audience]
    funnels: dict[str, Funnel]
    conversions: dict[str, ConversionType]
    sources: int
    syncs: int
    notes: list[str]
    problems: list[Problem]
    asked: list[Asked]


class Found(NamedTuple):
    """A rule of the project: where it stands, and what could be read of it."""

    name: str
    entry: ModelEntry
    place: tuple
    data: Any
    rule: Any
    is_sound: bool


def check_project(folder: Path, secrets: Collection[str] = ()) -> Checked:
    """Check a dbt project's rules, mappings and syncs. Never raises for what the YAML says.

    `secrets` are the environment variables that madang.yml names for secrets.
    """
    project = read_project(folder)
    streams = check_streams(project)
    notes = check_lists(project)
    _check_dispatch(project)
    if problem := package.disagreement(folder):
        project.problems.append(problem)
    actions = read_actions(
        project, partial(_parse, project, kind=Action), {one.source for one in streams.values()}
    )
    audiences = _rules(project, "audience", "aud_", Audience)
    funnels = _rules(project, "funnel", "funnel_", Funnel)
    for one in [*audiences, *funnels]:
        if one.rule is None:
            check_names(project, one.entry, one.place, one.data, actions)
    policy = read_policy(folder)
    journeys = _listed_rules(project, "stages", Journey)
    scenarios = _listed_rules(project, "scenarios", Scenario)
    known = Known(
        funnels={one.name: one.rule for one in funnels},
        journeys={name: rule for name, (_, _, rule) in journeys.items() if rule.enabled},
        audiences={one.name for one in audiences},
    )
    for entry, place, audience in _readable(audiences):
        check_audience(project, entry, place, audience, actions)
        check_states(project, entry, place, audience, known)
        check_consent(project, entry, place, audience, policy)
    check_circles(project, {one.name: (one.entry, one.place, one.rule) for one in audiences})
    for entry, place, journey in journeys.values():
        named = partial(check_named, project, entry, actions)
        check_journey(project, entry, place, journey, named)
    for entry, place, scenario in scenarios.values():
        named = partial(check_named, project, entry, actions)
        check_scenario(project, entry, place, scenario, known, named)
    check_targets(project, known)
    for entry, place, funnel in _readable(funnels):
        for key, parts in (("steps", funnel.steps), ("exclude", funnel.exclude)):
            for number, part in enumerate(parts):
                at = (*place, key, number)
                check_action(project, entry, (*at, "action"), part.action, actions)
                check_where(project, entry, (*at, "where"), part.where, actions.get(part.action))
        check_steps_named(project, entry, place, funnel)
    conversions = _listed_rules(project, "conversions", ConversionType)
    touches = _listed_rules(project, "touches", TouchRule)
    _listed_rules(project, "attribution_models", AttributionModel)
    for entry, place, rule in [*conversions.values(), *touches.values()]:
        check_action(project, entry, (*place, "action"), rule.action, actions)
        check_where(project, entry, (*place, "where"), rule.where, actions.get(rule.action))
    for entry, place, conversion in conversions.values():
        for at, name in conversion.later_actions():
            may_be_rare = at[0] != "verified_by"
            check_action(project, entry, (*place, *at), name, actions, may_be_rare)
    check_tiers(project, _listed_rules(project, "tier_rules", TierRule), conversions)
    cadences = _read(project, read_cadences)
    for entry, place, audience in _readable(audiences) if cadences or not project.unread else ():
        check_requires_fresh(project, entry, place, audience, cadences)
    _check_vars(project, conversions)
    check_jinja(project, secrets)
    read_identifying(project)
    sources = _read(project, _read_sources)
    syncs = _read(project, _read_syncs)
    check_scenarios_sent(
        project, syncs, [one.name for *_, one in scenarios.values() if one.enabled]
    )
    return Checked(
        actions=actions,
        audiences={one.name: one.rule for one in audiences if one.is_sound},
        funnels={one.name: one.rule for one in funnels if one.is_sound},
        conversions={name: rule for name, (_, _, rule) in conversions.items()},
        sources=len(sources),
        syncs=len(syncs),
        notes=notes,
        problems=sorted(set(project.problems), key=lambda p: (p.file, p.line, p.message)),
        asked=project.asked,
    )


def _check_dispatch(project: Project) -> None:
    """Tell where dbt would not find Madang's own form of its macros, which only the root names."""
    if package.package_of(project.folder) is None:
        return
    data, _ = load_located(project.folder / "dbt_project.yml")
    for entry in (data or {}).get("dispatch") or []:
        order = entry.get("search_order") or [] if isinstance(entry, dict) else []
        if package.NAME in order and entry.get("macro_namespace") == "dbt":
            return
    message = "dispatch: dbt would pass over Madang's macros for the tests of the days built last."
    fix = "Run 'madang init', which writes the block, or add 'madang' to dispatch of 'dbt'."
    project.problems.append(Problem("dbt_project.yml", 0, message, fix))


def _check_vars(project: Project, conversions: Collection[str]) -> None:
    if (rule := project.vars.get("order_rule")) is not None:
        _check_var(project, rule, OrderRule, ("vars", "order_rule"))
    if (rule := project.vars.get("global_holdout")) is not None:
        _check_var(project, rule, Holdout, ("vars", "global_holdout"))
    for name, goal in (project.vars.get("score_goals") or {}).items():
        _check_var(project, goal, ScoreGoal, ("vars", "score_goals", name))
        kind = goal.get("conversion_type") if isinstance(goal, dict) else None
        if isinstance(kind, str) and kind not in conversions:
            message = f"Unknown type of conversions '{kind}'.{did_you_mean(kind, conversions)}"
            at = ("vars", "score_goals", name, "conversion_type")
            line = line_of(project.lines, at)
            project.problems.append(Problem("dbt_project.yml", line, message))
    asked = {name: project.vars[name] for name in Ga4Columns.model_fields if name in project.vars}
    _check_var(project, asked, Ga4Columns, ("vars",))
    project.problems += unquoted_freely("dbt_project.yml", project.lines, ("vars",))


def _check_var(project: Project, value: Any, kind: type[Strict], at: tuple) -> None:
    project.problems += validated(kind, value, "dbt_project.yml", project.lines, at)[1]


def _rules(project: Project, key: str, prefix: str, kind: type[Strict]) -> list[Found]:
    """Read the rules under `config.meta.<key>`, and compare them with the SQL files `<prefix>*`."""
    found: list[Found] = []
    described: set[str] = set()
    for entry in project.models:
        given = entry.meta(key)
        if given is None:
            continue
        data, place = given
        described.add(entry.name)
        if not entry.name.startswith(prefix):
            message = f"The rule of '{entry.name}' is in 'meta.{key}', "
            message += f"so its name must begin with '{prefix}'."
            project.problems.append(entry.problem((*entry.at, "name"), message))
        else:
            _check_sql(project, entry, key)
        before = len(project.problems)
        rule = _parse(project, entry, place, data, kind)
        is_sound = len(project.problems) == before
        found.append(Found(entry.name.removeprefix(prefix), entry, place, data, rule, is_sound))
    for name, path in project.sql.items():
        is_rule = name.startswith(prefix) and name not in described and _calls(path, key)
        if is_rule and not project.may_describe(path):
            hint = did_you_mean(name, described - set(project.sql))
            message = f"The model '{name}' has no rule.{hint}"
            fix = f"Describe it in the YAML beside it, with config.meta.{key}."
            project.problems.append(Problem(project.shown(path), 0, message, fix))
    return found


def _listed_rules(
    project: Project, key: str, kind: type[Strict]
) -> dict[str, tuple[ModelEntry, tuple, Any]]:
    """Read the lists of rules under `config.meta.<key>` of models, by name; the company's last."""
    found: dict[str, tuple[ModelEntry, tuple, Any]] = {}
    for entry in project.models:
        if (given := entry.meta(key)) is None:
            continue
        listed, place = given
        if not isinstance(listed, list):
            project.problems.append(entry.problem(place, f"'{key}' must be a list."))
            continue
        for number, data in enumerate(listed):
            at = (*place, number)
            rule = _parse(project, entry, at, data, kind)
            if rule is None:
                continue
            if rule.name in found and found[rule.name][0].is_own == entry.is_own:
                message = f"Two of '{key}' are named '{rule.name}'."
                project.problems.append(entry.problem((*at, "name"), message))
            else:
                found[rule.name] = (entry, at, rule)
    return found


def _check_sql(project: Project, entry: ModelEntry, key: str) -> None:
    path = project.sql.get(entry.name)
    if path is None:
        hint = did_you_mean(entry.name, [name for name in project.sql if key[:3] in name])
        message = f"There is no {entry.name}.sql for this rule.{hint}"
        fix = f"Add the file beside this one with one line: {{{{ madang.{key}() }}}}"
        project.problems.append(entry.problem((*entry.at, "name"), message, fix))
    elif not _calls(path, key):
        message = f"The model does not call {{{{ madang.{key}() }}}}, so its rule has no effect."
        project.problems.append(Problem(project.shown(path), 1, message))


def _calls(path: Path, macro: str) -> bool:
    """Say whether a SQL file calls the macro as its own body: {{ madang.audience() }}."""
    return bool(re.search(rf"\{{\{{-?\s*(?:madang\.)?{macro}\(", path.read_text(encoding="utf-8")))


def _parse(project: Project, entry: ModelEntry, at: tuple, data: Any, kind: type[Strict]) -> Any:
    """Return the rule; one with problems too, for further checks, where it can be read at all."""
    read, found = validated(kind, data, entry.file, entry.lines, at)
    for number, problem in enumerate(found):
        if kind is Audience and problem.message == "The key 'consent' is missing.":
            found[number] = Problem(problem.file, problem.line, problem.message, CONSENT_FIX)
    project.problems += found
    return read


def _readable(found: Iterable[Found]) -> list[tuple[ModelEntry, tuple, Any]]:
    return [(one.entry, one.place, one.rule) for one in found if one.rule is not None]


def _read(project: Project, reader: Callable[[Path], Any]) -> Any:
    """Let another room read its own YAML, and take over what it complains about."""
    try:
        return reader(project.folder)
    except SpecError as error:
        found = error.problems or [Problem(error.where or "", 0, error.message, error.fix)]
    except MadangError as error:
        found = [Problem(error.where or "", 0, error.message, error.fix)]
    project.problems += [problem for problem in found if problem.file not in project.unread]
    return []


def _read_sources(folder: Path) -> Any:
    from madang.ingest.sources import read_sources

    return read_sources(folder)


def _read_syncs(folder: Path) -> Any:
    from madang.sync.spec import load_specs

    return load_specs(folder)
