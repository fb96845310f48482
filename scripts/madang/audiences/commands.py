"""The commands about audiences: `madang audiences`, `madang explain audience`."""

from pathlib import Path

import typer

from madang.command_line import settings_of

audiences_app = typer.Typer(help="Look at audiences.", no_args_is_help=True)


@audiences_app.command("list")
def audiences_list(ctx: typer.Context) -> None:
    """List the audiences with their sizes."""
    from madang.audiences import look as room

    room.show_list(settings_of(ctx))


@audiences_app.command("import")
def audiences_import(ctx: typer.Context, file: Path) -> None:
    """Print GA4's audience definitions (Admin API, JSON) as rules, and what no rule says."""
    from madang.audiences import ga4_import as room

    room.show_import(settings_of(ctx), file)


@audiences_app.command("preview")
def audiences_preview(ctx: typer.Context, name: str) -> None:
    """Show an audience: size, who is lost and why, channels, overlap, change since a sync."""
    from madang.audiences import look as room

    room.show_preview(settings_of(ctx), name)


def explain_audience(ctx: typer.Context, name: str) -> None:
    """Say what an audience's rule means, how many meet each part of it, and who is held back."""
    from madang.audiences.explain import show_audience

    show_audience(settings_of(ctx), name)
