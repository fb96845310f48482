"""What every command has: its workspace, its exit code, errors as one block of text."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from madang import ui
from madang.errors import MadangError, is_panic
from madang.settings import secrets as config_secrets
from madang.settings.workspace import Settings, find_config, load_settings
from madang.storage import storage_error

Author = Annotated[str | None, typer.Option("--author", help="Default: who is logged in here.")]


class Commands(typer.core.TyperGroup):
    """Turns errors into one block of text and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MadangError as error:
            ui.show_error(error)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError:  # who read the output has gone, such as head; typer ends quietly
            raise
        except KeyboardInterrupt as error:
            ui.show_error(
                MadangError("Interrupted.", fix="Run it again: it goes on or begins anew.")
            )
            raise typer.Exit(1) from error
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            if isinstance(error, typer.Exit | typer.Abort) or hasattr(error, "show"):
                raise
            ui.show_error(storage_error(error, _place(ctx)) or _unforeseen(ctx, error))
            raise typer.Exit(1) from error


def _place(ctx: Any) -> Path | None:
    """The workspace, where it is known: for an error that names no file."""
    try:
        return find_config((ctx.obj or {}).get("config")).parent
    except (MadangError, OSError):
        return None


def _unforeseen(ctx: Any, error: Exception) -> MadangError:
    """What is said of an error that nobody foresaw; its traceback goes to a file."""
    from madang.log import write_traceback

    path = write_traceback(error, (ctx.obj or {}).get("config"))
    return MadangError(
        f"Something unforeseen went wrong ({type(error).__name__}).",
        where=f"log: {path or 'cannot be written'}",
        fix="Run 'madang doctor'; if it finds nothing, report this with the log.",
    )


def settings_of(ctx: typer.Context) -> Settings:
    """Read the settings that the options name; take the secrets out of the environment."""
    settings = load_settings(ctx.obj["config"])
    ui.use_zone(settings.timezone)
    config_secrets.take(settings)
    return settings


def end(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)
