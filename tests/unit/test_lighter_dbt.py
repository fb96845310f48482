"""dbt is made lighter where its code is the one that is known, and says the same as before."""

import gc
import inspect
import sys
from importlib import import_module
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from dbt.clients.jinja import MacroGenerator, MacroStack, get_rendered
from dbt.context.base import Var
from dbt.context.macros import MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt.context.target import TargetContext
from dbt.events import core_types_pb2
from dbt.node_types import NodeType
from google.protobuf import json_format

from madang.build import lighter_dbt
from madang.build.lighter_dbt import CHANGES, Made


def test_each_change_is_made_in_the_dbt_of_the_lock():
    lighter_dbt.lighten()
    changed = {
        "dbt.context.base": ["Var.get_rendered_var"],
        "dbt_common.clients.jinja": ["MacroFuzzEnvironment.compile"],
        "dbt.context.manifest": ["ManifestContext.to_dict", "ManifestContext._build_namespace"],
    }
    for name, functions in changed.items():
        for function in functions:
            kind, method = function.split(".")
            found = getattr(getattr(import_module(name), kind), method)
            assert found.__module__ == lighter_dbt.__name__, (
                f"{function} of this dbt is not known: read what changed there, and note its digest"
            )
    assert import_module("dbt_common.exceptions.base").os is not sys.modules["os"]
    for name, function in (
        ("dbt_common.events.base_types", "ParseDict"),
        ("dbt_common.clients.agate_helper", "build_type_tester"),
    ):
        assert getattr(import_module(name), function).__module__ == lighter_dbt.__name__, function


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_other_code_is_left_as_it_is(name, change, monkeypatch):
    module = import_module(name)
    monkeypatch.setattr(lighter_dbt, "KNOWN", {})
    untouched = SimpleNamespace(
        **{key: value for key, value in vars(module).items() if key != "changed_by_madang"}
    )
    before = {
        (key, method): getattr(value, method)
        for key, value in vars(untouched).items()
        if inspect.isclass(value)
        for method in ("compile", "to_dict", "get_rendered_var", "new_context")
        if hasattr(value, method)
    }
    names = dict(vars(untouched))
    change(untouched)
    assert all(getattr(untouched, name) is value for name, value in names.items())
    assert all(
        getattr(getattr(untouched, key), method) is it for (key, method), it in before.items()
    )


def test_names_that_wait_are_there_like_others():
    made = []

    def make(macro: str) -> str:
        made.append(macro)
        return macro.upper()

    names = Made({"a": "one", "b": "two"}, make)
    names["c"] = "its own"
    assert "a" in names and names["a"] == "ONE" and names.get("b") == "TWO"
    assert (names.get("d", "none"), "d" in names) == ("none", False)
    with pytest.raises(KeyError):
        names["d"]
    assert made == ["one", "two"], "each once, when it is asked for"
    assert dict(names) == {"a": "ONE", "b": "TWO", "c": "its own"}
    assert {**Made({"a": "one"}, make)} == {"a": "ONE"}
    assert sorted(Made({"b": "two"}, make)) == ["b"] and len(Made({"b": "two"}, make)) == 1
    assert Made({"a": "one"}, make).copy() == {"a": "ONE"} and not Made({}, make)


class _Small(ManifestContext):
    """A context of a few macros, of a node in one package of a project."""

    def __init__(self, search_package: str) -> None:
        TargetContext.__init__(self, {"name": "dev"}, {})
        self.config, self._project_name = MagicMock(project_name="company"), "company"
        self.search_package, self.macro_stack = search_package, MacroStack()
        self.manifest = SimpleNamespace(get_macros_by_package=lambda: MACROS)

    def _get_namespace_builder(self) -> MacroNamespaceBuilder:
        internal = ["duckdb", "dbt"]
        return MacroNamespaceBuilder("company", self.search_package, self.macro_stack, internal)


#: A macro that all packages have, one with the name of a package and one with a name of dbt's own.
MACROS = {
    package: {
        name: SimpleNamespace(unique_id=f"{package}.{name}", name=name, package_name=package)
        for name in ("everywhere", *names)
    }
    for package, names in {
        "company": ("own", "madang", "var"),
        "madang": ("tojson", "list_of"),
        "other": ("others",),
        "dbt": ("statement", "other", "only_dbt"),
        "duckdb": ("statement", "duckdb__list"),
    }.items()
}


def told(value: object) -> object:
    """What a name means: the macro, the macros of a package, or a thing of dbt's own."""
    if isinstance(value, MacroGenerator):
        return value.macro.unique_id
    if isinstance(value, dict) and value and set(value) <= {n for p in MACROS.values() for n in p}:
        return {name: told(one) for name, one in value.items()}
    return "dict" if isinstance(value, dict) else type(value).__name__


@pytest.mark.parametrize("package", ["company", "madang", "other", "dbt"])
def test_every_name_means_the_macro_that_dbt_itself_would_call(package):
    lighter_dbt.lighten()
    built, named = (
        inspect.getclosurevars(changed).nonlocals
        for changed in (ManifestContext._build_namespace, ManifestContext.to_dict)
    )
    as_dbt, lighter = _Small(package), _Small(package)
    as_dbt.namespace, lighter.namespace = built["build"](as_dbt), lighter._build_namespace()
    names, light = named["with_names"](as_dbt), lighter.to_dict()
    assert type(names) is dict and type(light) is Made
    one_by_one = {name: told(light[name]) for name in names}
    assert one_by_one == {name: told(value) for name, value in names.items()}
    assert light.keys() == names.keys()
    for of in (None, "dbt", "company", "madang", "other"):
        for name in {name for macros in MACROS.values() for name in macros}:
            there, here = (one.namespace.get_from_package(of, name) for one in (as_dbt, lighter))
            assert told(here) == told(there), (of, name)


def test_a_template_is_kept_by_its_kind_and_a_text_with_one_is_rendered():
    lighter_dbt.lighten()
    for _ in range(2):
        assert get_rendered("{{ listed }}", {"listed": [1, 2]}, native=True) == [1, 2]
        assert get_rendered("{{ listed }}", {"listed": [1, 2]}) == "[1, 2]"
    told = {"plain": "a\n", "sum": "{{ 1 + 1 }}", "number": 3, "note": "a{# b #}"}
    var = Var({}, told)
    assert [var(name) for name in told] == ["a\n", "2", 3, "a"]


NODE = {"node_name": "orders", "materialized": None, "node_relation": {"schema": "madang"}}
EVENTS = [
    (core_types_pb2.NodeStart, {"node_info": NODE}),
    (core_types_pb2.NodeStart, {"node_info": {**NODE, "meta": {"a": [1, None, {"b": True}]}}}),
    (core_types_pb2.NodeStart, {"node_info": {"node_name": NodeType.Model, "meta": {}}}),
    (core_types_pb2.NodeStart, {}),
    (core_types_pb2.NodeStart, {"node_info": None}),
    (core_types_pb2.LogTestResult, {"index": 3, "execution_time": 0.25, "name": "한글"}),
    (core_types_pb2.LogTestResult, {"index": 3.0, "execution_time": 1, "num_failures": "7"}),
    (core_types_pb2.LogTestResult, {"numModels": 7, "group": None}),
    (core_types_pb2.RunResultMsg, {"state_decision_id": "", "timing_info": [{"name": "compile"}]}),
    (core_types_pb2.NodeStartMsg, {"info": {"ts": "2026-11-01T03:00:00.000123Z", "pid": 7}}),
    (core_types_pb2.NodeStartMsg, {"info": {"ts": "2026-11-01T03:00:00+09:00"}}),
    (core_types_pb2.NodeStartMsg, {"info": {"extra": {"by": "cron"}, "level": "info"}}),
    (core_types_pb2.NodeStartMsg, {"info": {"extra": {}}}),
]
NO_EVENTS = [
    (core_types_pb2.LogTestResult, {"name": "half", "unknown": 1}),
    (core_types_pb2.LogTestResult, {"name": 3}),
    (core_types_pb2.LogTestResult, {"index": True}),
    (core_types_pb2.LogTestResult, {"index": 2**40}),
    (core_types_pb2.LogTestResult, {"execution_time": float("nan")}),
    (core_types_pb2.LogTestResult, {"execution_time": 1e300}),
    (core_types_pb2.LogTestResult, {"name": "\ud800"}),
    (core_types_pb2.NodeStart, {"node_info": {**NODE, "meta": {"a": object()}}}),
    (core_types_pb2.NodeStartMsg, {"info": {"ts": "yesterday"}}),
]


@pytest.mark.parametrize(("kind", "values"), EVENTS)
def test_an_event_is_the_message_that_protobuf_reads(kind, values):
    lighter_dbt.lighten()
    filled = import_module("dbt_common.events.base_types").ParseDict(values, kind())
    read = json_format.ParseDict(values, kind())
    assert filled == read
    assert filled.SerializeToString(deterministic=True) == read.SerializeToString(
        deterministic=True
    )


@pytest.mark.parametrize(("kind", "values"), NO_EVENTS)
def test_what_is_no_event_is_refused_with_the_words_of_protobuf(kind, values):
    lighter_dbt.lighten()
    told = []
    for read in (json_format.ParseDict, import_module("dbt_common.events.base_types").ParseDict):
        with pytest.raises(json_format.Error) as refused:
            read(values, kind())
        told.append((type(refused.value), str(refused.value)))
    assert told[0] == told[1]


def test_columns_have_the_types_that_dbt_finds():
    lighter_dbt.lighten()
    tables = import_module("dbt_common.clients.agate_helper")
    (build,) = (
        value
        for name, value in inspect.getclosurevars(tables.build_type_tester).nonlocals.items()
        if name == "build"
    )
    names = ["number", "text", "day", "moment", "empty"]
    rows = [["1", "007", "2026-11-01", "2026-11-01 12:00:00", "null"], ["2.5", "null", "", "", ""]]
    for texts, empty in ((["text"], ("null", "")), (["text", "day"], ()), ([], ())):
        found, wanted = (
            [
                (type(one), one.null_values)
                for one in tester(texts, string_null_values=empty).run(rows, names)
            ]
            for tester in (tables.build_type_tester, build)
        )
        assert found == wanted


def test_secrets_of_now_are_found_also_beside_a_name_that_is_no_text(monkeypatch):
    lighter_dbt.lighten()
    errors = import_module("dbt_common.exceptions.base")
    monkeypatch.setenv("DBT_ENV_SECRET_LATE", "hush")
    monkeypatch.setenv("DBT_ENV_SECRET_BLANK", " ")
    monkeypatch.setenv("DBT_ENV_SECRET_\udcff", "odd")
    assert sorted(errors.env_secrets()) == ["hush", "odd"]
    assert errors.scrub_secrets("say hush", errors.env_secrets()) == "say *****"
    monkeypatch.delenv("DBT_ENV_SECRET_LATE")
    assert errors.env_secrets() == ["odd"]


def test_how_python_collects_is_as_before_afterwards():
    before = gc.get_threshold()
    gc.set_threshold(1234, 5, 6)
    try:
        with pytest.raises(ValueError, match="stop"), lighter_dbt.collected_seldom():
            assert gc.get_threshold() != (1234, 5, 6) and gc.get_freeze_count()
            raise ValueError("stop")
        assert (gc.get_threshold(), gc.get_freeze_count()) == ((1234, 5, 6), 0)
    finally:
        gc.set_threshold(*before)
