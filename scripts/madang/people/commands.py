"""The commands about a person: `madang explain person`, decisions, `madang erase`."""

from typing import Annotated

import typer

from madang.command_line import Author, end, settings_of
from madang.lock import workspace_lock

Who = Annotated[
    str, typer.Argument(help="Customer number, user id, e-mail, telephone or person_id.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; no personal data.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it changes; write nothing.")]


def explain_person(
    ctx: typer.Context,
    person: Who,
) -> None:
    """Say who a person is and why: identifiers, devices, activities, audiences, deliveries."""
    from madang.people.explain_person import show_person

    show_person(settings_of(ctx), person)


def explain_pair(ctx: typer.Context, first: Who, second: Who) -> None:
    """Say why two are one person, or why they are not: every tie, limit and decision between."""
    from madang.people.explain_pair import show_pair

    show_pair(settings_of(ctx), first, second)


def explain_sent(
    ctx: typer.Context,
    who: Who,
    key: Annotated[
        bool, typer.Option("--key", help="WHO is a sync_key, as an activation model has it.")
    ] = False,
) -> None:
    """Say what was sent about a person, when, with what outcome, and what is held back now."""
    from madang.people.explain_sent import show_sent

    show_sent(settings_of(ctx), who, is_key=key)


def unmerge(
    ctx: typer.Context,
    first: Who,
    second: Who,
    reason: Reason,
    author: Author = None,
    dry_run: DryRun = False,
) -> None:
    """Decide that two are never one person, whatever ties them, and show what hangs on it."""
    from madang.people import decide as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "unmerge"):
        room.unmerge(settings, first, second, reason, author, dry_run)


def erase(
    ctx: typer.Context,
    person: Annotated[
        str | None,
        typer.Argument(help="Whom; without it, erasures that were begun are finished."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, such as the request's number.")] = "",
    author: Author = None,
    shared: Annotated[
        bool, typer.Option(help="Addresses that others have too (in quarantine) are theirs.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Remove a person everywhere, for good, and write a certificate."""
    from madang.erase import erase as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "erase"):
        end(room.erase(settings, person, reason, author, dry_run, shared))


def link(
    ctx: typer.Context,
    first: Who,
    second: Who,
    reason: Reason,
    author: Author = None,
    dry_run: DryRun = False,
) -> None:
    """Decide that two are one person."""
    from madang.people import decide as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "link"):
        room.link(settings, first, second, reason, author, dry_run)


def exclude(
    ctx: typer.Context,
    who: Who,
    reason: Reason,
    author: Author = None,
    dry_run: DryRun = False,
) -> None:
    """Decide that an e-mail address, a telephone or another identifier names nobody."""
    from madang.people import decide as room

    settings = settings_of(ctx)
    with workspace_lock(settings, "exclude"):
        room.exclude(settings, who, reason, author, dry_run)
