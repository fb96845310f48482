"""Customer files for the consoles of Kakao Moment and Naver: hashes, one a line, whole at a path.

Neither has an open call to upload one. Kakao's API lists customer files and reads a file again that
it has by an address (https://developers.kakao.com/docs/en/kakaomoment/customer-data); for Naver no
such call is documented at all. So a file is written at a path that stays, for the console or for
the web server of the company.

Which spelling the consoles hash was not seen in a document: the hash is SHA-256 of the number as
+8210… or of the address, as the other platforms have it. Compare it with the console's own sample.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from madang.sync.destinations.base import (
    DestinationSettings,
    Entry,
    NoOptions,
    ObjectKind,
    Opening,
    SyncObject,
)
from madang.sync.destinations.file.destination import Files, name_problem
from madang.sync.destinations.members import hash_of


class KakaoSettings(DestinationSettings):
    """`folder` is where the files go: a path, from the workspace's folder."""

    folder: Annotated[str, Field(min_length=1)] = "outbox/kakao"


class NaverSettings(DestinationSettings):
    """`folder` is where the files go: a path, from the workspace's folder."""

    folder: Annotated[str, Field(min_length=1)] = "outbox/naver"


class CustomerFileOptions(NoOptions):
    """`identifier`: what the file has hashes of. `header`: whether its first line names the column.

    `least_size`: a list that begins with fewer lines is stopped by a guard of the plan.
    """

    identifier: Literal["phone", "email"] = "phone"
    header: bool = False
    least_size: Annotated[int, Field(ge=1)] = 1000


class CustomerFiles(Files):
    """A file for each list; lines of another identifier are left out of it."""

    @classmethod
    def open(cls, opening: Opening) -> "CustomerFiles":
        from madang.sync.destinations.file.rows import Shape

        options: CustomerFileOptions = opening.options or CustomerFileOptions()
        shape = Shape("members", "csv", "full", options.identifier, (), options.header, False)
        folder = Path(opening.workspace.root) / opening.settings.folder
        files = cls(opening.workspace, folder, shape)
        files.identifier = options.identifier
        return files

    identifier = "phone"

    def problem(self, one: SyncObject) -> str | None:
        """Say why a member has no line: what is no hash of the identifier does not leave."""
        kind, _ = hash_of(one.key)
        return None if kind == self.identifier else f"It is no hash of its {self.identifier}."

    def rows(self, objects: Iterable[SyncObject]) -> Iterator[dict[str, Any]]:
        """Give the hash of each member, without the word before it."""
        for row in super().rows(objects):
            yield row | {"key": hash_of(row["key"])[1]}


def entry(settings: type[DestinationSettings]) -> Entry:
    """Return what is known of a destination that takes customer files."""
    kind = ObjectKind(
        "members", keys=("match_key",), field_problem=name_problem, options=CustomerFileOptions
    )
    return Entry(settings, {"customer_file": kind}, CustomerFiles, "madang.sandbox.folder")
