"""Checks an audience: the names in its rule, the windows, the consent that it asks for."""

from madang.specs.audiences import Audience, DidRule, HasRule
from madang.specs.check_names import check_action, check_attribute, check_where, listed
from madang.specs.located_yaml import place_of
from madang.specs.policy import policy_fix, policy_problem
from madang.specs.project import ModelEntry, Project


def check_audience(
    project: Project, entry: ModelEntry, place: tuple, audience: Audience, actions: dict
) -> None:
    """Check actions, windows, objects and attributes of the rule."""
    for at, rule in audience.parts():
        here = (*place, *at)
        if isinstance(rule, DidRule):
            _check_did(project, entry, here, rule, actions, rule.within or audience.within)
        elif isinstance(rule, HasRule):
            of_profiles = not rule.moments()
            check_attribute(project, entry, (*here, "has"), rule.has, of_profiles=of_profiles)
            for value in listed(rule.is_):
                project.asked.append(entry.asks((*here, "is"), "attribute", value, rule.has))


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
