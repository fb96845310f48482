"""The command line: a command is a few lines that call a room.

Commands with a room of their own are in its `commands.py`: people, audiences, the receiver.
"""

from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated

import typer

from madang import ui
from madang.audiences.commands import audiences_app, explain_audience
from madang.command_line import Author, Commands, end, settings_of
from madang.errors import ConfigError, UsageError
from madang.lock import workspace_lock
from madang.people.commands import (
    erase,
    exclude,
    explain_pair,
    explain_person,
    explain_sent,
    link,
    unmerge,
)
from madang.receiver.commands import keys_app, receive
from madang.warehouse import labels

EPILOG = "Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 done in part."


app = typer.Typer(
    cls=Commands,
    help="Customer journeys, audiences and syncs on dbt.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
explain_app = typer.Typer(help="Say why.", no_args_is_help=True)
funnel_app = typer.Typer(help="Look at funnels.", no_args_is_help=True)
app.add_typer(audiences_app, name="audiences")
app.add_typer(explain_app, name="explain")
app.add_typer(funnel_app, name="funnel")
app.add_typer(keys_app, name="keys")


def _version(wanted: bool) -> None:
    if wanted:
        ui.line(f"madang {package_version('madang')}")
        raise typer.Exit


@app.callback()
def settings_option(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="madang.yml or its folder. Default: $MADANG_CONFIG, else ./madang.yml."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    ctx.obj = {"config": config}
    labels.mark(command=ctx.invoked_subcommand or "none")


@app.command()
def init(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Default: this folder.")] = None,
    name: Annotated[
        str | None, typer.Option(help="The dbt project's name. Default: the folder's.")
    ] = None,
) -> None:
    """Make a folder a dbt project with Madang as its package; after an upgrade, renew it."""
    from madang.init import init_project

    done = init_project((folder or Path()).resolve(), name)
    for told, paths in (("wrote", done.written), ("anew ", done.renewed), ("kept ", done.kept)):
        for path in paths:
            ui.line(f"{told} {path}")
    places = done.settings.paths
    ui.summary(
        "Next",
        [
            ("1", f"put CRM, consent, order and outcome files into {places.inbox}"),
            ("2", f"put GA4 export files (events_YYYYMMDD.parquet) into {places.ga4}, if you have"),
            ("3", "madang run"),
        ],
    )


@app.command()
def package() -> None:
    """Print where Madang's dbt project is: what plain 'dbt deps' needs as MADANG_PACKAGE."""
    from madang.specs.package import shipped

    ui.line(str(shipped()))


@app.command()
def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask BigQuery, Salesforce and destinations.")
    ] = False,
) -> None:
    """Look at the machine and the workspace, and say what would stop a run."""
    from madang.health import doctor as room

    findings = room.examine(settings_of(ctx), online)
    told = room.as_json(findings)
    if as_json:
        ui.json(told)
    else:
        room.show(findings)
    end(1 if told["status"] == "problem" else 0)


@app.command()
def demo(
    people: Annotated[
        int, typer.Option(min=100, help="How many people the company meets.")
    ] = 20000,
    days: Annotated[int, typer.Option(min=7, max=400, help="How many days of history.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 7,
    out: Annotated[Path | None, typer.Option(help="Default: data/demo of the project.")] = None,
) -> None:
    """Run everything on a generated company, with a local server in the place of Braze."""
    from madang.demo.line import run_demo

    end(run_demo(out, people=people, days=days, seed=seed))


@app.command()
def load(
    ctx: typer.Context,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files; default: the inbox.")] = None,
    propose: Annotated[
        Path | None, typer.Option("--propose", help="Write a first mapping for this file.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="With --propose: its source's name.")] = None,
    out: Annotated[Path | None, typer.Option(help="With --propose: where to write.")] = None,
    accept: Annotated[
        str | None, typer.Option("--accept", help="Load these held files as they are, and why.")
    ] = None,
    author: Author = None,
) -> None:
    """Bring files into the warehouse; what cannot be read goes to a rejects file."""
    from madang import work as room

    settings = settings_of(ctx)
    if propose:
        end(room.propose(settings, propose, source, out))
    with workspace_lock(settings, "load"):
        end(room.load(settings, paths or None, accept, author))


@app.command()
def pull(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="What to pull: salesforce.")],
    objects: Annotated[
        list[str] | None, typer.Option("--object", help="One object; may be repeated.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Ask again from this moment on.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Ask for everything again.")] = False,
    accept: Annotated[
        str | None, typer.Option("--accept", help="Take what is held as it is, and why.")
    ] = None,
    author: Author = None,
) -> None:
    """Fetch what changed in Salesforce since the last pull, through its API."""
    from madang.pull import command as room

    settings = settings_of(ctx)
    told = {"since": since, "full": full, "accept": accept, "author": author}
    with workspace_lock(settings, "pull"):
        end(room.pull(settings, source, objects or (), **told))


@app.command()
def check(ctx: typer.Context) -> None:
    """Check actions, audiences, funnels, sources and syncs; names against data. 2 with problems."""
    from madang.build import build as room

    try:
        settings = settings_of(ctx)
    except ConfigError as error:
        end(room.check_beside(error, ctx.obj["config"]))
    end(room.check(settings))


@app.command()
def build(
    ctx: typer.Context,
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", help="dbt selection; may be repeated.")
    ] = None,
    full_refresh: Annotated[bool, typer.Option(help="Rebuild incremental models.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what cannot have changed since the last build.")
    ] = False,
    over_budget: Annotated[
        bool, typer.Option("--over-budget", help="Build although it reads more than the budget.")
    ] = False,
) -> None:
    """Check the rules, build and test the models with dbt, publish the marts as Parquet."""
    from madang.build import build as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "build"):
        end(room.build(settings, select or (), full_refresh, over_budget, everything))


@app.command()
def cost(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    events: Annotated[
        str | None, typer.Option("--events-per-month", help="For so many events: 10M, 1B.")
    ] = None,
    months: Annotated[float | None, typer.Option(min=0.1, help="Months of events kept.")] = None,
) -> None:
    """Tell what a daily run reads on BigQuery, model by model, without running it."""
    from madang import cost as room

    report = room.report(settings_of(ctx), events, months)
    if as_json:
        ui.json(room.as_json(report))
    else:
        room.show(report)
    end(1 if report.is_over_budget else 0)


@app.command()
def parity(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="CSV of GA4's figures by day.")] = None,
    property_id: Annotated[str | None, typer.Option("--property", help="Whose figures.")] = None,
    tolerance: Annotated[float, typer.Option(min=0, max=1, help="Share left unexplained.")] = 0.01,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Set our figures beside GA4's, day by day, and say what explains each gap. 3 if not all is."""
    from madang.parity import parity as room

    told = room.compare(settings_of(ctx), file, property_id=property_id, tolerance=tolerance)
    if as_json:
        ui.json(room.as_json(told))
    else:
        room.show(told)
    end(told.exit_code)


@app.command()
def plan(
    ctx: typer.Context,
    sync: Annotated[str | None, typer.Argument(help="One sync; default: all.")] = None,
) -> None:
    """Show what a sync would add, change and remove, and store that plan. Sends nothing."""
    from madang import work as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "plan"):
        end(room.plan(settings, sync))


@app.command()
def sync(
    ctx: typer.Context,
    action: Annotated[
        str | None, typer.Argument(help="describe: show what to create at the destination.")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="With describe: which sync.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Send the stored plans.")] = False,
    plan: Annotated[str | None, typer.Option(help="Which plan; default: the open ones.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Send although a guard stops it.")] = False,
    poll: Annotated[
        bool, typer.Option("--poll", help="Only ask what became of what was sent.")
    ] = False,
) -> None:
    """Send exactly the stored plans; without --apply, show them."""
    from madang import work as room

    settings = settings_of(ctx)
    if action is not None:
        if action != "describe":
            raise UsageError(
                f"'madang sync' does not know '{action}'.",
                fix="'madang sync describe NAME' shows what to create; '--apply' sends.",
            )
        from madang.sync.describe import describe

        end(describe(settings, name))
    with workspace_lock(settings, "sync"):
        end(room.poll(settings) if poll else room.sync(settings, apply, plan, force))


@app.command()
def status(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show loads, builds, plans, runs and what needs attention: 1 if it failed, 3 if partly."""
    from madang.health import status as room

    end((room.show_json if as_json else room.show_status)(settings_of(ctx)))


@funnel_app.command("compare")
def funnel_compare(
    ctx: typer.Context,
    name: str,
    every: Annotated[bool, typer.Option("--all", help="Every subject that differs.")] = False,
) -> None:
    """Count a funnel as GA4, Amplitude, Mixpanel and PostHog do, and say who differs and why."""
    from madang.funnels.compare import compare as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "funnel compare"):
        room(settings, name, every)


@app.command()
def score(ctx: typer.Context) -> None:
    """Score customers from the marts, and land the scores for the next build."""
    from madang.score import command as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "score"):
        end(room.score(settings))


@app.command()
def report(ctx: typer.Context) -> None:
    """Render the page."""
    from madang import work as room

    ui.line(f"Page: {room.report(settings_of(ctx))}")


@app.command()
def run(
    ctx: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Also send.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Send although a guard stops it.")] = False,
) -> None:
    """Pull, load, check, build, plan, with --apply send, and render the page."""
    from madang import work as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "run"):
        end(room.run_all(settings, apply, force))


for _command in (unmerge, link, exclude, erase, receive):
    app.command()(_command)
explain_app.command("person")(explain_person)
explain_app.command("pair")(explain_pair)
explain_app.command("sent")(explain_sent)
explain_app.command("audience")(explain_audience)


def main() -> None:
    """Run the command line."""
    try:
        app()
    finally:
        ui.close()
