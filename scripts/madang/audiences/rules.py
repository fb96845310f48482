"""Reads the parts of audience rules as they were built, and puts each in words."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from madang.specs.audiences import (
    DidRule,
    FunnelRule,
    HasRule,
    InAudienceRule,
    SampleRule,
    StageRule,
    Then,
)
from madang.warehouse import Row, Warehouse

#: Parts that hold other parts.
GROUPS = {"any": "any of", "all": "all of", "not": "not"}
#: What must meet a part, in words.
SCOPES = {"person": "", "session": ", in one session", "event": ", in one event"}
#: Amounts of one activity, in words.
AMOUNTS = {
    "at_least": "at least",
    "at_most": "at most",
    "more_than": "more than",
    "less_than": "less than",
}
COLUMNS = "audience, part_number, depth, kind, condition"


@dataclass(frozen=True)
class Part:
    """One part of a rule: its number, and what it says, indented by its depth.

    `needed` is how often something must have been done, where it is that which is counted.
    """

    number: int
    words: str
    needed: int | None = None


def persons_by_part(warehouse: Warehouse, audience: str) -> list[tuple[Part, int]]:
    """Return every part of an audience's rule with the known persons for whom it holds."""
    rows = warehouse.fetch(
        f"""
        select {COLUMNS}, count(case when holds then 1 end) as persons
        from {warehouse.relation("explain", "audience_parts")}
        where audience = ? group by {COLUMNS} order by part_number""",
        [audience],
    )
    return [(read(row), row["persons"]) for row in rows]


def parts_of_person(warehouse: Warehouse, person_id: str) -> list[tuple[str, Part, bool, int]]:
    """Return (audience, part, whether it holds, how often it was done) of all rules."""
    rows = warehouse.fetch(
        f"""
        select parts.*, coalesce(evidence.activities, 0) as activities
        from {warehouse.relation("explain", "audience_parts")} as parts
        left join {warehouse.relation("marts", "audience_evidence")} as evidence
            on parts.audience = evidence.audience
            and parts.part_number = evidence.part_number
            and parts.person_id = evidence.subject_id
        where parts.person_id = ?
        order by parts.audience, parts.part_number""",
        [person_id],
    )
    return [(row["audience"], read(row), row["holds"], row["activities"]) for row in rows]


def read(row: Row) -> Part:
    """Return the part that a row of audience_parts stands for."""
    kind = row["kind"]
    words, needed = GROUPS.get(kind, ""), None
    if kind in GROUPS and row["condition"]:
        words += SCOPES[json.loads(row["condition"])["scope"]]
    if kind not in GROUPS:
        model, told = CONDITIONS[kind]
        rule = model.model_validate(json.loads(row["condition"]))
        words = told(rule)
        if isinstance(rule, DidRule) and _is_counted_in_all(rule):
            needed = rule.at_least
    return Part(row["part_number"], "  " * row["depth"] + words, needed)


def _is_counted_in_all(rule: DidRule) -> bool:
    """Say whether the rule holds when all that the person did is often enough."""
    return not rule.and_not and rule.at_most is None and rule.scope == "person"


def _has(rule: HasRule) -> str:
    if rule.moments():
        told = {
            "from": f"on {rule.from_} or later",
            "before": f"before {rule.before}",
            "within": f"within {rule.within}",
            "not_within": f"longer ago than {rule.not_within}",
        }
        return f"{rule.has} {' and '.join(told[key] for key in rule.moments())}"
    if rule.is_ is not None:
        return f"{rule.has} is {_either(rule.is_)}"
    if rule.at_least is not None:
        return f"{rule.has} is at least {rule.at_least}"
    return f"{rule.has} is at most {rule.at_most}"


def _did(rule: DidRule) -> str:
    words = _step(rule) + SCOPES[rule.scope]
    for step in rule.then or []:
        words += f", then {_step(step)}" + (f" within {step.within}" if step.within else "")
    for name, sign in AMOUNTS.items():
        if rule.value is not None and (amount := getattr(rule.value, name)) is not None:
            words += f", {sign} {amount:,} {rule.currency or ''}".rstrip()
    if rule.and_not:
        words += f", then no {rule.and_not} for {rule.wait}"
    elif rule.at_most is not None:
        least = rule.at_least if "at_least" in rule.model_fields_set else 0
        words += f", {least} to {rule.at_most} times" if rule.at_most else ", never"
    elif rule.at_least > 1:
        words += f", at least {rule.at_least} times"
    if rule.total is not None:
        words += f", {rule.total.at_least:,} {rule.currency or ''}".rstrip() + " or more together"
    if rule.first_time:
        words += ", for the first time"
    for name, day in (("from", rule.from_), ("until", rule.until)):
        words += f", {name} {day}" if day else ""
    return f"{words}, within {rule.within}" if rule.within not in (None, "ever") else words


def _step(step: DidRule | Then) -> str:
    words = step.did
    for name, value in step.where:
        if value is not None:
            words += f", {name} {_either(value)}"
    return words


def _funnel(rule: FunnelRule) -> str:
    words = f"in the funnel {rule.funnel}"
    words += f", {_either(rule.state)}" if rule.state else ""
    words += f", at the step {_either(rule.step)}" if rule.step else ""
    return f"{words}, for {rule.for_} or longer" if rule.for_ else words


def _stage(rule: StageRule) -> str:
    words = f"in the stage {_either(rule.in_stage)}"
    words += f" of {rule.journey}" if rule.journey else ""
    return f"{words}, for {rule.stuck_for} or longer" if rule.stuck_for else words


def _audience(rule: InAudienceRule) -> str:
    words = f"in the audience {_either(rule.in_audience)}"
    return f"{words}, and may be contacted for it" if rule.contactable else words


def _sample(rule: SampleRule) -> str:
    return f"in a sample of {rule.sample} %" + (f" named {rule.named}" if rule.named else "")


def _either(value: object) -> str:
    values = value if isinstance(value, list) else [value]
    return " or ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)


#: What each kind of condition is read as, and how it is put in words.
CONDITIONS: dict[str, tuple[type, Callable[[Any], str]]] = {
    "did": (DidRule, _did),
    "has": (HasRule, _has),
    "funnel": (FunnelRule, _funnel),
    "in_stage": (StageRule, _stage),
    "in_audience": (InAudienceRule, _audience),
    "sample": (SampleRule, _sample),
}
