"""YAML with line numbers: data as PyYAML reads it, and the line of every key and list item.

Bounded in size and depth, because what a file of a few lines can grow to is not.
"""

import pickle
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from madang.errors import Problem, SpecError

# The same reader in C where PyYAML was built with it: five times as fast.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_BYTES = 8_000_000
MOST_PLACES = 200_000  # keys and list items, each alias counted with all that it stands for
DEEPEST = 60  # pydantic and dbt follow a file as deep as it goes; the reader in C dies of 100,000

JINJA = re.compile(r"\{[{%#]")
#: Text to PyYAML and so to dbt; a number or a truth to other readers of YAML 1.1 and 1.2.
ELSEWHERE = re.compile(r"[yYnN]|0o[0-7]+|[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
KINDS = {"int": "a whole number", "float": "a number", "bool": "a truth", "timestamp": "a date"}
CANNOT = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)


class Lines(dict[tuple, int]):
    """The 1-based line of every key and list item; with what reads otherwise than it is written.

    `retyped` has values, and `keys_retyped` keys, that stand there without quotes and are no text
    to YAML: (as written, what it becomes). `jinja` has (line, text) of what dbt renders.
    """

    def __init__(self) -> None:
        super().__init__()
        self.retyped: dict[tuple, tuple[str, Any]] = {}
        self.keys_retyped: dict[tuple, tuple[str, Any]] = {}
        self.jinja: dict[tuple, tuple[int, str]] = {}


def load_located(path: Path, *, shown_as: str | None = None) -> tuple[Any, Lines]:
    """Read one YAML file.

    Returns (data, lines): `lines[("models", 0, "name")]` is the 1-based line of that key or item.
    An empty file gives (None, {(): 1}). A key that stands twice in one mapping is an error (plain
    YAML would silently keep the last one), and so are syntax errors, tags of other programs, and
    what is larger or deeper than any rule. Raises SpecError with file and line; `shown_as` is the
    file name used there (default: the path itself).
    """
    name = shown_as or str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            message = f"This file is larger than {MOST_BYTES // 1_000_000} MB."
            raise SpecError(message, where=name, fix="Is it a YAML file? Split it if it is.")
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SpecError("This file does not exist.", where=name) from error
    except IsADirectoryError as error:
        raise SpecError("This is a folder, not a YAML file.", where=name) from error
    except OSError as error:
        raise SpecError(f"This file cannot be read: {error.strerror}.", where=name) from error
    except UnicodeDecodeError as error:
        raise SpecError(
            "This file is not UTF-8 text.", where=name, fix="Save it as UTF-8."
        ) from error
    return parse_located(text, shown_as=name)


def parse_located(text: str, *, shown_as: str) -> tuple[Any, Lines]:
    """As `load_located`, for text that is already read."""
    return pickle.loads(_packed(text, shown_as))


@lru_cache(maxsize=512)
def _packed(text: str, shown_as: str) -> bytes:
    """What a text says, packed: a command asks for it up to five times, for objects of its own."""
    return pickle.dumps(_parsed(text, shown_as))


def _parsed(text: str, shown_as: str) -> tuple[Any, Lines]:
    loader = Loader(text)
    try:
        _require_shallow(text, shown_as)
        node = loader.get_single_node()
        if node is None:
            lines = Lines()
            lines[()] = 1
            return None, lines
        walk = _Walk(loader, text.splitlines(), shown_as)
        walk.lines[()] = node.start_mark.line + 1
        walk.follow(node, (), frozenset())
        if walk.problems:
            raise SpecError.of(walk.problems)
        return loader.construct_document(node), walk.lines
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, shown_as) from error
    finally:
        loader.dispose()


def line_of(lines: Lines, place: tuple) -> int:
    """Return the line of the deepest known part of `place`."""
    return lines.get(place_of(lines, place), 0)


def place_of(lines: Lines, place: tuple) -> tuple:
    """Return the deepest known part of `place`.

    Parts of `place` that are no key of the file are skipped, because a validator may put names of
    its own (such as the kind of a rule) between the keys.
    """
    known: list[tuple] = [()]
    for part in place:
        known += [(*path, part) for path in known if (*path, part) in lines]
    return max(reversed(known), key=len)  # of two as deep, what `place` names later


class _Walk:
    """One walk over the nodes of a file: the lines, and what no file may hold."""

    def __init__(self, loader: Any, text: list[str], name: str) -> None:
        self.loader, self.text, self.name = loader, text, name
        self.lines = Lines()
        self.problems: list[Problem] = []

    def follow(self, node: yaml.Node, place: tuple, inside: frozenset[int]) -> None:
        """Note a node that stands at `place`, and all that is below it."""
        if id(node) in inside:  # an alias that contains itself
            where = f"{self.name}:{self.lines[place]}"
            raise SpecError("A YAML alias contains itself.", where=where)
        if len(self.lines) > MOST_PLACES:
            where = f"{self.name}:{self.lines[place]}"
            message = f"With its aliases (*) this file holds more than {MOST_PLACES:,} values."
            raise SpecError(message, where=where, fix="Write out what is meant, without aliases.")
        inside |= {id(node)}
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.lines[(*place, number)] = item.start_mark.line + 1
                self.follow(item, (*place, number), inside)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._entry(key, value, place, inside)
        else:
            self._scalar(node, place, self.lines.retyped)

    def _entry(
        self, key_node: yaml.Node, value: yaml.Node, place: tuple, inside: frozenset[int]
    ) -> None:
        key, line = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key, str) or key_node.tag == "tag:yaml.org,2002:merge":
            return
        here = (*place, key)
        if here in self.lines:
            message = f"The key '{key}' stands twice (first on line {self.lines[here]})."
            fix = "Remove or rename one of the two."
            self.problems.append(Problem(self.name, line, message, fix))
            return
        self.lines[here] = line
        self._scalar(key_node, here, self.lines.keys_retyped)
        self.follow(value, here, inside)

    def _scalar(self, node: yaml.Node, place: tuple, retyped: dict) -> None:
        written = node.value
        if JINJA.search(written):
            self.lines.jinja.setdefault(place, (self._line_of_jinja(node), written))
        if node.tag == "tag:yaml.org,2002:str":
            if not node.style and ELSEWHERE.fullmatch(written):
                retyped[place] = written, written
            return
        try:
            value = self.loader.construct_object(node)
        except CANNOT:
            kind = KINDS.get(node.tag.rpartition(":")[2], "a value")
            message = f"'{_short(written)}' looks like {kind}, and is none."
            fix = "Put it into quotes if it is text, else correct it."
            self.problems.append(Problem(self.name, node.start_mark.line + 1, message, fix))
            return
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            message = f"{_short(written)} is larger than any number that dbt can hold."
            fix = f"Put it into quotes: '{_short(written)}'."
            self.problems.append(Problem(self.name, node.start_mark.line + 1, message, fix))
        if not node.style:
            retyped[place] = written, value

    def _line_of_jinja(self, node: yaml.Node) -> int:
        first, last = node.start_mark.line, node.end_mark.line
        for number in range(first, min(last + 1, len(self.text))):
            if JINJA.search(self.text[number]):
                return number + 1
        return first + 1


def _require_shallow(text: str, name: str) -> None:
    """Raise SpecError for a file that is nested too deep, before anything follows it down."""
    depth = 0
    for event in _events(text):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                where = f"{name}:{event.start_mark.line + 1}"
                message = f"This is nested more than {DEEPEST} levels deep."
                raise SpecError(message, where=where, fix="No rule needs that: write it flatter.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _events(text: str) -> Iterator[yaml.Event]:
    """The file's events until its first mistake, which the reader tells with its place."""
    try:
        yield from yaml.parse(text, Loader=Loader)
    except yaml.YAMLError:
        return


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _syntax_error(error: yaml.YAMLError, text: str, name: str) -> SpecError:
    """Say what is wrong in the words of the reader in Python, which place it better."""
    try:
        yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as better:
        error = better
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    line = mark.line + 1 if mark else 0
    if isinstance(error, yaml.constructor.ConstructorError) and "tag '" in problem:
        tag = problem.split("'")[1]
        message = f"The tag '{_short(tag)}' belongs to another program."
        return SpecError.of([Problem(name, line, message, "Remove it, and write the value.")])
    fix = "Check indentation, quotes and colons on this line and the one before."
    return SpecError.of([Problem(name, line, f"Not valid YAML: {problem}.", fix)])
