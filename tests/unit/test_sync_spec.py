"""A sync is an exposure: what is wrong with one is said with its file, line and a suggestion."""

import shutil
from pathlib import Path

import pytest
import yaml

from madang.errors import SpecError, UsageError
from madang.specs.check import check_project
from madang.sync.spec import find_spec, load_specs

EXPOSURES = Path("models/activation/braze/_braze__exposures.yml")
MARUS = Path("examples/maru") / EXPOSURES
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    (tmp_path / EXPOSURES.parent).mkdir(parents=True)
    shutil.copy(REPOSITORY / MARUS, tmp_path / EXPOSURES)
    (tmp_path / "models/activation/sync_braze__users.sql").write_text("select 1")
    (tmp_path / "seeds").mkdir()
    shutil.copy(REPOSITORY / "seeds/consent_policy.csv", tmp_path / "seeds")
    return tmp_path


def problem_of(project, old, new):
    """The error after one edit, and the number of the edited line."""
    text = (project / EXPOSURES).read_text()
    assert text.count(old) == 1
    (project / EXPOSURES).write_text(text.replace(old, new))
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(SpecError) as error:
        load_specs(project)
    assert error.value.exit_code == 2
    return str(error.value), line


def test_the_projects_own_sync_is_read(project):
    (spec,) = load_specs(project)
    assert (spec.name, spec.destination, spec.model, spec.key, spec.max_change_share) == (
        "braze_audiences",
        "braze",
        "sync_braze__users",
        "external_id",
        0.5,
    )
    assert spec.where == f"{EXPOSURES}:2"
    assert not spec.options.create_missing


def test_whether_a_sync_creates_is_a_choice_that_is_no_by_default(project):
    text = (project / EXPOSURES).read_text()
    (project / EXPOSURES).write_text(text.replace("create_missing: false\n", "\n"))
    assert not load_specs(project)[0].options.create_missing
    (project / EXPOSURES).write_text(text.replace("missing: false", "missing: true"))
    assert load_specs(project)[0].options.create_missing


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("destination: braze", "destination: brase", "Did you mean 'braze'?"),
        ("object: user_attributes", "object: user_attribute", "Did you mean 'user_attributes'?"),
        ("key: external_id", "key: externalid", "Did you mean 'external_id'?"),
        (
            "model: sync_braze__users",
            "model: sync_braze_users",
            "Did you mean 'sync_braze__users'?",
        ),
        ("max_change_share: 0.5", "max_change_shares: 0.5", "Did you mean 'max_change_share'?"),
        ("max_change_share: 0.5", "max_change_share: 50", "less than or equal to 1"),
        ("max_change_share: 0.5", "cadence: hourly", "such as 'every 1 hour'"),
        ("max_change_share: 0.5", "channels: [e_mail]", "Did you mean 'email'?"),
        ("max_change_share: 0.5", "channels: [ads]", "'marketing' has no channel 'ads'"),
        ("max_change_share: 0.5", "purpose: advertizing", "Did you mean 'advertising'?"),
        ("max_change_share: 0.5", "audiences: [flagship]", "There is no audience 'flagship'"),
        ("create_missing: false", "create_missing: maybe", "create_missing"),
        ("among: current", "among: living", "among"),
        ("key: external_id", "", "The key 'key' is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_suggestion(project, old, new, said):
    text, line = problem_of(project, old, new)
    assert said in text
    if new:
        assert f"{EXPOSURES}:{line}" in text


MESSAGES = "object: campaign_messages, key: message_id"
EVENTS = "object: idempotent_events, key: event_id"
LEFT = "scenarios: {left: {campaign_id: 0123abcd, channel: email}}"
WAITS = "starts: {in_stage: a, journey: b}, wait: 1 hour, cooldown: 1 day, usable_for: 1 day"
CALLED = "scenarios: {called: {channel: sms}}"


def scenario_syncs(project, *syncs):
    """Two scenarios, and syncs of a project that send what each says."""
    (project / "models/own.yml").write_text(
        f"models: [{{name: own, config: {{meta: {{scenarios: ["
        f"{{name: left, {WAITS}}}, {{name: called, {WAITS}}}]}}}}}}]\n"
    )
    listed = "".join(
        f"  - {{name: sync_{number}, depends_on: [ref('sync_braze__users')], config: {{meta: "
        f"{{sync: {{destination: {'braze' if MESSAGES in sync else 'webhook'}, "
        f"model: sync_braze__users, {sync}}}}}}}}}\n"
        for number, sync in enumerate(syncs, 1)
    )
    (project / EXPOSURES).write_text(f"exposures:\n{listed}")


@pytest.mark.parametrize(
    ("syncs", "said"),
    [
        ((f"{MESSAGES}, {LEFT}", f"{EVENTS}, {CALLED}"), None),
        ((MESSAGES,), "give 'campaigns' (messages for who enters an audience) or 'scenarios'"),
        ((f"{MESSAGES}, {LEFT}, within: 2 days",), "a scenario has 'usable_for'."),
        ((f"{EVENTS}, columns: {{s: {{from: stage}}}}",), "'from: stage' is of a trigger"),
        ((f"{EVENTS}, {CALLED.replace('called', 'caled')}",), "Did you mean 'called'?"),
        ((f"{EVENTS}, {CALLED}",) * 2, "'called' is sent by the sync 'sync_1' already."),
    ],
)
def test_a_scenario_is_sent_by_one_sync_that_says_how(project, syncs, said):
    (project / "dbt_project.yml").write_text("name: own\n")
    scenario_syncs(project, *syncs)
    found = [
        problem.message
        for problem in check_project(project).problems
        if problem.file == str(EXPOSURES)
    ]
    assert len(found) == (0 if said is None else 1), found
    assert said is None or said in found[0]


def test_a_sync_must_stand_in_the_lineage_of_its_model(project):
    text, _ = problem_of(project, "ref('sync_braze__users')", "ref('customers')")
    assert "does not depend on ref('sync_braze__users')" in text


def test_two_syncs_of_one_name_are_an_error(project):
    copied = project / EXPOSURES.with_name("other.yml")
    shutil.copy(project / EXPOSURES, copied)
    with pytest.raises(SpecError, match="Another exposure is named 'braze_audiences'"):
        load_specs(project)


def test_an_exposure_that_sends_nothing_is_no_sync(project):
    text = (project / EXPOSURES).read_text()
    (project / EXPOSURES).write_text(text.split("    config:")[0])
    assert load_specs(project) == []
    with pytest.raises(UsageError, match="no sync named 'x'"):
        find_spec([], "x")


def test_the_ledger_declares_what_every_sync_writes():
    declared = yaml.safe_load((REPOSITORY / "models/staging/sync/_ledger__sources.yml").read_text())
    (source,) = declared["sources"]
    assert source["schema"] == ("{{ var('ledger_schema', none) or target.schema ~ '_ledger' }}")
    kinds = {c["data_type"] for table in source["tables"] for c in table["columns"]}
    assert kinds == {"string", "int64", "timestamp"}  # types that DuckDB and BigQuery share
