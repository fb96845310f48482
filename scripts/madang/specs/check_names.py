"""Checks the names that rules use: actions, what these are done to, attributes of customers."""

from collections.abc import Iterable
from typing import Any

from madang.errors import did_you_mean
from madang.specs.actions import Action
from madang.specs.audiences import Where
from madang.specs.conditions import Tests
from madang.specs.funnels import StepWhere
from madang.specs.project import ModelEntry, Project, is_personal


def check_names(project: Project, entry: ModelEntry, at: tuple, data: Any, actions: dict) -> None:
    """Check the names in a rule that could not be read as a whole."""
    if isinstance(data, list):
        for number, part in enumerate(data):
            check_names(project, entry, (*at, number), part, actions)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in ("did", "and_not", "action") and isinstance(value, str):
                check_action(project, entry, (*at, key), value, actions)
            elif key == "has" and isinstance(value, str):
                check_attribute(project, entry, (*at, key), value, of_profiles=True)
            elif key != "where":
                check_names(project, entry, (*at, key), value, actions)


def check_action(
    project: Project,
    entry: ModelEntry,
    at: tuple,
    name: str,
    actions: Iterable[str],
    may_be_rare: bool = False,
) -> None:
    """Check that an action is known, and note that it must occur unless it may be rare."""
    if name not in actions and (actions or not project.unread):
        message = f"Unknown action '{name}'.{did_you_mean(name, actions)}"
        fix = f"Known actions: {', '.join(sorted(actions)) or 'none'}."
        project.problems.append(entry.problem(at, message, fix))
    if not may_be_rare:
        project.asked.append(entry.asks(at, "rule", name))


def listed(wanted: Any) -> list:
    """A value, a list of values, those that tests ask for or nothing, as a list."""
    if isinstance(wanted, Tests):
        wanted = wanted.equals
    return wanted if isinstance(wanted, list) else [] if wanted is None else [wanted]


def check_where(
    project: Project, entry: ModelEntry, at: tuple, where: Where | StepWhere, action: Action | None
) -> None:
    """Tell conditions that can never hold, because the action never has such an object."""
    if action is None:
        return
    for column in where.model_fields_set:
        for value in listed(getattr(where, column)):
            project.asked.append(entry.asks((*at, column), column, value, action.name))
    if action.event is None:
        return
    kind = where.object_type
    wanted = listed(kind)
    if wanted and isinstance(action.object_type, str) and action.object_type not in wanted:
        message = f"'{action.name}' always has the object_type '{action.object_type}'"
        project.problems.append(entry.problem((*at, "object_type"), f"{message}: never true."))
    for column in ("object_type", "object_id"):
        if getattr(where, column) is not None and getattr(action, column) is None:
            message = f"The action '{action.name}' has no {column}: never true."
            fix = f"Give the action an {column}, or remove the condition."
            project.problems.append(entry.problem((*at, column), message, fix))


def check_named(
    project: Project,
    entry: ModelEntry,
    actions: dict,
    at: tuple,
    key: str,
    name: str,
    where: Where | None = None,
) -> None:
    """Check an action that a stage or scenario names, or an attribute."""
    if key == "attribute":
        check_attribute(project, entry, at, name)
        return
    check_action(project, entry, at, name, actions)
    if where is not None:
        check_where(project, entry, (*at[:-1], "where"), where, actions.get(name))


def check_attribute(
    project: Project, entry: ModelEntry, at: tuple, name: str, *, of_profiles: bool = False
) -> None:
    """Check that an attribute is a column without personal data."""
    customers = project.model("customers")
    columns = customers.columns() if customers else {}
    if of_profiles and (profiles := project.model("customer_profiles")):
        columns = profiles.columns() | columns
    usable = [column for column, data in columns.items() if not is_personal(data)]
    if name in usable or (customers is None and project.unread):
        return
    contacts = project.model("contacts")
    if name in columns or (contacts and name in contacts.columns()):
        message = f"'{name}' holds personal data, so no audience may depend on it."
    else:
        tables = "customers or customer_profiles" if of_profiles else "customers"
        message = f"Unknown attribute '{name}': not a column of {tables}."
        message += did_you_mean(name, usable)
    fix = f"Attributes: {', '.join(usable) or 'none'}."
    project.problems.append(entry.problem(at, message, fix))
