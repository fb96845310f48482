"""The commands of the receiver: `madang receive` and `madang keys`."""

from typing import Annotated

import typer

from madang import ui
from madang.command_line import settings_of
from madang.times import told

keys_app = typer.Typer(help="Keys of partners that call the receiver.", no_args_is_help=True)


def receive(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Default: receiver.host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: receiver.port; 0: any.")
    ] = None,
    openapi: Annotated[
        bool, typer.Option("--openapi", help="Print the contract for partners, and end.")
    ] = False,
) -> None:
    """Take calls of partners over HTTP, until stopped; 'madang load' brings them in."""
    from madang.receiver import serve as room

    settings = settings_of(ctx)
    if openapi:
        from madang.receiver.openapi import document

        room.require_packages()
        ui.json(document(room.kinds_of(settings), settings.receiver))
        return
    room.serve(settings, host, port)


@keys_app.command("add")
def add(
    ctx: typer.Context,
    partner: Annotated[str, typer.Argument(help="Its name in logs and data, as install-co.")],
    kinds: Annotated[
        list[str], typer.Option("--kind", "-k", help="What it may send; may be repeated.")
    ],
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="Requests; default: receiver.requests_per_minute.")
    ] = None,
) -> None:
    """Make a key and show it, this once; only its hash is kept. A running receiver takes it up."""
    from madang.receiver.keys import add_key
    from madang.receiver.kinds import read_kinds

    settings = settings_of(ctx)
    known = read_kinds(settings.project_dir)
    secret, key = add_key(settings.paths.receiver_keys, partner, kinds, known, per_minute)
    ui.line(secret)
    ui.line(
        f"Key {key.key_id} of {key.partner} for {', '.join(key.kinds)}: give it to the partner "
        "over a safe way; it is not shown again."
    )


@keys_app.command("list")
def show(ctx: typer.Context) -> None:
    """List the keys, without the keys themselves."""
    from madang.receiver.keys import read_keys

    rows = [
        (
            key.key_id,
            key.partner,
            ", ".join(key.kinds),
            key.requests_per_minute or "",
            key.created_at,
            key.revoked_at,
        )
        for key in read_keys(settings_of(ctx).paths.receiver_keys)
    ]
    columns = ("id", "partner", "kinds", "per minute", "made", "revoked")
    ui.table("Keys", columns, rows, empty="there is no key yet: madang keys add")


@keys_app.command("revoke")
def revoke(
    ctx: typer.Context, key_id: Annotated[str, typer.Argument(help="As 'madang keys list' shows.")]
) -> None:
    """Revoke a key; a running receiver refuses it within two seconds."""
    from madang.receiver.keys import revoke_key

    settings = settings_of(ctx)
    key = revoke_key(settings.paths.receiver_keys, key_id)
    since = told(key.revoked_at, settings.timezone)
    ui.line(f"Key {key.key_id} of {key.partner} is revoked since {since}.")
