"""The net around each file: whatever its reading throws is a refusal of that file alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from madang.errors import MadangError, is_panic
from madang.ingest.errors import FileRefused, Unforeseen
from madang.settings.workspace import Settings
from madang.storage import FULL, READ_ONLY, storage_error


@contextmanager
def one_file(settings: Settings) -> Iterator[None]:
    """Turn what nobody foresaw into FileRefused, with its traceback in a log.

    Errors that have words go on as they are, and so does an interrupt. Raises StorageError where
    nothing can be written: no other file could be loaded either.
    """
    try:
        yield
    except MadangError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        if (storage := storage_error(error)) and storage.kind in (FULL, READ_ONLY):
            raise storage from error
        raise refusal(error, settings) from None


def refusal(error: BaseException, settings: Settings) -> FileRefused:
    """Say that a file cannot be read for a reason that nobody foresaw, and where the log is."""
    from madang.log import write_traceback

    told = error if isinstance(error, Unforeseen) else Unforeseen.of(error)
    log = write_traceback(told, settings.config_path)
    return FileRefused(
        f"Something unforeseen stopped the reading of the file ({told.kind}).",
        fix="Save it anew, a workbook as .xlsx, a text as CSV (UTF-8), and load it again; if that "
        f"does not help, report it with the log {log or '(which cannot be written)'}.",
    )
