"""Named actions: `config.meta.actions` of the model that stamps them onto events."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, model_validator

from madang.specs.conditions import Block, FieldName
from madang.specs.strict import Strict, matching
from madang.specs.values import Name

OBJECT_KEYS = ("object_type", "object_id", "object_name", "value")
#: What else only an action of GA4 events may say.
OF_EVENTS = ("debounce", "meets")


class Param(Strict):
    """The value of a GA4 event parameter, or of another field of the event."""

    param: FieldName


class Item(Strict):
    """The value of a field of an item of the event."""

    item: FieldName


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "(item)" if "item" in value else "(parameter)"
    return {Item: "(item)", Param: "(parameter)"}.get(type(value), "(text)")


def _no_text(value: object) -> object:
    if _kind(value) == "(text)":
        raise ValueError("give {param: <name>} or {item: <name>}.")
    return value


Field = Annotated[
    Annotated[Item, Tag("(item)")] | Annotated[Param, Tag("(parameter)")],
    Discriminator(_kind),
    BeforeValidator(_no_text),
]
ObjectType = Annotated[
    Annotated[str, Tag("(text)")]
    | Annotated[Item, Tag("(item)")]
    | Annotated[Param, Tag("(parameter)")],
    Discriminator(_kind),
]


def _within_an_hour(text: str) -> str:
    number = int("".join(letter for letter in text if letter.isdigit()))
    seconds = number / 1000 if "ms" in text else number * 60 if "m" in text else number
    if not 0 < seconds <= 3600:
        raise ValueError(f"'{text}' is not longer than nothing and at most an hour.")
    return text


Debounce = Annotated[
    str,
    matching(
        r"\d+ ?(ms|s|seconds?|min|minutes?)",
        "a duration such as '500 ms', '1s', '2 seconds' or '1 minute'",
    ),
    AfterValidator(_within_an_hour),
]


class Action(Block):
    """One named action: of GA4 events, or delivered by another source (`source`).

    `meets` is what its object is an id of; records with the same id say who was there. With
    `enabled: false` a company takes an action of Madang's away, and says no more of it.
    """

    name: Name
    enabled: bool = True
    description: str | None = None
    source: Name | None = None
    object_type: ObjectType | None = None
    object_id: Field | None = None
    object_name: Field | None = None
    value: Field | None = None
    meets: Name | None = None
    debounce: Debounce | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        of_events = self.model_fields_set & {*Block.model_fields, *OBJECT_KEYS, *OF_EVENTS}
        of_events -= {"object_type"}
        if not self.enabled:
            return self
        if self.source is None and not self.names_events():
            raise ValueError(
                f"the action '{self.name}' takes exactly one of 'event' (a GA4 event name) "
                "and 'source' (another source that delivers it)."
                + (" An 'any' is enough where each of its blocks has 'event'." * bool(self.any_))
            )
        if self.source is not None and of_events:
            given = sorted(Action.model_fields[key].alias or key for key in of_events)[0]
            raise ValueError(
                f"'{given}' belongs to actions of GA4 events; "
                f"'{self.name}' is delivered by the source '{self.source}'."
            )
        if self.meets is not None and self.object_id is None:
            raise ValueError(
                f"'meets' of '{self.name}' says which records have the id that 'object_id' is; "
                "give 'object_id' too."
            )
        return self

    def objects(self) -> Iterator[tuple[tuple, str, str]]:
        """Return the fields that its object and value are: place, 'event' or 'item', and name."""
        for key in OBJECT_KEYS:
            given = getattr(self, key)
            if isinstance(given, Param):
                yield (key, "param"), "event", given.param
            elif isinstance(given, Item):
                yield (key, "item"), "item", given.item
