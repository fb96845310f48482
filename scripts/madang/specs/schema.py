"""What a pydantic model has at a place of the file: its kinds of values, and its keys."""

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag


def kinds_at(model: type[BaseModel], place: tuple) -> list[Any]:
    """Return the kinds that `model` takes at a place: follows fields, list items and unions.

    `place` may be one of the file, or pydantic's, which has the tags of unions between the keys.
    """
    current: list[Any] = [model]
    for part in place:
        current = [nested for kind in current for nested in _step(kind, part)]
    return [leaf for nested in current for leaf in _unwrapped(nested)]


def keys_at(model: type[BaseModel], place: tuple) -> set[str]:
    """Return the keys that `model` knows at a place."""
    keys: set[str] = set()
    for kind in kinds_at(model, place):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys |= {field.alias or name for name, field in kind.model_fields.items()}
    return keys


def _step(kind: Any, part: Any) -> list[Any]:
    found = _tagged(kind, part)
    for leaf in _unwrapped(kind):
        if get_origin(leaf) in (list, tuple, set) and isinstance(part, int):
            found.append(get_args(leaf)[0])
        elif get_origin(leaf) is list:  # one value where a list of them may stand
            found += _step(get_args(leaf)[0], part)
        elif get_origin(leaf) is dict:
            found.append(get_args(leaf)[1])
        elif leaf is Any and isinstance(part, int):  # one value or a list of values
            found.append(Any)
        elif isinstance(leaf, type) and issubclass(leaf, BaseModel):
            for name, field in leaf.model_fields.items():
                if part in (name, field.alias):
                    found.append(Annotated[field.annotation, *field.metadata, "field"])
    return found


def _tagged(kind: Any, part: Any) -> list[Any]:
    """Members of a tagged union whose tag is `part`."""
    if get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        if any(isinstance(item, Tag) and item.tag == part for item in metadata):
            return [inner]
        return _tagged(inner, part)
    if get_origin(kind) in (Union, UnionType):
        return [leaf for member in get_args(kind) for leaf in _tagged(member, part)]
    return []


def _unwrapped(kind: Any) -> list[Any]:
    """The kinds behind Annotated and unions."""
    if get_origin(kind) is Annotated:
        return _unwrapped(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [leaf for member in get_args(kind) for leaf in _unwrapped(member)]
    return [kind]
