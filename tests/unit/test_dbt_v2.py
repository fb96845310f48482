"""The project stays parseable by dbt v2, which knows custom keys only within `config`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
PROPERTIES = sorted(
    path.relative_to(PROJECT)
    for folder in ("models", "seeds", "snapshots", "tests", "charts")
    for path in (PROJECT / folder).rglob("_*.yml")
)


#: Of a unit test: rows and values, in which Meta is a platform.
DATA = ("given", "expect", "overrides")


def bare_meta(node: Any, path: str = "") -> Iterator[str]:
    """Say where `meta` stands elsewhere than in `config`."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "meta" and not path.endswith(".config"):
                yield path
            elif key not in ("meta", *DATA):
                yield from bare_meta(value, f"{path}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from bare_meta(value, f"{path}[{number}]")


@pytest.mark.parametrize("path", PROPERTIES, ids=str)
def test_own_keys_are_in_config_meta(path: Path) -> None:
    assert list(bare_meta(yaml.safe_load((PROJECT / path).read_text(encoding="utf-8")))) == []


def test_no_model_is_python() -> None:
    assert list((PROJECT / "models").rglob("*.py")) == []
