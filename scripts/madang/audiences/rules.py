"""Reads the parts of audience rules as they were built, and puts each in words."""

import json
from dataclasses import dataclass

from madang.specs.audiences import DidRule, HasRule
from madang.warehouse import Row, Warehouse

#: Parts that hold other parts.
GROUPS = {"any": "any of", "all": "all of", "not": "not"}
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
    words, needed = GROUPS.get(row["kind"], ""), None
    if row["kind"] == "has":
        words = _has(HasRule.model_validate(json.loads(row["condition"])))
    elif row["kind"] == "did":
        rule = DidRule.model_validate(json.loads(row["condition"]))
        words, needed = _did(rule), None if rule.and_not else rule.at_least
    return Part(row["part_number"], "  " * row["depth"] + words, needed)


def _has(rule: HasRule) -> str:
    if rule.is_ is not None:
        return f"{rule.has} is {_either(rule.is_)}"
    if rule.at_least is not None:
        return f"{rule.has} is at least {rule.at_least}"
    return f"{rule.has} is at most {rule.at_most}"


def _did(rule: DidRule) -> str:
    words = rule.did
    for name, value in rule.where:
        if value is not None:
            words += f", {name} {_either(value)}"
    if rule.and_not:
        words += f", then no {rule.and_not} for {rule.wait}"
    elif rule.at_least > 1:
        words += f", at least {rule.at_least} times"
    return f"{words}, within {rule.within}" if rule.within else words


def _either(value: object) -> str:
    values = value if isinstance(value, list) else [value]
    return " or ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
