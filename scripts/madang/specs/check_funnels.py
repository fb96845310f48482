"""Checks what a funnel names beside its actions: steps, for exclusions and breakdowns."""

from madang.errors import did_you_mean
from madang.specs.funnels import Exclusion, Funnel
from madang.specs.project import ModelEntry, Project


def check_steps_named(project: Project, entry: ModelEntry, place: tuple, funnel: Funnel) -> None:
    """Add a problem for every step that an exclusion or a breakdown names and that is not there."""
    names = [step.name for step in funnel.steps]
    required = [step.name for step in funnel.steps if not step.optional]
    for number, one in enumerate(funnel.exclude):
        at = (*place, "exclude", number)
        for key in ("after", "before"):
            named = getattr(one, key)
            if named is not None:
                _check_name(project, entry, (*at, key), named, required)
        if message := _contradiction(one, funnel, required):
            project.problems.append(entry.problem((*at, "action"), message))
    if funnel.breakdown.at not in ("first", "last"):
        at = (*place, "breakdown", "at")
        _check_name(project, entry, at, funnel.breakdown.at, ["first", "last", *names])


def _check_name(
    project: Project, entry: ModelEntry, at: tuple, name: str, known: list[str]
) -> None:
    if name not in known:
        message = f"Unknown step '{name}'.{did_you_mean(name, known)}"
        project.problems.append(entry.problem(at, message, f"Steps: {', '.join(known)}."))


def _contradiction(one: Exclusion, funnel: Funnel, required: list[str]) -> str | None:
    """Say why an exclusion cannot be one, if it cannot."""
    for step in funnel.steps:
        if step.action == one.action and step.where in (one.where, type(step.where)()):
            return f"The exclusion '{one.action}' is the step '{step.name}'."
    after, before = one.after or required[0], one.before or required[-1]
    if {after, before} <= set(required) and required.index(after) >= required.index(before):
        return f"The step '{after}' does not come before '{before}', so nothing is between them."
    return None
