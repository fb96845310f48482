"""Who may call: a file of keys, of which only hashes are kept, made and revoked by a command.

A key is 256 random bits, so its plain SHA-256 cannot be guessed back; it is shown once.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from madang import private
from madang.errors import UsageError, did_you_mean
from madang.receiver import ReceiverError

PARTNER = re.compile(r"[a-z][a-z0-9-]{1,39}")
LOOK_AGAIN_SECONDS = 1.0


class Key(BaseModel):
    """One key: whose it is, what it may send, how often. `sha256` is of the whole key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_id: str
    partner: str
    kinds: list[str]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    requests_per_minute: int | None = Field(default=None, ge=1)
    created_at: datetime
    revoked_at: datetime | None = None


class KeyFile(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(extra="forbid")

    version: int = 1
    keys: list[Key] = Field(default_factory=list)


def add_key(
    path: Path,
    partner: str,
    kinds: Collection[str],
    known_kinds: Collection[str],
    requests_per_minute: int | None = None,
) -> tuple[str, Key]:
    """Make a key for a partner; return it, for the only time, with its entry.

    Raises UsageError for a name or a kind that cannot be used.
    """
    if not PARTNER.fullmatch(partner):
        raise UsageError(
            "A partner's name has 2 to 40 letters (a-z), digits and hyphens, a letter first.",
            fix="Choose a name such as install-co; it appears in logs and in the data.",
        )
    if not kinds:
        raise UsageError("A key needs at least one kind.", fix=f"Known: {_listed(known_kinds)}.")
    for kind in kinds:
        if kind not in known_kinds:
            raise UsageError(
                f"There is no kind '{kind}'.{did_you_mean(kind, known_kinds)}",
                fix=f"Known: {_listed(known_kinds)}. A kind is a source table with 'receive'.",
            )
    key_id = secrets.token_hex(4)
    secret = f"mdk_{key_id}_{secrets.token_urlsafe(32)}"
    key = Key(
        key_id=key_id,
        partner=partner,
        kinds=sorted(set(kinds)),
        sha256=hash_of(secret),
        requests_per_minute=requests_per_minute,
        created_at=datetime.now(UTC).replace(microsecond=0),
    )
    with _changing(path) as held:
        _write(path, [*held, key])
    return secret, key


def revoke_key(path: Path, key_id: str) -> Key:
    """Revoke a key from now on; it stays in the file. Raises UsageError for an unknown one."""
    with _changing(path) as held:
        found = next((key for key in held if key.key_id == key_id), None)
        if found is None:
            hint = did_you_mean(key_id, [key.key_id for key in held])
            raise UsageError(f"There is no key with this id.{hint}", fix="See 'madang keys list'.")
        if found.revoked_at:
            return found
        revoked = found.model_copy(update={"revoked_at": datetime.now(UTC).replace(microsecond=0)})
        _write(path, [revoked if key is found else key for key in held])
    return revoked


def read_keys(path: Path) -> list[Key]:
    """Return all keys, none where there is no file. Raises ReceiverError for a broken file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ReceiverError(
            f"The keys cannot be read: {error.strerror}.", where=str(path)
        ) from error
    try:
        return KeyFile.model_validate_json(text).keys
    except ValidationError as error:
        raise ReceiverError(
            "The file of keys is broken.",
            where=str(path),
            fix="Put back a copy, or remove it and make new keys with 'madang keys add'.",
        ) from error


def hash_of(secret: str) -> str:
    """Return the hash under which a key is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyRing:
    """The keys that count now: what the file says, looked at again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = 0.0
        self._seen: tuple[int, int] | None = None
        self._keys: dict[str, Key] = {}
        self.refresh(0.0)

    def find(self, secret: str, now: float) -> Key | None:
        """Return the key of a secret, None for one that is unknown or revoked.

        `now` is a monotonic clock in seconds. The file is looked at again after a second, and for a
        key that is not known at once. A file that cannot be read leaves the keys as they were.
        """
        if now - self._looked >= LOOK_AGAIN_SECONDS or hash_of(secret) not in self._keys:
            try:
                self.refresh(now)
            except ReceiverError:
                self._looked = now
        return self._keys.get(hash_of(secret))

    def refresh(self, now: float) -> None:
        """Read the file again if it changed. Raises ReceiverError when it cannot be used."""
        self._looked = now
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
        except OSError:
            seen = None
        if seen != self._seen or not self._keys:
            keys = read_keys(self._path)
            self._keys = {key.sha256: key for key in keys if key.revoked_at is None}
            self._seen = seen

    def __len__(self) -> int:
        return len(self._keys)


@contextmanager
def _changing(path: Path) -> Iterator[list[Key]]:
    """Give the keys as they are, and let nobody else change them until they are written."""
    try:
        with private.held(path):
            yield read_keys(path)
    except OSError as error:
        raise ReceiverError(
            f"The keys cannot be written: {error.strerror}.", where=str(path)
        ) from error


def _write(path: Path, keys: list[Key]) -> None:
    text = KeyFile(keys=keys).model_dump(mode="json", exclude_none=True)
    with private.whole(path) as target:
        json.dump(text, target, indent=2)
        target.write("\n")


def _listed(kinds: Collection[str]) -> str:
    return ", ".join(sorted(kinds)) or "none"
