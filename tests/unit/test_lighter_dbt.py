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
