"""Takes an audience rule apart: each part in words, and the query of the persons who meet it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from madang.specs.audiences import AllRule, AnyRule, Audience, DidRule, HasRule, NotRule, Where
from madang.specs.strict import Strict
from madang.warehouse import Warehouse
from madang.warehouse.dialects import Dialect


@dataclass(frozen=True)
class Part:
    """One part of a rule. `persons_sql` gives the person_ids that meet it; `depth` is for indents.

    `count_sql`, where there is a number to reach, gives person_id and the number reached.
    """

    depth: int
    words: str
    persons_sql: str
    count_sql: str | None = None
    needed: int = 1


class RuleReader:
    """Reads rules for one moment and one warehouse."""

    def __init__(self, warehouse: Warehouse, as_of: datetime) -> None:
        self._activities = warehouse.relation("activity", "activities")
        self._customers = warehouse.relation("marts", "customers")
        self._as_of = as_of
        self._dialect = warehouse.dialect

    def parts(self, audience: Audience) -> list[Part]:
        """Return the parts of an audience's rule, outermost first."""
        return list(self._parts(audience.rule, audience.within, 0))

    def _parts(self, rule: Strict, within: str | None, depth: int) -> Iterator[Part]:
        if isinstance(rule, AnyRule | AllRule):
            inner = rule.any_ if isinstance(rule, AnyRule) else rule.all_
            words = "any of" if isinstance(rule, AnyRule) else "all of"
            yield Part(depth, words, self._sql(rule, within))
            for one in inner:
                yield from self._parts(one, within, depth + 1)
        elif isinstance(rule, NotRule):
            yield Part(depth, "not", self._sql(rule, within))
            yield from self._parts(rule.not_, within, depth + 1)
        elif isinstance(rule, DidRule) and rule.and_not is None:
            condition = self._did(rule, within)
            count = (
                f"select person_id, count(*) as reached from {self._activities} "
                f"where person_id is not null and {condition} group by person_id"
            )
            yield Part(depth, describe(rule, within), self._sql(rule, within), count, rule.at_least)
        else:
            yield Part(depth, describe(rule, within), self._sql(rule, within))

    def _sql(self, rule: Strict, within: str | None) -> str:
        if isinstance(rule, AnyRule):
            return _joined("union distinct", [self._sql(one, within) for one in rule.any_])
        if isinstance(rule, AllRule):
            return _joined("intersect distinct", [self._sql(one, within) for one in rule.all_])
        if isinstance(rule, NotRule):
            everybody = f"select person_id from {self._customers}"
            return _joined("except distinct", [everybody, self._sql(rule.not_, within)])
        if isinstance(rule, HasRule):
            return f"select person_id from {self._customers} where {_has(rule, self._dialect)}"
        assert isinstance(rule, DidRule)
        if rule.and_not is None:
            having = f"count(case when {self._did(rule, within)} then 1 end) >= {rule.at_least}"
        else:
            having = self._unfinished(rule, within)
        return (
            f"select person_id from {self._activities} "
            f"where person_id is not null group by person_id having {having}"
        )

    def _did(self, rule: DidRule, within: str | None) -> str:
        did = self._dialect.literal(rule.did)
        conditions = [f"action = {did}", *_where(rule.where, self._dialect)]
        if duration := rule.within or within:
            conditions.append(f"occurred_at > {self._before(duration)}")
        return " and ".join(conditions)

    def _unfinished(self, rule: DidRule, within: str | None) -> str:
        same = Where(object_type=rule.where.object_type)
        end = self._dialect.literal(rule.and_not or "")
        ended = " and ".join([f"action = {end}", *_where(same, self._dialect)])
        began = f"max(case when {self._did(rule, within)} then occurred_at end)"
        finished = f"max(case when {ended} then occurred_at end)"
        waited = f"{began} <= {self._before(rule.wait or '0 minutes')}"
        return f"{waited} and ({finished} is null or {finished} < {began})"

    def _before(self, duration: str) -> str:
        amount, unit = duration.split()
        moment = self._as_of - timedelta(**{f"{unit.rstrip('s')}s": int(amount)})
        return f"timestamp '{moment:%Y-%m-%d %H:%M:%S.%f}'"


def describe(rule: Strict, within: str | None) -> str:
    """Return one part of a rule in words."""
    if isinstance(rule, HasRule):
        if rule.is_ is not None:
            return f"{rule.has} is {_either(rule.is_)}"
        if rule.at_least is not None:
            return f"{rule.has} is at least {rule.at_least}"
        return f"{rule.has} is at most {rule.at_most}"
    assert isinstance(rule, DidRule)
    words = rule.did
    for name, value in rule.where:
        if value is not None:
            words += f", {name} {_either(value)}"
    if rule.and_not:
        words += f", then no {rule.and_not} for {rule.wait}"
    elif rule.at_least > 1:
        words += f", at least {rule.at_least} times"
    duration = rule.within or within
    return f"{words}, within {duration}" if duration else words


def _where(where: Where, dialect: Dialect) -> list[str]:
    return [
        f"cast({name} as string) in ({_literals(value, dialect)})"
        for name, value in where
        if value is not None
    ]


def _has(rule: HasRule, dialect: Dialect) -> str:
    column = dialect.quoted(rule.has)
    if rule.is_ is not None:
        return f"cast({column} as string) in ({_literals(rule.is_, dialect)})"
    if rule.at_least is not None:
        return f"{column} >= {rule.at_least}"
    return f"{column} <= {rule.at_most}"


def _literals(value: object, dialect: Dialect) -> str:
    values = value if isinstance(value, list) else [value]
    return ", ".join(dialect.literal(_text(one)) for one in values)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _either(value: object) -> str:
    values = value if isinstance(value, list) else [value]
    return " or ".join(_text(one) for one in values)


def _joined(operation: str, queries: list[str]) -> str:
    inner = f" {operation} ".join(f"(select * from ({query}))" for query in queries)
    return f"select person_id from ({inner})"
