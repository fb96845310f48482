"""Holds the documents to the project: links, anchors, commands, settings, variables, samples."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
import typer
import yaml

from madang.cli import app
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.values import checker
from madang.settings.workspace import SettingsFile
from madang.specs.audiences import Audience
from typed_commands import FENCED, typed

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md"), *ROOT.glob("*.md")],
    key=lambda path: path.as_posix(),
)
#: Pages that people read from their top.
OPENED = [page for page in PAGES if page.parent.name == "docs" or page.name == "README.md"]
SAMPLES = sorted(path for path in (ROOT / "deploy").iterdir() if path.is_file())
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:(?<=[`\s;/])|^)madang ((?:--?[a-z-]+ [^\s`]+ )?[a-z]+(?: [a-z]+)?)", re.M)


def names(pages: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in pages]


def anchors(page: Path) -> set[str]:
    """The anchors that a code host makes of a page's headings."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The relative links of a page: the file, and the anchor in it."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield (page.parent / file).resolve() if file else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_relative_link_leads_somewhere(page):
    for file, anchor in links(page):
        assert file.exists(), f"{file} does not exist"
        if anchor:
            assert anchor in anchors(file), f"{file.name} has no heading #{anchor}"


def test_every_document_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [file for file, _ in links(page)]
    assert set(ROOT.glob("docs/*.md")) <= reached


@pytest.mark.parametrize("page", PAGES + SAMPLES, ids=names(PAGES + SAMPLES))
def test_every_command_exists(page):
    """`madang plan`, `madang explain person X`, `madang run --apply`, also with options before."""
    commands = typer.main.get_command(app).commands
    text = page.read_text(encoding="utf-8")
    for written in COMMAND.findall(text):
        words = [word for word in written.split() if not word.startswith("-")]
        words = words[1:] if written.startswith("-") else words
        command = commands.get(words[0])
        assert command, f"there is no 'madang {words[0]}'"
        if hasattr(command, "commands") and len(words) > 1:
            assert words[1] in command.commands, f"there is no 'madang {' '.join(words[:2])}'"


@pytest.mark.parametrize("page", PAGES + SAMPLES, ids=names(PAGES + SAMPLES))
def test_every_option_of_a_command_exists(page):
    commands = typer.main.get_command(app).commands
    text = page.read_text(encoding="utf-8")
    for name, rest in re.findall(r"madang ([a-z]+)((?: +[^\s`|)]+)*)", text):
        if name not in commands:
            continue
        of_group = getattr(commands[name], "commands", {}).values()
        params = [param for one in (commands[name], *of_group) for param in one.params]
        options = {opt for param in params for opt in param.opts} | {"--help"}
        for option in re.findall(r"(?<= )--[a-z-]+", rest.split(">>")[0].split("||")[0]):
            assert option in options, f"'madang {name}' has no {option}"


def silent(command) -> None:
    """Let a command only read its arguments."""
    command.callback = None
    for one in getattr(command, "commands", {}).values():
        silent(one)


#: Of the click that typer carries within itself, which has no public name.
USAGE_ERROR = typer.BadParameter.__base__


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_command_reads_its_arguments(page, tmp_path, monkeypatch):
    """Each as it is written: no option that another command has, nothing too much, nothing missing.

    What a command does with them is for the tests of the command.
    """
    commands = typer.main.get_command(app)
    silent(commands)
    monkeypatch.chdir(tmp_path)
    for words, is_whole in typed(page):
        try:
            commands.main(words, standalone_mode=False)
        except USAGE_ERROR as error:
            if is_whole or type(error).__name__ not in ("MissingParameter", "NoArgsIsHelpError"):
                raise AssertionError(f"madang {shlex.join(words)}: {error}") from error


def test_commands_are_found_in_the_pages():
    """Those of a block, with an option before and a comment behind, and those in a line."""
    found = [" ".join(words) for page in PAGES for words, _ in typed(page)]
    assert len(found) > 200
    assert "--config data/demo audiences preview flagship_interest" in found
    assert "keys add install-co --kind outcomes --kind consents" in found
    assert "erase C000123 --reason request 2026-117 --dry-run" in found


@pytest.mark.parametrize("page", OPENED, ids=names(OPENED))
def test_a_page_opens_with_what_it_is_for_and_a_picture_or_a_table(page):
    opening = re.split(r"^## ", page.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)[0]
    title, first, *_ = opening.split("\n\n")
    assert re.fullmatch(r"# .+", title)
    assert re.match(r"[`*\w].*[.:다]$", first, re.DOTALL), "a page begins with a sentence"
    drawn = re.search(r"^(?:!\[|\| |.*(?:──|►|→))", opening, re.MULTILINE)
    assert drawn, "a picture, a diagram or a table stands before the first section"


def test_the_readme_is_read_in_a_minute():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120


DEV = re.compile(r"scripts/dev\.py ([a-z|]+)")


@pytest.mark.parametrize("page", [*PAGES, *SAMPLES, ROOT / "Makefile"])
def test_every_command_of_the_set_up_exists(page):
    """`python3 scripts/dev.py setup`, and each of several: `demo|test`."""
    spec = importlib.util.spec_from_file_location("dev", ROOT / "scripts" / "dev.py")
    dev = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dev)
    for written in DEV.findall(page.read_text(encoding="utf-8")):
        for name in written.split("|"):
            assert name in dev.LOCKS, f"there is no 'scripts/dev.py {name}'"
            assert callable(getattr(dev, name))


def test_the_set_up_is_documented_and_ends_with_words_for_a_command_that_is_none():
    assert "scripts/dev.py setup" in (ROOT / "README.md").read_text(encoding="utf-8")
    command = [sys.executable, str(ROOT / "scripts" / "dev.py"), "set-up"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "setup|demo|test" in ended.stderr


@pytest.mark.parametrize(
    "name", ["requirements", "requirements-dev", "requirements-build", "requirements-uv"]
)
def test_every_package_of_a_lock_has_a_hash_and_no_host(name):
    text = (ROOT / f"{name}.lock").read_text(encoding="utf-8")
    packages = re.findall(r"^\S.*(?:\n {4}.*)*", text, re.MULTILINE)
    assert packages
    for package in packages:
        assert re.match(r"[\w.\[\], -]+==\S+", package), package
        assert "--hash=sha256:" in package, package
    assert "://" not in text


def test_the_builder_of_the_package_is_in_a_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements-build.lock").read_text(encoding="utf-8")
    for wanted in [*project["build-system"]["requires"], "editables"]:
        assert re.search(rf"^{re.match(r'[a-z]+', wanted)[0]}==", lock, re.MULTILINE)
    for page in (ROOT / "scripts" / "dev.py", ROOT / "deploy" / "Dockerfile"):
        for command in re.findall(r".*--editable.*", page.read_text(encoding="utf-8")):
            assert "--no-build-isolation" in command


@pytest.mark.parametrize("sample", SAMPLES, ids=names(SAMPLES))
def test_a_sample_runs_no_action_by_a_tag(sample):
    for action in re.findall(r"uses: *(\S+)", sample.read_text(encoding="utf-8")):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action


def table_rows(page: str) -> set[str]:
    """What stands first in the rows of a page's tables, in backquotes."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


def settings_keys(model: type, before: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        key = before + (info.alias or name)
        kinds = [kind for kind in (info.annotation, *get_args(info.annotation)) if kind]
        inner = next((kind for kind in kinds if hasattr(kind, "model_fields")), None)
        if inner:
            yield from settings_keys(inner, f"{key}.")
        else:
            yield key


def test_every_key_of_madang_yml_is_explained_and_no_other():
    keys = set(settings_keys(SettingsFile))
    explained = table_rows("docs/configuration.md")
    assert keys <= explained
    dotted = {row for row in explained if row.split(".")[0] in {key.split(".")[0] for key in keys}}
    assert dotted - keys <= {"as_of", "timezone", "currency"}


def test_every_variable_of_the_dbt_project_is_explained():
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    used = {
        name
        for path in [*ROOT.glob("macros/**/*.sql"), *ROOT.glob("models/**/*.sql")]
        for name in re.findall(r"\bvar\(['\"](\w+)", path.read_text(encoding="utf-8"))
    }
    assert {*project["vars"], *used} <= table_rows("docs/configuration.md")


def test_every_environment_variable_is_explained():
    files = [
        ROOT / "profiles.yml.example",
        *ROOT.glob("m*/**/*.sql"),
        *ROOT.glob("models/**/*.yml"),
    ]
    used = {
        name
        for path in files
        for name in re.findall(r"env_var\('(\w+)'", path.read_text(encoding="utf-8"))
    }
    assert used and used <= table_rows("docs/configuration.md")


def test_every_mart_is_described():
    listed = table_rows("docs/tables.md")
    for path in ROOT.glob("models/marts/**/*.sql"):
        if path.stem.startswith(("aud_", "funnel_")) and path.stem not in listed:
            continue  # aud_<name>, funnel_<name>
        assert path.stem in listed, f"docs/tables.md does not name {path.stem}"


def test_tables_that_the_documents_name_exist():
    known = {path.stem for path in ROOT.glob("models/**/*.sql")}
    for row in table_rows("docs/tables.md"):
        is_table = row.startswith(("stg_", "base_", "sync_", "audience_", "identity_", "person"))
        if is_table and "*" not in row and "<" not in row and row != "person_id":
            assert row in known, f"docs/tables.md names {row}"


@pytest.mark.parametrize("name", ["github-actions.yml", "cloud-run-job.yaml"])
def test_samples_are_yaml(name):
    assert yaml.safe_load((ROOT / "deploy" / name).read_text(encoding="utf-8"))


def test_the_crontab_has_five_times_and_a_command():
    lines = (ROOT / "deploy" / "crontab.example").read_text(encoding="utf-8").splitlines()
    jobs = [
        line for line in lines if line and not line.startswith("#") and "=" not in line.split()[0]
    ]
    assert jobs
    for job in jobs:
        *times, command = job.split(maxsplit=5)
        limits = (59, 23, 31, 12, 7)
        for time, most in zip(times, limits, strict=True):
            assert time == "*" or 0 <= int(time) <= most
        assert "madang" in command
        assert "%" not in command  # cron takes it for a line break


@pytest.mark.parametrize("sample", SAMPLES, ids=names(SAMPLES))
def test_every_sample_says_whether_it_was_run(sample):
    head = "\n".join(sample.read_text(encoding="utf-8").splitlines()[:8])
    assert "run" in head and ("here" in head or "by hand" in head)


@pytest.mark.parametrize("page", PAGES + SAMPLES, ids=names(PAGES + SAMPLES))
def test_nothing_of_one_machine_is_in_a_document(page):
    text = page.read_text(encoding="utf-8")
    found = re.findall(
        r"/(?:home|root|Users|tmp|work)/\w+|index-url|extra-index|nexus|artifactory", text
    )
    assert not found


def spellings() -> list[tuple[str, str, str]]:
    """The rows of the table of accepted spellings: type, what is written, what becomes of it."""
    page = (ROOT / "docs" / "loading.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## Accepted spellings")
    section, _, _ = section.partition("\n## ")
    return re.findall(r"^\| (\w+) \| `(.+)` \| (`[^`]+`|refused: \w+) \|$", section, re.MULTILINE)


@pytest.mark.parametrize(("kind", "written", "becomes"), spellings())
def test_values_are_read_as_the_table_of_spellings_says(kind: str, written: str, becomes: str):
    outcome = checker(kind, ZoneInfo("Asia/Seoul"))(written)
    told = f"refused: {outcome.code}" if isinstance(outcome, CellProblem) else f"`{outcome}`"
    assert told == becomes


def test_the_table_of_spellings_is_read_whole():
    page = (ROOT / "docs" / "loading.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## Accepted spellings")
    lines = section.partition("\n- ")[0].count("\n| ")
    assert len(spellings()) == lines - 1 > 70
    assert {kind for kind, *_ in spellings()} >= {"date", "timestamp", "amount", "phone", "email"}


MARKETERS = ("marketer.md", "marketer.ko.md")


def table(page: str, first: str) -> list[list[str]]:
    """The rows of the table of a page whose head begins with this word."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [line.strip("| ").split(" | ") for line in found[1].splitlines()]


@pytest.mark.parametrize(("page", "head"), [(MARKETERS[0], "reason"), (MARKETERS[1], "이유")])
def test_the_marketer_reads_of_each_reason_by_the_words_of_the_board(page, head):
    seed = (ROOT / "seeds" / "contact_reasons.csv").read_text(encoding="utf-8")
    reasons = ["anonymous", *(line.split(",")[0] for line in seed.splitlines()[1:])]
    rows = table(page, head)
    assert [row[0].strip("`") for row in rows] == reasons
    if page == "marketer.ko.md":
        words = yaml.safe_load((ROOT / "charts" / "words" / "en.yml").read_text(encoding="utf-8"))
        assert {row[1] for row in rows} <= set(words)


@pytest.mark.parametrize(("page", "head"), [(MARKETERS[0], "folder"), (MARKETERS[1], "폴더")])
def test_the_marketer_reads_which_columns_a_file_needs(page, head):
    """By a header in Korean that the source knows, for each that it needs."""
    for folder, _, needed in table(page, head):
        source = folder.strip("`/").split("/")[-1]
        if source == "ads":  # the columns differ by platform
            continue
        path = ROOT / "models" / "staging" / source / f"_{source}__sources.yml"
        tables = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"][0]["tables"]
        for column in tables[0]["columns"]:
            meta = column["config"]["meta"]
            if meta.get("required"):
                assert set(re.findall(r"\w+", needed)) & set(meta["headers"]), (folder, column)


@pytest.mark.parametrize(("page", "head"), [(MARKETERS[0], "page"), (MARKETERS[1], "페이지")])
def test_the_marketer_finds_the_pages_that_there_are(page, head):
    for row in table(page, head):
        assert (ROOT / "charts" / row[0].strip("`").replace(".html", ".yml")).is_file()


def test_the_audience_of_the_marketer_is_one_in_both_languages():
    blocks = []
    for page in MARKETERS:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        blocks.append(yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", text, re.M | re.S)[1]))
    assert blocks[0] == blocks[1]
    said = Audience.model_validate(blocks[0]["models"][0]["config"]["meta"]["audience"])
    assert said.consent[0].channels == ["kakao", "email"]
