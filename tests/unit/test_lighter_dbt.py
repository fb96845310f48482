"""dbt is made lighter where its code is the one that is known, and says the same as before."""

import inspect
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

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
    change(untouched)
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
