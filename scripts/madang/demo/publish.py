"""Put finished files in place, and leave a file that would not change untouched."""

import filecmp
from collections.abc import Callable
from pathlib import Path


class Publisher:
    """Writes below one workspace, from any thread; a file appears whole or not at all.

    A file whose content is the same keeps its modification time, so that whoever watches the
    folder sees only what really changed.
    """

    def __init__(self, root: Path, scratch: Path) -> None:
        self.root = root
        self._scratch = scratch
        self.paths: list[Path] = []

    def put(self, relative: str, write: Callable[[Path], None]) -> Path:
        """Let `write` fill a scratch file, then move it to `relative` below the root."""
        target = self.root / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = self._scratch / relative.replace("/", "-")
        write(draft)
        self.paths.append(target)
        if target.exists() and filecmp.cmp(draft, target, shallow=False):
            draft.unlink()
        else:
            draft.replace(target)
        return target

    @property
    def bytes(self) -> int:
        """Size of everything that was put."""
        return sum(path.stat().st_size for path in self.paths)
