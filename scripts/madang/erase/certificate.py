"""The certificate of an erasure: a JSON file that says what was removed where, and names nobody."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from madang import private


class Certificate:
    """A file that is whole at every moment. Its folder is its owner's alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told: dict[str, Any] = {}
        if path.exists():
            self._told = json.loads(path.read_text(encoding="utf-8"))

    def get(self, name: str) -> Any:
        return self._told.get(name)

    def set(self, **told: Any) -> None:
        """Say something, in place of what was said of it before."""
        self._told.update(told)
        private.folder(self.path.parent)
        with private.whole(self.path) as file:
            file.write(json.dumps(self._told, indent=2, ensure_ascii=False) + "\n")

    def add(self, name: str, values: Iterable[str]) -> None:
        """Add to a list; a step that is repeated after a kill finds less than the first time."""
        self.set(**{name: sorted({*(self.get(name) or []), *values})})

    def count(self, name: str, more: int) -> None:
        """Add to a number."""
        self.set(**{name: (self.get(name) or 0) + more})

    def cleared(self, counts: Mapping[str, int]) -> None:
        """Say how much is cleared where; of several tries the one that found most counts."""
        names = {f"{place}_cleared": count for place, count in counts.items()}
        self.set(**{name: max(count, self.get(name) or 0) for name, count in names.items()})
