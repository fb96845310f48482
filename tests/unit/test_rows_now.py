"""dbt compiles once for all syncs of a run, and each query has only what its own model reads."""

from pathlib import Path

import pytest

from madang.build.dbt import DbtResult, Node
from madang.settings.workspace import Settings
from madang.sync import SyncError, now
from madang.sync.spec import SyncSpec


def model(name: str, *reads: str) -> Node:
    sql = "select 1" + "".join(f" from `{read}`" for read in reads)
    ids = frozenset(f"model.{read}" for read in reads)
    return Node(name, "model", "success", 0, "", "", f"model.{name}", sql, "", 0, f"`{name}`", ids)


COMPILED = (
    *(model("rows_b", "contactability"), model("contactability", "said"), model("said")),
    *(model("rows_a", "taken"), model("taken"), model("unread")),
)


def sync(name: str) -> SyncSpec:
    return SyncSpec(name, "braze", "attributes", f"rows_{name}", "external_id")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that dbt gets."""
    commands: list[list[str]] = []

    def run_dbt(_: Settings, args: list[str]) -> DbtResult:
        commands.append(args)
        return DbtResult([node for node in COMPILED if node.name in args or "_" not in node.name])

    monkeypatch.setattr(now, "run_dbt", run_dbt)
    return commands


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        version=1, root=tmp_path, config_path=tmp_path / "madang.yml", project_dir=tmp_path
    )


def test_all_syncs_of_a_run_are_compiled_at_once(compiled, settings) -> None:
    asker = now.RowsNow([sync("a"), sync("b")])
    first, second = asker(settings, sync("a")), asker(settings, sync("b"))
    assert compiled == [
        ["compile", "--select", "tag:at_sending", "rows_a", "rows_b", "--no-write-json"]
    ]
    assert "now_rows_a as (" in first and "now_rows_b" not in first
    assert "now_rows_b as (" in second and "now_rows_a" not in second


def test_a_step_stands_after_what_it_reads_and_nothing_else_is_there(compiled, settings) -> None:
    sql = now.rows_now(settings, sync("b"))
    places = [sql.index(f"now_{name} as (") for name in ("said", "contactability", "rows_b")]
    assert places == sorted(places)
    assert "from now_said" in sql and "unread" not in sql and "`" not in sql


def test_a_sync_that_was_not_named_is_compiled_when_it_comes(compiled, settings) -> None:
    asker = now.RowsNow([sync("a")])
    asker(settings, sync("a"))
    assert "now_rows_b as (" in asker(settings, sync("b"))
    assert len(compiled) == 2


def test_a_model_that_dbt_did_not_compile_is_named(compiled, settings) -> None:
    with pytest.raises(SyncError, match="rows_c was not compiled"):
        now.rows_now(settings, sync("c"))
