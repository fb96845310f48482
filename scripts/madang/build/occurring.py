"""Tells names of rules that did not occur in the data, as the last build saw it."""

from collections.abc import Collection

from madang import ui
from madang.errors import MadangError
from madang.health.notices import unknown_words
from madang.settings.workspace import Settings
from madang.specs.occurring import Asked, Names, never_occurred
from madang.warehouse import may_be_built, open_warehouse

TABLE = "names_in_use"
NOTHING = "nothing is built yet"


def tell_names(settings: Settings, asked: Collection[Asked]) -> None:
    """Print a warning for each name that did not occur, or why nobody could look. Never raises."""
    try:
        names, words = _read(settings)
    except MadangError as error:
        names, words = None, [error.message]
    if names is None:
        ui.line(f"Names were not compared with data: {words[0]}")
        return
    for one in never_occurred(asked, names):
        ui.line(f"  {one.where}: {one.message}", "yellow")
    for text in words:
        ui.line(f"  {text}", "yellow")


def _read(settings: Settings) -> tuple[Names | None, list[str]]:
    if not may_be_built(settings):
        return None, [f"{NOTHING}."]
    with open_warehouse(settings, read_only=True) as warehouse:
        if not warehouse.exists("marts", TABLE):
            return None, [f"{NOTHING}."]
        rows = warehouse.fetch(f"select * from {warehouse.relation('marts', TABLE)}")
        return Names.of(rows), unknown_words(warehouse)
