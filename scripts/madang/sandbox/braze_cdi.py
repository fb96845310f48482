"""An integration of Braze's Cloud Data Ingestion, as the local Braze has it.

Sources: [table] https://www.braze.com/docs/user_guide/data/unification/cloud_ingestion/table_setup
[practice] https://www.braze.com/docs/user_guide/data/unification/cloud_ingestion/best_practices
[status] https://www.braze.com/docs/api/endpoints/cdi/get_job_sync_status
"""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from madang.sandbox import braze
from madang.sandbox.rules import IDS
from madang.sandbox.users import Users
from madang.settings import secrets as config_secrets
from madang.sync.destinations.braze.cdi import BrazeCdiSettings

IDENTIFIERS = ("external_id", "braze_id", "email", "phone")
PAGE = 10  # [status]


class Integration:
    """Reads rows from its mark on, and remembers each pull."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._lock = threading.Lock()
        self._mark: datetime | None = None
        self._pulls: list[dict[str, Any]] = []

    def pull(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Read a table as a sync does; return how many rows were read.

        Rows at the mark are read again, earlier ones never. [practice]
        """
        with self._lock:
            due = sorted(
                (row for row in rows if self._mark is None or row["updated_at"] >= self._mark),
                key=lambda row: row["updated_at"],
            )
            failed = 0
            for row in due:
                one = _object(row)
                failed += one is None
                self._users.apply([one] if one else [])
                self._mark = row["updated_at"]
            status = "Partial" if 0 < failed < len(due) else "Error" if failed else "Success"
            mark = self._mark.replace(tzinfo=UTC).isoformat() if due and self._mark else None
            self._pulls.insert(
                0,
                {
                    "job_status": status,
                    "sync_start_time": "2026-11-01T00:00:00.000Z",
                    "sync_finish_time": "2026-11-01T00:00:01.000Z",
                    "last_timestamp_synced": mark,
                    "rows_synced": len(due) - failed,
                    "rows_failed_with_errors": failed,
                },
            )
            return len(due)

    def page(self, first: int) -> tuple[Sequence[dict[str, Any]], bool]:
        """Return ten pulls, newest first, and whether there are more. [status]"""
        with self._lock:
            return self._pulls[first : first + PAGE], first + PAGE < len(self._pulls)


def _object(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a row as an object about a user; None where it is not as the page says. [table]"""
    ids: dict[str, Any] = {name: row[name] for name in IDENTIFIERS if row[name] is not None}
    if row["alias_name"] is not None and row["alias_label"] is not None:
        ids["user_alias"] = {"alias_name": row["alias_name"], "alias_label": row["alias_label"]}
    try:
        told = json.loads(row["payload"])
    except (TypeError, ValueError):
        return None
    if len(ids) != 1 or not isinstance(told, dict) or told.keys() & {*IDS, "user_alias"}:
        return None
    return {**ids, "_update_existing_only": True, **told}


@contextmanager
def served(
    settings: BrazeCdiSettings, folder: Path, customers: Sequence[str]
) -> Iterator[BrazeCdiSettings]:
    """Serve a Braze that has the integration, and has read nothing yet."""
    key = config_secrets.hold(settings.key_env, braze.DEMO_KEY)
    with braze.BrazeSandbox(0, key, clock=braze.clock_of(folder)) as sandbox:
        sandbox.store.create(customers)
        sandbox.integrations[settings.integration_id] = Integration(sandbox.store)
        yield settings.model_copy(update={"url": sandbox.url})
