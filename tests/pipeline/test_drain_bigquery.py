"""What the receiver took lands in BigQuery once, whatever step the load dies at."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from demo_workspace import MARU
from local_bigquery.server import serve
from madang import ingest
from madang.ingest.calls import drain as draining
from madang.ingest.calls.ids import RequestIds
from madang.ingest.calls.inbox import Received, listed, open_inbox
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import open_warehouse

COLUMNS = ("outcome_id", "product", "status", "occurred_at", "reason")
Row = dict[str, object]


class Died(BaseException):
    """The process is gone."""


def workspace(root: Path, warehouse: str) -> Settings:
    root.mkdir()
    (root / "inbox").mkdir()
    text = f"version: 1\nproject: {MARU}\nwarehouse:\n{warehouse}"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    return load_settings(root)


def receive(settings: Settings, *numbers: int) -> None:
    """Keep one request with an outcome for every number."""
    ids = RequestIds()
    moment = "2026-10-06T14:30:00+09:00"
    request_id = ids.next()
    items = [(f"O{number}", "charger", "installed", moment, "비고\n둘째 줄") for number in numbers]
    received = Received(
        request_id=request_id,
        partner="install-co",
        kind="outcomes",
        idempotency_key=f"k{numbers}",
        body_sha256="b",
        source="offline.outcomes",
        columns=listed(COLUMNS),
        received_at=datetime.now(UTC).isoformat(),
        status=202,
        answer="",
        items=tuple(enumerate(items, start=1)),
    )
    with closing(open_inbox(settings.paths.received)) as inbox:
        inbox.keep([received])


def load(settings: Settings) -> list[Row]:
    """Drain, and return what has landed."""
    with open_warehouse(settings) as warehouse:
        ingest.load(settings, warehouse)
        relation = warehouse.relation("raw", "offline_outcomes")
        named = ", ".join((*COLUMNS, "_sheet", "_row"))
        return warehouse.fetch(f"select {named} from {relation} order by _row")


def test_every_outcome_lands_once_on_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = {}
    with serve("test-project", "asia-northeast3") as server:
        bigquery = (
            "  type: bigquery\n  bigquery:\n    project: test-project\n"
            f"    api_endpoint: {server.url}\n    retry_seconds: 5\n"
        )
        for kind, warehouse in (("duckdb", "  type: duckdb\n"), ("bigquery", bigquery)):
            settings = workspace(tmp_path / kind, warehouse)
            receive(settings, 1, 2, 3)
            assert [row["outcome_id"] for row in load(settings)] == ["O1", "O2", "O3"]
            receive(settings, 4, 5)
            with monkeypatch.context() as patched:
                # killed after the rows landed, before anybody knew
                patched.setattr(draining, "_is_recorded", lambda *_: (_ for _ in ()).throw(Died))
                with pytest.raises(Died):
                    load(settings)
            load(settings)
            landed[kind] = load(settings)
            assert [row["outcome_id"] for row in landed[kind]] == ["O1", "O2", "O3", "O4", "O5"]
    assert landed["bigquery"] == landed["duckdb"]
