"""YAML with line numbers: data as PyYAML reads it, and the line of every key and list item."""

from pathlib import Path
from typing import Any

import yaml

from madang.errors import Problem, SpecError

Lines = dict[tuple, int]

# The same reader in C where PyYAML was built with it: five times as fast.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_located(path: Path, *, shown_as: str | None = None) -> tuple[Any, Lines]:
    """Read one YAML file.

    Returns (data, lines): `lines[("models", 0, "name")]` is the 1-based line of that key or item.
    An empty file gives (None, {(): 1}). A key that stands twice in one mapping is an error (plain
    YAML would silently keep the last one), and so are syntax errors. Raises SpecError with file
    and line; `shown_as` is the file name used there (default: the path itself).
    """
    name = shown_as or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SpecError("This file does not exist.", where=name) from error
    except IsADirectoryError as error:
        raise SpecError("This is a folder, not a YAML file.", where=name) from error
    except UnicodeDecodeError as error:
        raise SpecError(
            "This file is not UTF-8 text.", where=name, fix="Save it as UTF-8."
        ) from error
    return parse_located(text, shown_as=name)


def parse_located(text: str, *, shown_as: str) -> tuple[Any, Lines]:
    """As `load_located`, for text that is already read."""
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {(): 1}
        lines: Lines = {(): node.start_mark.line + 1}
        twice: list[Problem] = []
        _locate(node, (), lines, twice, shown_as, set())
        if twice:
            raise SpecError.of(twice)
        return loader.construct_document(node), lines
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, shown_as) from error
    finally:
        loader.dispose()


def line_of(lines: Lines, place: tuple) -> int:
    """Return the line of the deepest known part of `place`.

    Parts of `place` that are no key of the file are skipped, because a validator may put names of
    its own (such as the kind of a rule) between the keys.
    """
    known: list[tuple] = [()]
    for part in place:
        known += [(*path, part) for path in known if (*path, part) in lines]
    deepest = max(known, key=lambda path: (len(path), path[-1:] == place[-1:]))
    return lines.get(deepest, 0)


def _locate(
    node: yaml.Node,
    place: tuple,
    lines: Lines,
    twice: list[Problem],
    name: str,
    open_nodes: set[int],
) -> None:
    if id(node) in open_nodes:  # an alias that contains itself
        raise SpecError("A YAML alias contains itself.", where=f"{name}:{lines[place]}")
    inside = open_nodes | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[(*place, number)] = item.start_mark.line + 1
            _locate(item, (*place, number), lines, twice, name, inside)
    elif isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key, str) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if (*place, key) in lines:
                first = lines[(*place, key)]
                message = f"The key '{key}' stands twice (first on line {first})."
                twice.append(Problem(name, line, message, "Remove or rename one of the two."))
                continue
            lines[(*place, key)] = line
            _locate(value_node, (*place, key), lines, twice, name, inside)


def _syntax_error(error: yaml.YAMLError, text: str, name: str) -> SpecError:
    """Say what is wrong in the words of the reader in Python, which place it better."""
    try:
        yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as better:
        error = better
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    line = mark.line + 1 if mark else 0
    fix = "Check indentation, quotes and colons on this line and the one before."
    return SpecError.of([Problem(name, line, f"Not valid YAML: {problem}.", fix)])
