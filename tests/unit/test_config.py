"""madang.yml: what it means, and how a mistake in it is told."""

import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from madang.build.dbt_environment import run_vars
from madang.errors import ConfigError
from madang.settings.workspace import find_config, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]


def workspace(folder: Path, text: str) -> Path:
    path = folder / "madang.yml"
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as caught:
        load_settings(workspace(folder, text))
    assert caught.value.exit_code == 2
    return [(problem.line, problem.message) for problem in caught.value.problems]


def test_a_minimal_file_gets_the_documented_defaults(tmp_path: Path) -> None:
    settings = load_settings(workspace(tmp_path, "version: 1"))
    assert (settings.timezone, settings.currency, settings.as_of) == ("Asia/Seoul", "KRW", None)
    assert settings.paths.inbox == tmp_path / "inbox"
    assert settings.paths.journal == tmp_path / "journal.sqlite"
    assert settings.warehouse.path == tmp_path / "warehouse.duckdb"
    assert (settings.warehouse.type, settings.warehouse.schema_) == ("duckdb", "madang")
    assert settings.load.max_reject_share == 0.2
    assert (settings.sync.max_change_share, settings.sync.max_plan_age_hours) == (0.5, 24)
    assert settings.destinations == {}
    assert settings.schema_of("marts") == "madang_marts"


def test_paths_are_relative_to_the_file_and_not_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a"
    inner.mkdir()
    workspace(inner, "version: 1\npaths: {inbox: ../shared/inbox, ga4: /exports/ga4}")
    monkeypatch.chdir(tmp_path)
    settings = load_settings(Path("a"))
    assert settings.root == inner
    assert settings.paths.inbox == tmp_path / "shared" / "inbox"
    assert settings.paths.ga4 == Path("/exports/ga4")


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        version: 1
        timezon: Asia/Seoul
        warehouse:
          thread: 3
          memory_limit: lots
        destinations:
          braze:
            url: ftp://braze.example
            key: abc
        sync: {max_change_share: 2}
        """,
    )
    assert found == [
        (5, "memory_limit: 'lots' is not a size such as 2GB."),
        (4, "Unknown key 'thread'. Did you mean 'threads'?"),
        (
            8,
            "url: 'ftp://braze.example' is not an http(s) address: it does not begin with https://.",
        ),
        (7, "The key 'key_env' is missing."),
        (9, "Unknown key 'key'. Did you mean 'key_env'?"),
        (10, "max_change_share: must be less than or equal to 1 (found 2)."),
        (2, "Unknown key 'timezon'. Did you mean 'timezone'?"),
        (9, "key_env: this is not the name of an environment variable, such as MADANG_X."),
    ]


def test_the_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = workspace(tmp_path, "version: 1\ncurency: KRW")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert caught.value.where == f"{path}:2"


@pytest.mark.parametrize(
    ("path", "sign"), [("a#1/w.duckdb", "'#'"), ("a?b/w.duckdb", "'?'"), ("a;b.duckdb", "';'")]
)
def test_a_sign_that_no_warehouse_path_may_have_is_named(tmp_path: Path, path: str, sign: str):
    (told,) = problems(tmp_path, f"version: 1\nwarehouse: {{path: '{path}'}}")
    assert told[0] == 2
    assert told[1].startswith(f"The path of the warehouse must not have {sign} in it: ")


def test_a_workspace_in_a_folder_with_such_a_sign_is_told_too(tmp_path: Path):
    folder = tmp_path / "c#1"
    folder.mkdir()
    ((_, message),) = problems(folder, "version: 1")
    assert message.startswith("The path of the warehouse must not have '#' in it: ")


@pytest.mark.parametrize("name", ["[마케팅] CDP", "o'brien 100%", "a*b", "a;b", "한글 폴더(1)"])
def test_other_signs_are_names_like_any(tmp_path: Path, name: str):
    (tmp_path / name).mkdir()
    settings = load_settings(workspace(tmp_path / name, "version: 1"))
    assert settings.warehouse.path == tmp_path / name / "warehouse.duckdb"


def test_the_edition_of_a_property_is_standard_or_360(tmp_path: Path):
    settings = load_settings(
        workspace(
            tmp_path,
            """
            version: 1
            ga4:
              edition: 360
              properties: [{id: 1, timezone: Asia/Seoul, edition: standard}]
            """,
        )
    )
    told = run_vars(settings, REPOSITORY)
    assert told["ga4_edition"] == "360"
    assert told["ga4_properties"][0]["edition"] == "standard"
    ((line, message),) = problems(tmp_path, "version: 1\nga4: {edition: premium}")
    assert (line, "'standard' or '360'" in message) == (2, True)


def test_a_version_is_required_and_only_1_is_known(tmp_path: Path) -> None:
    assert problems(tmp_path, "currency: KRW") == [(1, "The key 'version' is missing.")]
    assert [line for line, _ in problems(tmp_path, "version: 2")] == [1]
    assert [line for line, _ in problems(tmp_path, "# nothing")] == [1]


@pytest.mark.parametrize("moment", ["2026-11-01", "2026-11-01T12:00:00", "soon"])
def test_a_pinned_moment_needs_its_zone(tmp_path: Path, moment: str) -> None:
    found = problems(tmp_path, f"version: 1\nas_of: {moment}")
    assert len(found) == 1
    assert found[0][0] == 2
    assert found[0][1].startswith("as_of: ")


def test_now_is_the_pinned_moment_in_utc_else_the_clock(tmp_path: Path) -> None:
    pinned = load_settings(workspace(tmp_path, "version: 1\nas_of: 2026-11-01T12:00:00+09:00"))
    assert pinned.now() == datetime(2026, 11, 1, 3, tzinfo=UTC)
    assert pinned.now().tzinfo is UTC
    free = load_settings(workspace(tmp_path, "version: 1"))
    assert abs((free.now() - datetime.now(UTC)).total_seconds()) < 5


def test_an_unknown_time_zone_suggests_the_closest(tmp_path: Path) -> None:
    assert problems(tmp_path, "version: 1\ntimezone: Asia/Soul") == [
        (
            2,
            "timezone: 'Asia/Soul' is not a time zone name such as Asia/Seoul. "
            "Did you mean 'Asia/Seoul'?",
        )
    ]


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    found = problems(tmp_path, "version: 1\ncurrency: KRW\ncurrency: USD")
    assert found == [(3, "The key 'currency' stands twice (first on line 2).")]


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    found = problems(tmp_path, "version: 1\npaths: {inbox: a")
    assert [line for line, _ in found] == [2]
    assert found[0][1].startswith("Not valid YAML: ")


def test_the_argument_wins_over_the_environment_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "environment", "argument"):
        (tmp_path / name).mkdir()
        workspace(tmp_path / name, "version: 1")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("MADANG_CONFIG", raising=False)
    assert find_config().parent.name == "here"
    monkeypatch.setenv("MADANG_CONFIG", str(tmp_path / "environment" / "madang.yml"))
    assert find_config().parent.name == "environment"
    assert find_config(tmp_path / "argument").parent.name == "argument"


def test_no_file_anywhere_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MADANG_CONFIG", raising=False)
    with pytest.raises(ConfigError, match=r"There is no madang.yml in this folder") as caught:
        load_settings()
    assert "madang init" in (caught.value.fix or "")
    monkeypatch.setenv("MADANG_CONFIG", "gone.yml")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "MADANG_CONFIG" in (caught.value.fix or "")


def test_the_project_is_the_named_one_else_the_nearest_above(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: near\n")
    inner = tmp_path / "data" / "demo"
    inner.mkdir(parents=True)
    assert load_settings(workspace(inner, "version: 1")).project_dir == tmp_path
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "dbt_project.yml").write_text("name: other\n")
    named = load_settings(workspace(inner, "version: 1\nproject: ../../other"))
    assert named.project_dir == tmp_path / "other"
    assert problems(inner, "version: 1\nproject: ../nowhere") == [
        (2, f"project: there is no dbt_project.yml in {tmp_path / 'data' / 'nowhere'}.")
    ]


def test_the_madang_yml_of_the_repository_is_sound() -> None:
    settings = load_settings(REPOSITORY / "madang.yml")
    assert settings.project_dir == REPOSITORY
    paths = dict(settings.paths)
    assert paths.pop("decisions") == REPOSITORY / "decisions", "decisions belong into git"
    kept = [*paths.values(), settings.warehouse.path]
    assert all(path.is_relative_to(REPOSITORY / "data") for path in kept)
