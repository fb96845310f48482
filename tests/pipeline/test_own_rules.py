"""A company's own models, macros and tests: none reads a secret, and a failing test shows its rows.

The spellings here are those that `madang check` does not see; what it sees it refuses.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo_workspace import AS_OF, Ended, copied_project, madang, tables_of

KEY = "not-a-real-key-123"
MODEL = """
{%- set read = builtins['env' ~ '_var'] -%}
select
    'k1' as leak_key,
    '{{ read('MADANG_BRAZE_KEY', 'none') }}' as of_a_model,
    '{{ leaked() }}' as of_a_macro,
    (select regexp_extract(content, 'MADANG_BRAZE_KEY=([^\\0]*)', 1)
        from read_text('/proc/self/environ')) as of_the_process,
    'kim@maru.example' as email
union all
select 'k1', '', '', '', null
union all
select 'k2', '', '', '', null
"""
MACRO = """
{% macro leaked() %}
    {{ return(builtins['env' ~ '_var']('GITHUB_TOKEN', 'none')) }}
{% endmacro %}
"""
YAML = """
version: 2
models:
  - name: leak
    description: One row per key.
    data_tests:
      - one_row_per:
          arguments:
            columns: [leak_key]
            not_null: [leak_key, email]
            one_of: {of_a_macro: [none, "it's"], of_a_model: [none, ""]}
            holds: ["leak_key <> 'k2'", "leak_key <> 'k3'"]
    columns:
      - name: leak_key
        data_tests: [unique]
      - name: email
        data_tests: [not_null]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ended]]:
    root = tmp_path_factory.mktemp("own")
    project = copied_project(root / "project")
    (root / "madang.yml").write_text(
        f"version: 1\nas_of: {AS_OF}\nproject: project\n"
        "destinations:\n  braze: {url: 'http://127.0.0.1:9', key_env: MADANG_BRAZE_KEY}\n"
    )
    (project / "models/marts/customers/leak.sql").write_text(MODEL.lstrip())
    (project / "models/marts/customers/leak.yml").write_text(YAML)
    (project / "macros/leaked.sql").write_text(MACRO)
    secrets = {"MADANG_BRAZE_KEY": KEY, "GITHUB_TOKEN": KEY}
    yield root, madang(root, "build", "--select", "leak", COLUMNS="200", **secrets)


def test_no_file_of_a_build_holds_a_secret(built: tuple[Path, Ended]) -> None:
    root, ended = built
    with tables_of(root) as tables:
        row = tables.row("select * from madang_marts.leak where of_a_model <> ''")
    assert (row["of_a_model"], row["of_a_macro"]) == ("none", "none")
    assert set(row["of_the_process"]) <= {"-"}
    assert KEY not in ended.out + ended.err
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {"manifest.json", "run_results.json", "dbt.log", "warehouse.duckdb"} <= {
        path.name for path in files
    }
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_a_failing_test_shows_how_many_rows_their_keys_and_its_query(
    built: tuple[Path, Ended],
) -> None:
    _, ended = built
    assert ended.code == 1
    told = ended.out + ended.err
    assert "unique_field ****, n_records 2" in told
    assert "leak_key ****" in told, "of a test of one column the row's key, not its empty value"
    broken = "broken email is null; of_a_macro is none of: none, it's"
    assert f"leak_key ****, rows_found 2, {broken}\n" in told, "each rule that is broken, no other"
    assert f"leak_key ****, rows_found 1, {broken}; does not hold: leak_key <> 'k2'\n" in told
    assert told.count("query: ") == 3
    for line in told.splitlines():
        if "query: " in line:
            assert Path(line.split("query: ")[1].strip()).is_file()


def test_personal_data_of_a_failing_row_is_not_shown(built: tuple[Path, Ended]) -> None:
    _, ended = built
    assert "kim@maru.example" not in ended.out + ended.err
