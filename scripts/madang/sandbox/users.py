"""The users of a local Braze: ids, attributes, events and purchases, kept in a file if it is named.

Sources: [track] https://www.braze.com/docs/api/endpoints/user_data/post_user_track
[event] https://www.braze.com/docs/api/objects_filters/event_object
[alias] https://www.braze.com/docs/api/objects_filters/user_alias_object
[delete] https://www.braze.com/docs/api/endpoints/user_data/post_user_delete
"""

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from madang.sandbox import rules

Profile = dict[str, Any]
ADDRESSES = ("email", "phone")


class Users:
    """Profiles by a key: the external_id, or, of a user without one, what else it is known by."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._users: dict[str, Profile] = {}
        self._tracked: list[dict[str, Any]] = []
        self._writes: Counter[str] = Counter()
        self._file: sqlite3.Connection | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, check_same_thread=False)
            self._file.execute("pragma journal_mode = wal")
            self._file.execute("pragma synchronous = normal")
            self._file.execute(
                "create table if not exists profiles (key text primary key, profile text)"
            )
            self._file.execute("create table if not exists tracked (happened text)")
            stored = self._file.execute("select key, profile from profiles")
            self._users = {key: json.loads(profile) for key, profile in stored}
            told = self._file.execute("select happened from tracked order by rowid")
            self._tracked = [json.loads(happened) for (happened,) in told]

    def create(self, keys: Iterable[str], **known: Any) -> None:
        """Make users without attributes, as a company's app does; those who are there stay.

        `known` is what else is known of each: email, phone, braze_id, aliases.
        """
        with self._lock:
            new = {key: _profile(external_id=key, **known) for key in keys}
            new = {key: one for key, one in new.items() if key not in self._users}
            self._users.update(new)
            self._store(new)

    def apply(self, objects: list[dict[str, Any]]) -> None:
        """Set the attributes of every object, in order."""
        with self._lock:
            touched: set[str] = set()
            for one in objects:
                self._writes[rules.id_text(one)] += 1
                if (key := self._found(one)) is None:
                    continue
                profile = self._users[key]
                profile["attributes"] = rules.apply(profile["attributes"], one)
                if rules.named_id(one) not in ADDRESSES:
                    profile |= {name: one[name] for name in ADDRESSES if name in one}
                touched.add(key)
            self._store({key: self._users[key] for key in touched})

    def track(self, array: str, objects: list[dict[str, Any]]) -> None:
        """Keep events or purchases, each of them: the same one twice is two. [track]"""
        with self._lock:
            kept = []
            for one in objects:
                self._writes[rules.id_text(one)] += 1
                if (key := self._found(one)) is not None:
                    told = {name: value for name, value in one.items() if name not in rules.IDS}
                    kept.append({"user": key, "array": array, **told})
            self._tracked += kept
            if self._file is not None and kept:
                with self._file:
                    self._file.executemany(
                        "insert into tracked values (?)", [(json.dumps(one),) for one in kept]
                    )

    def find(self, one: dict[str, Any]) -> list[str]:
        """Return the keys of the users that an id means; an address may be that of several."""
        with self._lock:
            return self._matching(one)

    def _matching(self, one: dict[str, Any]) -> list[str]:
        name = rules.named_id(one)
        wanted = one.get(name)
        if name == "external_id":
            return [wanted] if wanted in self._users else []
        if name == "user_alias":
            return [key for key, user in self._users.items() if wanted in user["aliases"]]
        return [key for key, user in self._users.items() if user.get(name) == wanted]

    def _found(self, one: dict[str, Any]) -> str | None:
        """Return the user that an object is about; make it where that is allowed, else None.

        Of several with one address the last one that was made stands for the last one changed.
        """
        found = self._matching(one)
        if found:
            return found[-1]
        name = rules.named_id(one)
        # an alias makes nobody unless it is said [event]; Braze itself makes the braze_id
        existing_only = one.get("_update_existing_only", name == "user_alias")
        if existing_only or name == "braze_id":
            return None
        key = rules.id_text(one)
        known = {"aliases": [one[name]]} if name == "user_alias" else {name: one[name]}
        self._users[key] = _profile(**known)
        self._store({key: self._users[key]})
        return key

    def _store(self, users: dict[str, Profile]) -> None:
        if self._file is not None and users:
            with self._file:
                self._file.executemany(
                    "insert or replace into profiles values (?, ?)",
                    [(key, json.dumps(user)) for key, user in users.items()],
                )

    def delete(self, ids: list[dict[str, Any]]) -> int:
        """Forget users; return how many of them there were."""
        with self._lock:
            found = sorted({key for one in ids for key in self._matching(one)})
            for key in found:
                del self._users[key]
            self._tracked = [one for one in self._tracked if one["user"] not in found]
            if self._file is not None and found:
                with self._file:
                    self._file.executemany(
                        "delete from profiles where key = ?", [(key,) for key in found]
                    )
                    self._file.execute("delete from tracked")
                    self._file.executemany(
                        "insert into tracked values (?)",
                        [(json.dumps(one),) for one in self._tracked],
                    )
            return len(found)

    def all(self) -> dict[str, dict[str, Any]]:
        """Return a copy of every user's attributes."""
        with self._lock:
            return {key: dict(user["attributes"]) for key, user in self._users.items()}

    def tracked(self, array: str) -> list[dict[str, Any]]:
        """Return the events or the purchases in their order, each with its user's key."""
        with self._lock:
            return [
                {name: value for name, value in one.items() if name != "array"}
                for one in self._tracked
                if one["array"] == array
            ]

    def writes(self) -> Counter[str]:
        """Return how many objects were processed for each user since the server started."""
        with self._lock:
            return Counter(self._writes)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _profile(**known: Any) -> Profile:
    return {"attributes": {}, "aliases": [], **known}
