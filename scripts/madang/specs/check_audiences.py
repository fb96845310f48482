"""Checks an audience: the names in its rule, the windows, the consent that it asks for."""

from madang.specs.audiences import (
    AllRule,
    AnyRule,
    Audience,
    DidRule,
    HasRule,
    NotRule,
    parts_inside,
)
from madang.specs.check_names import check_action, check_attribute, check_where, listed
from madang.specs.located_yaml import place_of
from madang.specs.policy import policy_fix, policy_problem
from madang.specs.project import ModelEntry, Project
from madang.specs.strict import Strict

#: Conditions of a `did` that compare with all that the person did.
OF_PERSONS = ("and_not", "first_time")


def check_audience(
    project: Project, entry: ModelEntry, place: tuple, audience: Audience, actions: dict
) -> None:
    """Check actions, windows, objects and attributes of the rule."""
    for at, rule in audience.parts():
        here = (*place, *at)
        if getattr(rule, "scope", "person") != "person":
            _check_scope(project, entry, here, rule)
        if isinstance(rule, DidRule):
            _check_did(project, entry, here, rule, actions, rule.within or audience.within)
        elif isinstance(rule, HasRule):
            of_profiles = not rule.moments()
            check_attribute(project, entry, (*here, "has"), rule.has, of_profiles=of_profiles)
            for value in listed(rule.is_):
                project.asked.append(entry.asks((*here, "is"), "attribute", value, rule.has))


def _check_scope(project: Project, entry: ModelEntry, at: tuple, scoped: Strict) -> None:
    """Check that one session or event can meet the part, and that not every other one does."""
    scope = scoped.scope

    def tell(place: tuple, message: str, fix: str) -> None:
        project.problems.append(entry.problem((*at, *place), message, fix))

    for place, rule in parts_inside(scoped):
        if not isinstance(rule, AnyRule | AllRule | NotRule | DidRule):
            key = next(iter(rule.model_dump(by_alias=True, exclude_unset=True)))
            fix = "Put it beside the part with the scope, in an 'all'."
            tell((*place, key), f"'{key}' is of the person, and no {scope} meets it.", fix)
            continue
        if place and getattr(rule, "scope", "person") != "person":
            fix = "Take one of the two scopes away, or put the parts beside each other."
            tell((*place, "scope"), f"a scope inside of one {scope}.", fix)
        given = [key for key in OF_PERSONS if getattr(rule, key, None) is not None]
        if given and given[0] == "and_not":
            fix = f"Say it as a part: not: {{did: {rule.and_not}}}, in an 'all' with the scope."
            tell((*place, "and_not"), f"'and_not' looks beyond one {scope}.", fix)
        elif given:
            fix = "Put it beside the part with the scope, in an 'all'."
            tell((*place, given[0]), f"'{given[0]}' looks beyond one {scope}.", fix)
        elif scope == "event" and getattr(rule, "then", None):
            fix = "Use scope: session, or none."
            tell((*place, "then"), "one event has no step after it.", fix)
    if _holds_of_nothing(scoped):
        fix = f"Add what must have been done in the {scope}, or put 'not' around the scope."
        message = f"a {scope} in which nothing was done would meet this, so that it says nothing."
        tell(("scope",), message, fix)


def _holds_of_nothing(rule: Strict) -> bool:
    """Say whether a part is true where nothing was done."""
    if isinstance(rule, DidRule):
        return rule.at_most is not None and "at_least" not in rule.model_fields_set
    if isinstance(rule, NotRule):
        return not _holds_of_nothing(rule.not_)
    if isinstance(rule, AnyRule):
        return any(_holds_of_nothing(part) for part in rule.any_)
    return isinstance(rule, AllRule) and all(_holds_of_nothing(part) for part in rule.all_)


def check_consent(
    project: Project,
    entry: ModelEntry,
    place: tuple,
    audience: Audience,
    policy: set[tuple[str, str]],
) -> None:
    """Check that the policy knows each purpose on each channel."""
    for number, consent in enumerate(audience.consent):
        at = place_of(entry.lines, (*place, "consent", number))
        for channel in consent.channels:
            if message := policy_problem(policy, consent.purpose, channel):
                key = "channels" if "no channel" in message else "purpose"
                problem = entry.problem((*at, key), message, policy_fix(policy))
                if problem not in project.problems:
                    project.problems.append(problem)


def _check_did(
    project: Project, entry: ModelEntry, at: tuple, rule: DidRule, actions: dict, within: str | None
) -> None:
    if rule.and_not is not None:
        check_action(project, entry, (*at, "and_not"), rule.and_not, actions)
    later = [((*at, "then", number), step) for number, step in enumerate(rule.then or [])]
    for place, step in [(at, rule), *later]:
        check_action(project, entry, (*place, "did"), step.did, actions)
        check_where(project, entry, (*place, "where"), step.where, actions.get(step.did))
    if rule.from_ is not None:
        return
    if within is None:
        message = f"'did: {rule.did}' has no window."
        fix = "Give the audience a default 'within: 30 days', or this rule its own."
        project.problems.append(entry.problem((*at, "did"), message, fix))
