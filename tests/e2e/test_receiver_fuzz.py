"""The published contract, fuzzed: what the schema allows and forbids is answered as it says.

Schemathesis reads /openapi.json, makes requests of it, good ones and broken ones, and holds every
answer to it. MADANG_FUZZ_EXAMPLES sets how many a kind and phase, MADANG_FUZZ_SEED which.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

from receiver_calls import Running, key_for, receiving_workspace

EXAMPLES = os.environ.get("MADANG_FUZZ_EXAMPLES", "40")
SEED = os.environ.get("MADANG_FUZZ_SEED", "20261006")


def test_every_answer_to_good_and_broken_requests_is_as_published(tmp_path, measured):
    # one item a request: of several, one good item is accepted beside any broken one
    settings = receiving_workspace(tmp_path, requests_per_minute=10_000_000, max_items=1)
    with Running(settings, key_for(settings)) as receiver:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{receiver.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {receiver.key}", "--no-color"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED),
            # the schema cannot say which telephone numbers or dates there are
            *("--exclude-checks", "positive_data_acceptance"),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
        told = receiver.log.read_text()
    made = re.search(r"(\d+) generated", ended.stdout)
    summary = ended.stdout.partition("= SUMMARY =")[2] or ended.stdout[-3000:] + ended.stderr
    assert ended.returncode == 0, f"{ended.stdout[:6000]}\n…\n{summary}"
    statuses = re.findall(r"POST /v1/\w+ (\d+)", told)
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    measured(f"schemathesis: {made and made[1]} test cases, answers {counts}")
    assert {"202", "400", "401", "415", "422"} <= set(counts)
    assert not [status for status in counts if status.startswith("5")]
    assert "fault" not in told
    with closing(sqlite3.connect(settings.paths.received)) as inbox:
        columns, texts = zip(
            *inbox.execute("select columns, texts from items join requests using (request_id)"),
            strict=True,
        )
    assert len(texts) == sum(
        "accepted=1" in line and "replayed=no" in line for line in told.splitlines()
    )
    for names, kept in zip(columns, texts, strict=True):
        item = dict(zip(json.loads(names), json.loads(kept), strict=True))
        moments = [item[name] for name in item if name.endswith("_at") and item[name]]
        assert all(re.search(r"[+-]\d\d:\d\d$", moment) for moment in moments)
