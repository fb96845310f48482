"""Named actions: `config.meta.actions` of the model that stamps them onto events."""

import re
from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, model_validator

from madang.specs.strict import Strict
from madang.specs.values import Name, Texts, Values

# What `actions` reads of every event, beside the parameters named in vars.ga4_params.
EVENT_COLUMNS = (
    "page_path",
    "page_title",
    "transaction_id",
    "purchase_revenue",
    "method",
    "value",
    "currency",
)


class PagePath(Strict):
    """Which pages: exactly one of equals, prefix and regex."""

    equals: str | None = None
    prefix: str | None = None
    regex: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            raise ValueError("page_path takes exactly one of equals, prefix and regex.")
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as error:
                raise ValueError(f"the regex cannot be read: {error}.") from None
        return self


class Param(Strict):
    """The value of a GA4 event parameter."""

    param: Name


ObjectType = Annotated[
    Annotated[str, Tag("text")] | Annotated[Param, Tag("parameter")],
    Discriminator(lambda value: "parameter" if isinstance(value, dict) else "text"),
]


class Action(Strict):
    """One named action: of GA4 events (`event`), or delivered by another source (`source`)."""

    name: Name
    description: str | None = None
    event: Texts | None = None
    source: Name | None = None
    page_path: PagePath | None = None
    where: dict[Name, Values] = Field(default_factory=dict)
    object_type: ObjectType | None = None
    object_id: Param | None = None
    object_name: Param | None = None
    value: Param | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.event is None) == (self.source is None):
            raise ValueError(
                f"the action '{self.name}' takes exactly one of 'event' (a GA4 event name) "
                "and 'source' (another source that delivers it)."
            )
        if self.source is not None:
            extra = {"page_path", "where", "object_id", "object_name", "value"}
            if given := sorted(extra & self.model_fields_set):
                raise ValueError(
                    f"'{given[0]}' belongs to actions of GA4 events; "
                    f"'{self.name}' is delivered by the source '{self.source}'."
                )
        return self

    def params(self) -> list[tuple[tuple, str]]:
        """Return the GA4 parameters it reads, each with its place inside the action."""
        read: list[tuple[tuple, str]] = [(("where", name), name) for name in self.where]
        for key in ("object_type", "object_id", "object_name", "value"):
            if isinstance(given := getattr(self, key), Param):
                read.append(((key, "param"), given.param))
        return read
