"""What dbt works out again for each node, worked out once, with equal results.

Of the processor's time of a first build of 900 nodes 21 % went into naming all macros in the
context of each node, twice a node, of which it calls a few; 12 % into compiling templates, many for
the second time; 6 % into looking through all variables of the environment for secrets, at each line
of the log and each macro that is not found. Of a later build of 770 nodes 9 % went into reading
what dbt says of each step into messages, and 4 % into making parsers of dates for each answer of
the warehouse. Here a macro is made when it is called, a template's code is kept for its text, the
variables' names are compared in bytes, fields of messages are set as they are, and a thread keeps
its parsers.

Each change takes the place of code that it knows to the letter: where dbt has other code, dbt is
left as it is.
"""

import gc
import hashlib
import inspect
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

#: The code of dbt that is changed, and the beginning of its SHA-256 (dbt-core 1.11.16).
KNOWN = {
    "BaseEvent.__init__": "19e8dedf2843",
    "msg_from_base_event": "e70ceb670833",
    "build_type_tester": "a743694b0fde",
    "env_secrets": "f12f1ba7db3c",
    "Environment.compile": "634cba867b25",
    "MacroFuzzTemplate": "b954e2322fc2",
    "NativeSandboxTemplate": "969a05784b87",
    "Var.get_rendered_var": "07b60acc7c4f",
    "ManifestContext": "06c2430cd5fb",
    "MacroNamespace": "2f1043ea8b9a",
    "MacroNamespaceBuilder": "176417cd59b2",
}
#: What dbt takes for a template.
TEMPLATE = re.compile(r"([{][{%#]|[#}%][}])")


def lighten() -> None:
    """Change dbt in this process; once is enough."""
    for name, change in CHANGES:
        change(import_module(name))


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Let Python look for cycles seldom, and never among what is there already.

    The project that dbt has parsed is millions of objects, all of which stay until the end.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 10, 5)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def is_known(code: Any) -> bool:
    """Say whether dbt's code is that which the change was made for."""
    try:
        text = inspect.getsource(code)
    except (OSError, TypeError):
        return False
    return hashlib.sha256(text.encode()).hexdigest().startswith(KNOWN.get(code.__qualname__, "-"))


def once(change: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    """Let a module be changed once, however often it is asked for."""

    def change_once(module: ModuleType) -> None:
        changed = vars(module).setdefault("changed_by_madang", set())
        if change.__name__ not in changed:
            changed.add(change.__name__)
            change(module)

    return change_once


class _Secrets:
    """The environment, of which only the secrets are decoded."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()

    def items(self) -> list[tuple[str, str]]:
        all_names = list(os.environ._data)  # at once: another thread may set one meanwhile
        names = [os.fsdecode(name) for name in all_names if name.startswith(self._prefix)]
        return [(name, os.environ[name]) for name in names]


@once
def secrets_by_name(errors: ModuleType) -> None:
    """For dbt_common.exceptions.base."""
    if hasattr(os.environ, "_data") and is_known(errors.env_secrets):
        errors.os = SimpleNamespace(environ=_Secrets(errors.SECRET_ENV_PREFIX))


@once
def compiled_once(jinja: ModuleType) -> None:
    """For dbt_common.clients.jinja: what a template compiles to hangs on its text and its kind."""
    kind = jinja.MacroFuzzEnvironment
    changed = (kind.compile, jinja.NativeSandboxTemplate, jinja.MacroFuzzTemplate)
    if not all(map(is_known, changed)):
        return
    compile_anew = kind.compile
    known: dict[tuple[type, str], CodeType] = {}

    def compile_once(self: Any, source: Any, *names: Any, **options: Any) -> Any:
        if not isinstance(source, str) or any(names) or any(options.values()):
            return compile_anew(self, source, *names, **options)
        key = (type(self), source)
        if key not in known:
            known[key] = compile_anew(self, source)
        return known[key]

    kind.compile = compile_once
    # it reads the names and changes none, so it needs no copy of all of them
    jinja.NativeSandboxTemplate.new_context = jinja.MacroFuzzTemplate.new_context


@once
def texts_as_they_are(contexts: ModuleType) -> None:
    """For dbt.context.base: a variable without a template in it needs no context."""
    kind = contexts.Var
    if not is_known(kind.get_rendered_var):
        return
    render = kind.get_rendered_var

    def get_rendered_var(self: Any, name: str) -> Any:
        raw = self._merged[name]
        is_plain = not isinstance(raw, str) or not TEMPLATE.search(raw)
        return raw if is_plain else render(self, name)

    kind.get_rendered_var = get_rendered_var


class Made(dict):
    """Names that are there, and names of macros that are made when they are asked for."""

    def __init__(self, waiting: dict[str, Any], make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.waiting, self._make = waiting, make

    def __missing__(self, name: str) -> Any:
        value = self[name] = self._make(self.waiting[name])
        return value

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.waiting

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __bool__(self) -> bool:
        return bool(self.waiting) or super().__len__() > 0

    def _all(self) -> dict[str, Any]:
        waiting, self.waiting = self.waiting, {}
        for name, one in waiting.items():
            if not super().__contains__(name):
                self[name] = self._make(one)
        return self

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self._all())

    def __len__(self) -> int:
        return dict.__len__(self._all())

    def keys(self) -> Any:
        return dict.keys(self._all())

    def values(self) -> Any:
        return dict.values(self._all())

    def items(self) -> Any:
        return dict.items(self._all())

    def copy(self) -> dict[str, Any]:
        return dict.copy(self._all())

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self._all(), other)

    __hash__ = None  # type: ignore[assignment]

    def __delitem__(self, name: str) -> None:
        dict.__delitem__(self._all(), name)

    def pop(self, *args: Any) -> Any:
        return dict.pop(self._all(), *args)

    def setdefault(self, *args: Any) -> Any:
        return dict.setdefault(self._all(), *args)


@once
def macros_as_called(contexts: ModuleType) -> None:
    """For dbt.context.manifest."""
    context, space, builder = (
        contexts.ManifestContext,
        contexts.MacroNamespace,
        contexts.MacroNamespaceBuilder,
    )
    if not all(map(is_known, (context, space, builder))):
        return
    with_names, build = context.to_dict, context._build_namespace

    def build_namespace(self: Any) -> Any:
        one = self._get_namespace_builder()
        if type(one) is not builder or type(self._ctx) is not dict or self._ctx:
            return build(self)
        from dbt.clients.jinja import MacroGenerator

        made: dict[str, Any] = {}

        def make(macro: Any) -> Any:
            if macro.unique_id not in made:
                made[macro.unique_id] = MacroGenerator(macro, ctx, one.node, one.thread_ctx)
            return made[macro.unique_id]

        ctx = self._ctx = Made({}, make)
        packages = self.manifest.get_macros_by_package()
        internal: dict[str, Any] = {}
        for name in reversed(one.internal_package_names_order):
            internal |= packages.get(name, {})
        own = {
            name: Made(macros, make)
            for name, macros in packages.items()
            if name not in one.internal_package_names
        }
        nothing = Made({}, make)
        # a project without macros is asked for them at each call: an empty list costs no error
        for name in (one.root_package, one.search_package):
            own.setdefault(name, nothing)
        local, root = packages.get(one.search_package, {}), packages.get(one.root_package, {})
        if one.search_package in one.internal_package_names:
            local = {}
        if one.root_package == one.search_package:
            root = {}
        return space(Made(root, make), Made(local, make), Made(internal, make), own)

    def to_dict(self: Any) -> dict[str, Any]:
        if not isinstance(self._ctx, Made) or not isinstance(self.namespace, space):
            return with_names(self)
        found = super(context, self).to_dict()
        names = self.namespace
        first = {**names.global_namespace.waiting, **names.local_namespace.waiting}
        waiting = {**names.global_project_namespace.waiting, **first}
        for name in waiting.keys() & dict.keys(found):
            dict.__delitem__(found, name)
        for name, macros in {**names.packages, "dbt": names.global_project_namespace}.items():
            if macros and name not in first:
                found[name] = macros
        found.waiting = waiting
        return found

    context._build_namespace, context.to_dict = build_namespace, to_dict


#: What a field of a message takes as it is, by protobuf's number of its type.
AS_THEY_ARE = {1: float, 2: float, 3: int, 4: int, 5: int, 8: bool, 9: str, 13: int}
TEXT, MESSAGE, LARGE = 9, 11, 1e38
#: The one form of a moment that dbt writes.
WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
Reader = Callable[[Any, Any], Any]


class _OtherwiseError(Exception):
    """A value that is no plain one of its field's type: protobuf's own reader is to be asked."""


def _fill(message: Any, values: Any, read: Reader) -> None:
    """Set the fields of a message that have plain values of their types, those inside it too."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        field = fields.get(name)
        if field is None or field.containing_oneof is not None:
            raise _OtherwiseError
        kind = AS_THEY_ARE.get(field.type)
        if field.is_repeated:
            _fill_many(getattr(message, name), field, value)
        elif field.type == MESSAGE:
            _fill_inner(getattr(message, name), value, read)
        elif kind is None or (type(value) is float and not abs(value) < LARGE):
            raise _OtherwiseError
        elif type(value) is kind or (kind is str and isinstance(value, str)):
            setattr(message, name, value)
        elif value is not None:
            raise _OtherwiseError


def _fill_inner(inner: Any, value: Any, read: Reader) -> None:
    name = inner.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        if type(value) is not str or not WRITTEN.fullmatch(value):
            raise _OtherwiseError
        inner.FromDatetime(datetime.fromisoformat(value[:-1]))
    elif type(value) is not dict:
        raise _OtherwiseError
    else:
        inner.SetInParent()
        if name.startswith("google."):
            read(value, inner)
        else:
            _fill(inner, value, read)


def _fill_many(inner: Any, field: Any, value: Any) -> None:
    """Set a list of texts, or texts by name."""
    if field.type == TEXT and type(value) is list and all(type(one) is str for one in value):
        inner.extend(value)
        return
    if field.type != MESSAGE or not field.message_type.GetOptions().map_entry:
        raise _OtherwiseError
    are_texts = field.message_type.fields_by_name["value"].type == TEXT and type(value) is dict
    if not are_texts or not all(type(one) is str for pair in value.items() for one in pair):
        raise _OtherwiseError
    inner.update(value)


@once
def messages_as_they_are(events: ModuleType) -> None:
    """For dbt_common.events.base_types: most of what an event holds is a text or a number."""
    if not all(map(is_known, (events.BaseEvent.__init__, events.msg_from_base_event))):
        return
    read, own = events.ParseDict, inspect.getmodule(events.ParseDict)

    def fill(values: dict[str, Any], message: Any) -> Any:
        try:
            _fill(message, values, read)
        except (_OtherwiseError, own.Error, AttributeError, TypeError, ValueError):
            message.Clear()
            return read(values, message)
        return message

    events.ParseDict = fill


@once
def parsers_kept(tables: ModuleType) -> None:
    """For dbt_common.clients.agate_helper: of what type a column is, asked of the same types."""
    build = tables.build_type_tester
    if not is_known(build):
        return
    kept = threading.local()  # a parser of dates has a state of its own while it parses

    def build_type_tester(
        text_columns: Iterable[str], string_null_values: Iterable[str] = ("null", "")
    ) -> Any:
        empty = tuple(string_null_values)
        known = vars(kept).setdefault("testers", {})
        if empty not in known:
            known[empty] = build(("",), empty)
        types, text = known[empty]._possible_types, known[empty]._force[""]
        return tables.agate.TypeTester(force=dict.fromkeys(text_columns, text), types=types)

    tables.build_type_tester = build_type_tester


CHANGES = (
    ("dbt_common.events.base_types", messages_as_they_are),
    ("dbt_common.clients.agate_helper", parsers_kept),
    ("dbt.context.base", texts_as_they_are),
    ("dbt_common.exceptions.base", secrets_by_name),
    ("dbt_common.clients.jinja", compiled_once),
    ("dbt.context.manifest", macros_as_called),
)
