"""Which user of Braze a row is about: one of five kinds of ids, as one text.

A plain text is an external_id. Others begin with their kind: `braze_id:…`, `email:…`, `phone:…`,
`user_alias:<label>:<name>`; an external_id that looks like one of these is `external_id:…`. The
activation model writes them (`sync_braze_keys` in macros/activation).
https://www.braze.com/docs/api/endpoints/user_data/post_user_track (exactly one usable id)
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from madang.specs.strict import Strict, matching
from madang.sync.destinations.base import NoOptions

KINDS = ("external_id", "user_alias", "braze_id", "email", "phone")
KeyKind = Literal["external_id", "user_alias", "braze_id", "email", "phone"]


class Alias(Strict):
    """A user alias: its label in Braze, and the identifier of a person that is its name."""

    label: Annotated[str, matching(r"[A-Za-z][A-Za-z0-9_]{0,99}", "a label (letters, digits, _)")]
    identifier: Literal["user_id", "crm_id", "salesforce_id"]


class KeyOptions(NoOptions):
    """`key_order`: the kinds of ids by which a person is looked for; the first one there counts.

    Without it the customer number is the external_id. `user_alias` says what an alias is.
    """

    key_order: Annotated[list[KeyKind], Field(min_length=1)] | None = None
    user_alias: Alias | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        key = getattr(self, "key", None)  # of the sync, beside these
        if key in ("external_id", "in_order") and (key == "in_order") != (
            self.key_order is not None
        ):
            raise ValueError("'key: in_order' and 'key_order' go together.")
        if "user_alias" in (self.key_order or ()) and self.user_alias is None:
            raise ValueError("'key_order' names user_alias: say its label and identifier.")
        return self


def kind_of(key: str) -> tuple[str, str]:
    """Return the kind of a key and what is behind it."""
    kind, colon, value = key.partition(":")
    return (kind, value) if colon and kind in KINDS else ("external_id", key)


def id_of(key: str) -> dict[str, Any]:
    """Return the part of an object that says which user it is about."""
    kind, value = kind_of(key)
    if kind == "user_alias":
        label, _, name = value.partition(":")
        return {"user_alias": {"alias_name": name, "alias_label": label}}
    return {kind: value}


def user_of(key: str, *, creates: bool) -> dict[str, Any]:
    """Return how an object of /users/track says which user it is about, and whether to make one."""
    built = id_of(key)
    if not creates:
        built["_update_existing_only"] = True
    elif "user_alias" in built:
        built["_update_existing_only"] = False  # true unless it is said, of an alias
    return built
