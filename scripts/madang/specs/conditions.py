"""What a named action asks of an event: fields against values, numbers, beginnings and patterns."""

from math import isfinite
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from madang.specs.strict import Strict, matching
from madang.specs.values import Texts, Values

# As GA4 allows them; columns are named after them.
FieldName = Annotated[
    str, matching(r"[A-Za-z][A-Za-z0-9_]*", "a parameter's name (letters, digits, _)")
]
QueryName = Annotated[
    str, matching(r"[A-Za-z0-9_.\[\]-]+", "the name of a query parameter (letters, digits, . _ -)")
]
NUMBERS = ("at_least", "at_most", "more_than", "less_than")
TEXTS = ("prefix", "contains", "regex")
PARTS = ("event", "page_path", "hostname", "page_query", "where", "item", "any", "all", "not")


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        is_short = isinstance(value, str | int | float)
        raise ValueError(f"'{value}' is not a number." if is_short else "must be a number.")
    return value


Number = Annotated[int | float, BeforeValidator(_number)]


def readable_regex(value: Any) -> Any:
    """Read a pattern, or several, as both warehouses do: with RE2, which DuckDB brings along."""
    import duckdb

    with duckdb.connect() as connection:
        for pattern in [value] if isinstance(value, str) else value:
            try:
                connection.execute("select regexp_matches('', ?)", [pattern])
            except duckdb.Error as error:
                told = str(error).splitlines()[0].split("Error: ", 1)[-1]
                raise ValueError(f"the regex '{pattern}' cannot be read: {told}.") from None
    return value


class Tests(Strict):
    """Tests of one field; all that are given must hold, and where the field is missing none do."""

    __test__ = False  # not for pytest

    equals: Values | None = None
    not_: Values | None = Field(default=None, alias="not")
    prefix: Texts | None = None
    contains: Texts | None = None
    regex: Annotated[Texts, AfterValidator(readable_regex)] | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    more_than: Number | None = None
    less_than: Number | None = None
    exists: bool | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give a value, or one of " + ", ".join(_test_names()) + ".")
        if self.exists is False and len(self.model_fields_set) > 1:
            raise ValueError("what is missing passes no other test: give 'exists: false' alone.")
        floor = max((n for n in (self.at_least, self.more_than) if n is not None), default=None)
        ceiling = min((n for n in (self.at_most, self.less_than) if n is not None), default=None)
        if floor is not None and ceiling is not None and floor > ceiling:
            raise ValueError(f"no number is above {floor} and below {ceiling}.")
        return self

    def given(self, names: tuple[str, ...]) -> list[str]:
        """Return which of these tests are given."""
        return [name for name in names if name in self.model_fields_set]


def _test_names() -> list[str]:
    return [field.alias or name for name, field in Tests.model_fields.items()]


Wanted = Annotated[
    Annotated[Values, Tag("(values)")] | Annotated[Tests, Tag("(tests)")],
    Discriminator(lambda value: "(tests)" if isinstance(value, dict | Tests) else "(values)"),
]


class Block(Strict):
    """Conditions on one event; all that are given must hold."""

    event: Texts | None = None
    page_path: Wanted | None = None
    hostname: Wanted | None = None
    page_query: dict[QueryName, Wanted] = Field(default_factory=dict)
    where: dict[FieldName, Wanted] = Field(default_factory=dict)
    item: Annotated[dict[FieldName, Wanted], Field(min_length=1)] | None = None
    any_: Annotated[list["Block"], Field(min_length=1)] | None = Field(default=None, alias="any")
    all_: Annotated[list["Block"], Field(min_length=1)] | None = Field(default=None, alias="all")
    not_: "Block | None" = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if type(self) is Block and not self.model_fields_set:
            raise ValueError(f"an empty condition; give one of {', '.join(PARTS)}.")
        return self

    def blocks(self) -> list[tuple[tuple, "Block"]]:
        """Return this block and all inside it, each with its place."""
        found: list[tuple[tuple, Block]] = [((), self)]
        inner: list[tuple[tuple, Block]] = []
        for key, listed in (("any", self.any_), ("all", self.all_)):
            inner += [((key, number), block) for number, block in enumerate(listed or [])]
        if self.not_ is not None:
            inner.append((("not",), self.not_))
        for place, block in inner:
            found += [((*place, *deeper), nested) for deeper, nested in block.blocks()]
        return found

    def names_events(self) -> bool:
        """Say whether every event that it can hold for is of a named kind."""
        return (
            self.event is not None
            or (self.any_ is not None and all(block.names_events() for block in self.any_))
            or any(block.names_events() for block in self.all_ or [])
        )
