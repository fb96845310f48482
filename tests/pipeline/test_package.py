"""A company's own dbt project, made by `madang init`: Madang is a package of it."""

import json
import os
import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from demo_workspace import REPOSITORY, WITHOUT_TESTS, as_a_user, invoked, tables_of
from export_files import write
from madang.build.dbt import BuildError, run_dbt
from madang.demo.ga4 import columns
from madang.init import BLOCK, STARTER
from madang.settings.workspace import load_settings
from madang.specs.check import check_project
from madang.specs.package import INSTALLED, VARIABLE
from raw_events import page

DAY = "20261030"
#: Of the repository, what is part of the package.
FOLDERS = ("models", "macros", "seeds", "snapshots", "decisions", "tests/data", "charts")
FOLDERS += ("examples/maru/models", "examples/maru/decisions")
#: What the company writes into its project.
WRITTEN = {
    "models/activity/_activity__models.yml": """
models:
  - name: own_actions
    description: One row per named action of this company.
    config:
      meta:
        actions:
          - {name: read_menu, event: page_view, page_path: {prefix: /menu}}
          - {name: registered, source: crm, description: Became a member.}
          - {name: earned_points, source: loyalty, description: Points were earned.}
""",
    "models/staging/loyalty/_loyalty__sources.yml": """
sources:
  - name: loyalty
    schema: "{{ var('raw_schema', none) or target.schema ~ '_raw' }}"
    tables:
      - name: points
        identifier: loyalty_points
        config: {meta: {load: {files: ["loyalty/*.csv"], mode: delta, key: [point_id]}}}
        columns:
          - {name: point_id, data_type: string, config: {meta: {type: id, required: true}}}
          - {name: customer_no, data_type: string, config: {meta: {type: id, identifies: crm_id}}}
          - {name: earned_at, data_type: string, config: {meta: {type: timestamp}}}
          - {name: points, data_type: string, config: {meta: {type: amount}}}
""",
    "models/staging/loyalty/stg_loyalty__points.sql": """
select
    point_id,
    customer_no,
    {{ madang.timestamp_from_text('earned_at') }} as earned_at,
    {{ madang.number_from_text('points') }} as points
from {{ source('loyalty', 'points') }}
""",
    "models/staging/loyalty/_loyalty__models.yml": """
models:
  - name: stg_loyalty__points
    description: One row per time that points were earned.
    config:
      meta:
        stream:
          source: loyalty
          key: point_id
          occurred_at: earned_at
          action: earned_points
          object_type: points
          value: {column: points}
          identifiers: {crm_id: customer_no}
    columns:
      - {name: point_id}
      - {name: customer_no}
      - {name: earned_at}
      - {name: points}
    data_tests:
      - madang.one_row_per: {arguments: {columns: [point_id]}}
""",
    "models/marts/audiences/aud_collectors.sql": "{{ madang.audience() }}",
    "models/marts/audiences/_collectors.yml": """
models:
  - name: aud_collectors
    description: One row per person who earned points.
    config:
      meta:
        audience:
          label: Collectors
          within: 30 days
          rule: {did: earned_points}
          consent: {purpose: marketing, channels: [email]}
""",
    "models/marts/journeys/funnel_points.sql": "{{ madang.funnel() }}",
    "models/marts/journeys/_points.yml": """
models:
  - name: funnel_points
    description: One row per step.
    config:
      meta:
        funnel:
          label: Points
          window: 60 days
          steps:
            - {name: registered, action: registered}
            - {name: earned, action: earned_points}
""",
    "seeds/outcome_statuses_added.csv": "word,status,meaning\ntea drunk,visited,won\n",
    "data/inbox/offline/outcomes.csv": (
        "outcome_id,product,status,occurred_at,customer_no\n"
        "V1,test_drive,Tea drunk,2026-10-22T10:00:00+09:00,C1\n"
    ),
    "seeds/bot_browsers.csv": "pattern\nsnoop\n",
    "data/inbox/crm/customers.csv": (
        "customer_no,name,registered_at\nC1,Kim A,2026-10-01\nC2,Kim B,2026-10-02\n"
    ),
    "data/inbox/loyalty/points.csv": (
        "point_id,customer_no,earned_at,points\n"
        "P1,C1,2026-10-20T10:00:00+09:00,5\n"
        "P2,C2,2026-08-20T10:00:00+09:00,7\n"
        "P3,,2026-10-21T10:00:00+09:00,9\n"
    ),
}


def initialised(folder: Path) -> Path:
    made = invoked(REPOSITORY, "init", folder)
    assert made.exit_code == 0, made.output
    return folder


def changed(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def checked(root: Path) -> list[str]:
    return [f"{one.file}: {one.message}" for one in check_project(root).problems]


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with a stream, an action, an audience, a funnel and a list of its own; built."""
    root = initialised(tmp_path_factory.mktemp("company") / "acme")
    for place, text in WRITTEN.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text, encoding="utf-8")
    changed(root / "madang.yml", "version: 1", "version: 1\nas_of: 2026-11-01T12:00:00+09:00")
    main = root / "dbt_project.yml"
    changed(main, "madang_streams: []", "madang_streams: [stg_loyalty__points]")
    changed(main, "madang_lists_added: []", "madang_lists_added: [outcome_statuses]")
    changed(main, "    # outcome_statuses:", "    bot_browsers:")
    events = [
        {
            "event_date": DAY,
            "event_timestamp": 1793322000_000000 + number,
            "event_name": "page_view",
            "event_params": [
                {"key": "ga_session_id", "value": {"int_value": 1793322000}},
                *(
                    {"key": key, "value": {"string_value": value}}
                    for key, value in page("menu/today").items()
                ),
            ],
            "user_pseudo_id": "1.1",
            "stream_id": "7",
            "platform": "WEB",
        }
        for number in range(2)
    ]
    (root / "data/ga4").mkdir(exist_ok=True)
    write(events, root / "data/ga4" / f"events_{DAY}.parquet", columns())
    loaded = invoked(root, "load")
    assert loaded.exit_code == 0, loaded.output
    with as_a_user():
        settings = load_settings(root)
        first = ["build", "--threads", "4", "--select", "+activities"]
        run_dbt(settings, [*first, *WITHOUT_TESTS])  # into an empty warehouse
        rest = ["+aud_collectors", "+funnel_points", "own_actions", "bot_browsers"]
        run_dbt(settings, ["build", "--select", *rest, *WITHOUT_TESTS])
    return root


def test_what_a_company_brings_is_in_the_stream_and_its_rules_hold(acme: Path):
    with tables_of(acme / "data") as tables:
        stream = tables.rows(
            "select source, action, value, person_id is not null from madang_activity.activities "
            "where action in ('earned_points', 'read_menu', 'visited') order by 1, 2, 3"
        )
        collectors = tables.rows(
            "select crm_id from madang_marts.aud_collectors as members join "
            "(select person_id, identifier_value as crm_id from madang_identity.person_identifiers "
            "where identifier_type = 'crm_id') as numbers using (person_id)"
        )
        funnel = tables.rows(
            "select step, subjects from madang_marts.funnel_points order by step_number"
        )
        patterns = tables.rows("select pattern from madang_reference.bot_browsers")
    assert stream == [
        ("ga4", "read_menu", None, False),
        ("ga4", "read_menu", None, False),
        ("loyalty", "earned_points", 5.0, True),
        ("loyalty", "earned_points", 7.0, True),
        ("loyalty", "earned_points", 9.0, False),
        ("offline", "visited", None, True),
    ]
    assert collectors == [("C1",)]
    assert funnel == [("registered", 2), ("earned", 1)]
    assert patterns == [("snoop",)]


def test_the_data_tests_of_the_package_and_of_the_company_run(acme: Path):
    with as_a_user():
        chosen = ["stg_ga4__events", "stg_loyalty__points"]
        ended = run_dbt(load_settings(acme), ["test", "--select", *chosen])
    assert {node.status for node in ended.nodes} <= {"pass", "success"}
    assert any("stg_loyalty__points" in node.name for node in ended.nodes)
    assert any("stg_ga4__events" in node.name for node in ended.nodes)


def test_a_build_beside_the_real_one_reads_what_landed_and_writes_none_of_it(acme: Path):
    real = load_settings(acme)
    beside = real.model_copy(
        update={"warehouse": real.warehouse.model_copy(update={"schema_": "dev"})}
    )
    schemas = {"raw_schema": "madang_raw", "ledger_schema": "madang_ledger"}
    with as_a_user():
        run_dbt(beside, ["run", "--select", "stg_loyalty__points"], variables=schemas)
    with tables_of(acme / "data") as tables:
        assert tables.value("select count(*) from dev_staging.stg_loyalty__points") == 3
        there = tables.rows("select distinct table_schema from information_schema.tables")
        builds = "select count(*) from madang_ledger.builds where command like '%run%'"
        assert tables.value(builds) == 0
    assert ("dev_raw",) not in there


def test_the_check_knows_the_rules_of_both(acme: Path):
    found = check_project(acme)
    assert found.problems == []
    assert {"earned_points", "read_menu", "ordered"} <= {*found.actions}
    assert found.actions["registered"].description == "Became a member."
    assert {"collectors", "recent_buyers"} <= {*found.audiences}
    (note,) = found.notes
    assert note.startswith("seeds/bot_browsers.csv takes the place of Madang's list and lacks ")
    assert "headless" in note


@pytest.fixture
def copy(acme: Path, tmp_path: Path) -> Path:
    """Its project without data, which still reads the package."""
    ignored = shutil.ignore_patterns("data", "logs")
    return shutil.copytree(acme, tmp_path / "acme", symlinks=True, ignore=ignored)


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        (
            "dbt_project.yml",
            "madang_streams: [stg_loyalty__points]",
            "madang_streams: [stg_loyalty__point]",
            "dbt_project.yml: madang_streams: the model 'stg_loyalty__point' has no",
        ),
        (
            "models/staging/loyalty/_loyalty__models.yml",
            "occurred_at: earned_at",
            "occurred_at: earnt_at",
            "models/staging/loyalty/_loyalty__models.yml: 'stg_loyalty__points' declares no",
        ),
        (
            "dbt_project.yml",
            "    bot_browsers: {+enabled: false}",
            "    # nothing",
            "seeds/bot_browsers.csv: The list 'bot_browsers' is Madang's, too",
        ),
        (
            "seeds/outcome_statuses_added.csv",
            "word,status,meaning",
            "word,meaning,status",
            "seeds/outcome_statuses_added.csv: The columns of 'outcome_statuses_added' must be",
        ),
        (
            "dbt_project.yml",
            "madang_lists_added: [outcome_statuses]",
            "madang_lists_added: []",
            "seeds/outcome_statuses_added.csv: The rows of 'outcome_statuses_added' are read by",
        ),
        (
            "dbt_project.yml",
            "search_order: [acme, madang, dbt]",
            "search_order: [acme, dbt]",
            "dbt_project.yml: dispatch: dbt would pass over Madang's macros",
        ),
        (
            "models/marts/audiences/_collectors.yml",
            "did: earned_points",
            "did: earned_point",
            "models/marts/audiences/_collectors.yml: Unknown action 'earned_point'. Did you mean",
        ),
    ],
)
def test_what_does_not_hold_together_is_told_with_its_place(
    copy: Path, file: str, before: str, after: str, told: str
):
    changed(copy / file, before, after)
    assert any(one.startswith(told) for one in checked(copy)), checked(copy)


def test_without_the_block_that_init_writes_a_run_of_dbt_says_so(acme: Path, copy: Path):
    (copy / "data").mkdir()
    changed(copy / "dbt_project.yml", "search_order: [acme, madang, dbt]", "search_order: [dbt]")
    with as_a_user(), pytest.raises(BuildError, match="'madang init' writes the block"):
        run_dbt(load_settings(copy), ["seed", "--select", "fx_rates"])


def test_an_edited_rule_selects_what_it_changes(acme: Path, copy: Path):
    with as_a_user():
        run_dbt(load_settings(copy), ["parse"])
        state = shutil.copytree(copy / "target", copy / "state")

        def selected(*how: str) -> set[str]:
            from dbt.cli.main import dbtRunner

            run = ["list", "--quiet", "--resource-type", "model", "--output", "name", *how]
            places = ["--project-dir", str(copy), "--profiles-dir", str(copy)]
            listed = dbtRunner().invoke([*run, "--state", str(state), *places]).result
            return set(listed or ())

        assert selected("--select", "state:modified+") == set()
        changed(copy / "models/activity/_activity__models.yml", "prefix: /menu", "prefix: /food")
        modified = selected("--select", "state:modified+")
        assert {"actions", "activities", "audience_members", "aud_collectors"} <= modified
        assert "stg_ga4__events" not in modified
        edited = selected("--selector", "edited")
    assert {"audience_candidates", "audience_members", "funnel_entries", "customers"} <= edited
    assert "stg_ga4__events" not in edited


def test_what_evaluates_rules_of_later_models_has_the_tag_by_which_edits_select_it(acme: Path):
    manifest = json.loads((acme / "target/manifest.json").read_text(encoding="utf-8"))
    rules = ("audience_specs", "funnel_specs", "sync_rule", "upload_rules")
    of_rules = {f"macro.madang.{name}" for name in rules}

    def reached(macros: list[str], seen: set[str]) -> set[str]:
        for name in macros:
            if name not in seen and name in manifest["macros"]:
                seen.add(name)
                reached(manifest["macros"][name]["depends_on"]["macros"], seen)
        return seen

    evaluating = {
        node["name"]: node["tags"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and reached(node["depends_on"]["macros"], set()) & of_rules
    }
    assert {"audience_candidates", "conversion_uploads", "funnel_entries"} <= {*evaluating}
    assert [name for name, tags in evaluating.items() if "rules" not in tags] == []


def test_a_project_of_an_earlier_version_is_upgraded_by_init(copy: Path, tmp_path: Path):
    earlier = tmp_path / "earlier"
    for name in ("models", "macros", "seeds", "snapshots", "decisions"):
        shutil.copytree(REPOSITORY / name, earlier / name)
    text = (REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8")
    (earlier / "dbt_project.yml").write_text(
        re.sub(r"(?m)^version: .*$", 'version: "0.0.9"', text), encoding="utf-8"
    )
    (copy / INSTALLED).unlink()
    (copy / INSTALLED).symlink_to(earlier)
    changed(copy / "dbt_project.yml", "indirect_selection: buildable", "indirect_selection: eager")
    (copy / "selectors.yml").write_text("selectors: []\n", encoding="utf-8")
    assert any("of Madang is version 0.0.9, the command is" in one for one in checked(copy))
    told = invoked(REPOSITORY, "init", copy).output
    assert {*re.findall(r"anew +\S+/(\S+)", told)} == {"dbt_project.yml", "selectors.yml"}
    main = (copy / "dbt_project.yml").read_text(encoding="utf-8")
    assert "indirect_selection: buildable" in main
    assert "madang_streams: [stg_loyalty__points]" in main
    assert "hourly" in (copy / "selectors.yml").read_text(encoding="utf-8")
    assert (copy / INSTALLED).resolve() == REPOSITORY
    assert checked(copy) == []


@pytest.mark.parametrize("example", ["maru", "gmerch"])
def test_an_example_is_sound_and_has_what_init_writes(example: str):
    folder = REPOSITORY / "examples" / example
    assert checked(folder) == []
    for name in ("packages.yml", "selectors.yml"):
        assert (folder / name).read_text() == (STARTER / name).read_text()
    ours, theirs = (
        BLOCK.search((place / "dbt_project.yml").read_text()) for place in (folder, STARTER)
    )
    assert ours[0] == theirs[0].replace("__name__", example)


def test_packages_yml_names_no_place_of_this_machine(acme: Path):
    assert str(REPOSITORY) not in (acme / "packages.yml").read_text(encoding="utf-8")
    assert VARIABLE in (acme / "packages.yml").read_text(encoding="utf-8")
    ignored = (acme / ".gitignore").read_text(encoding="utf-8").split()
    assert {"package-lock.yml", "dbt_packages/", "/data/"} <= {*ignored}


def test_the_command_and_its_dbt_project_have_one_version():
    project = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))
    package = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["version"] == package["project"]["version"]
    assert invoked(REPOSITORY, "--version").output.split() == ["madang", project["version"]]


def test_the_wheel_carries_the_dbt_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from hatchling.build import build_wheel

    monkeypatch.chdir(REPOSITORY)
    with zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path))) as wheel:
        there = {*wheel.namelist()}
    wanted = {"dbt_project.yml", "profiles.yml.example", "examples/maru/dbt_project.yml"}
    for folder in FOLDERS:
        for place, _, names in os.walk(REPOSITORY / folder):
            wanted |= {(Path(place) / name).relative_to(REPOSITORY).as_posix() for name in names}
    assert {name for name in wanted if f"madang/package/{name}" not in there} == set()
    assert "madang/starter/selectors.yml" in there
