"""The users of a local Braze: their attributes, kept in a file when one is named."""

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from madang.sandbox import rules


class Users:
    """Attributes by external_id. Other ids are accepted and counted, not stored."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._users: dict[str, dict[str, Any]] = {}
        self._writes: Counter[str] = Counter()
        self._file: sqlite3.Connection | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, check_same_thread=False)
            self._file.execute("pragma journal_mode = wal")
            self._file.execute("pragma synchronous = normal")
            self._file.execute(
                "create table if not exists users (external_id text primary key, attributes text)"
            )
            stored = self._file.execute("select external_id, attributes from users")
            self._users = {key: json.loads(attributes) for key, attributes in stored}

    def create(self, keys: Iterable[str]) -> None:
        """Make users without attributes, as a company's app does; those who are there stay."""
        with self._lock:
            new = {key: {} for key in keys if key not in self._users}
            self._users.update(new)
            self._store(new)

    def apply(self, objects: list[dict[str, Any]]) -> None:
        """Set the attributes of every object, in order."""
        with self._lock:
            touched: dict[str, dict[str, Any]] = {}
            for one in objects:
                key = one.get("external_id")
                if key is None:
                    continue
                self._writes[key] += 1
                if key not in self._users and one.get("_update_existing_only", False):
                    continue
                self._users[key] = rules.apply(self._users.get(key, {}), one)
                touched[key] = self._users[key]
            self._store(touched)

    def _store(self, users: dict[str, dict[str, Any]]) -> None:
        if self._file is not None and users:
            with self._file:
                self._file.executemany(
                    "insert or replace into users values (?, ?)",
                    [(key, json.dumps(user)) for key, user in users.items()],
                )

    def delete(self, keys: list[str]) -> int:
        """Forget users; return how many of them there were."""
        with self._lock:
            known = [key for key in keys if self._users.pop(key, None) is not None]
            if self._file is not None and known:
                with self._file:
                    self._file.executemany(
                        "delete from users where external_id = ?", [(key,) for key in known]
                    )
            return len(known)

    def all(self) -> dict[str, dict[str, Any]]:
        """Return a copy of every user's attributes."""
        with self._lock:
            return {key: dict(attributes) for key, attributes in self._users.items()}

    def writes(self) -> Counter[str]:
        """Return how many objects were processed for each user since the server started."""
        with self._lock:
            return Counter(self._writes)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
