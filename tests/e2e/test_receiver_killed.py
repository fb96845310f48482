"""Receiver and load are killed at random, again and again: every acknowledged outcome is in, once.

MADANG_FAULT_SECONDS sets how long (18 by default, minutes by hand); MADANG_FAULT_SEED when.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import requests

from madang.warehouse import open_warehouse
from receiver_calls import Running, key_for, outcome, receiving_workspace

SECONDS = float(os.environ.get("MADANG_FAULT_SECONDS", "18"))
SEED = int(os.environ.get("MADANG_FAULT_SEED", time.time_ns() % 100_000))
# the load without the command line's own second of imports, so that it is hit at work
LOAD = """
import sys, time
from pathlib import Path
from madang.settings.workspace import load_settings
from madang import ingest
from madang.warehouse import open_warehouse
settings = load_settings(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    with open_warehouse(settings) as warehouse:
        ingest.load(settings, warehouse)
    if sys.argv[2] == "once":
        break
"""


class Partner(threading.Thread):
    """Sends batches until told to stop; sends a batch again, same key, until it is answered."""

    def __init__(self, name: str, address: list[str], key: str) -> None:
        super().__init__(name=name, daemon=True)
        self.address = address
        self.key = key
        self.acknowledged: list[str] = []
        self.repeated = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        batch = 0
        while not self.stopping.is_set():
            batch += 1
            names = [f"{self.name}-{batch}-{at}" for at in range(1 + batch % 7)]
            self._send(f"{self.name}-{batch}", [outcome(name) for name in names])
            self.acknowledged += [f"O-{name}" for name in names]

    def _send(self, key: str, items: list[dict]) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key}
        while True:
            try:
                url = f"{self.address[0]}/v1/outcomes"
                answer = requests.post(url, json=items, headers=headers, timeout=10)
            except requests.RequestException:
                self.repeated += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 202:
                assert answer.json()["accepted"] == len(items)
                return
            assert answer.status_code == 503, answer.text
            time.sleep(0.05)


class Loader:
    """A process that loads over and over, killed and started again."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", LOAD, self.root, "forever"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def wait_until_at_work(self) -> None:
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        assert self.process.poll() is None, "the load ended by itself"
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL
        self.process.stdout.close()


def test_every_acknowledged_outcome_is_in_and_none_twice(tmp_path, measured):
    chance = random.Random(SEED)
    settings = receiving_workspace(tmp_path, requests_per_minute=10_000_000)
    receiver = Running(settings, key_for(settings)).__enter__()
    address = [receiver.url]
    partners = [Partner(f"p{n}", address, receiver.key) for n in range(4)]
    for partner in partners:
        partner.start()
    loader = Loader(str(settings.root))
    kills = {"receiver": 0, "load": 0}
    ends = time.monotonic() + SECONDS
    try:
        while time.monotonic() < ends:
            loader.wait_until_at_work()
            time.sleep(chance.uniform(0, 0.8))
            if chance.random() < 0.5:
                receiver.end(signal.SIGKILL)
                kills["receiver"] += 1
                receiver = Running(settings, receiver.key).__enter__()
                address[0] = receiver.url
            loader.kill()
            kills["load"] += 1
            loader.start()
        for partner in partners:
            partner.stopping.set()
        for partner in partners:
            partner.join(30)
            assert not partner.is_alive(), "a batch was never answered"
    finally:
        for partner in partners:
            partner.stopping.set()
        loader.process.kill()
        loader.process.wait()
        receiver.__exit__()
    subprocess.run([sys.executable, "-c", LOAD, str(settings.root), "once"], check=True)
    acknowledged = [name for partner in partners for name in partner.acknowledged]
    with open_warehouse(settings) as warehouse:
        table = warehouse.relation("raw", "offline_outcomes")
        landed = [row["outcome_id"] for row in warehouse.fetch(f"select outcome_id from {table}")]
        ledger = warehouse.fetch(
            f"select sum(loaded) as n, count(*) - count(distinct sha256) as repeated "
            f"from {warehouse.relation('raw', '_files')}"
        )
    measured(
        f"killed the receiver {kills['receiver']} and the load {kills['load']} times (seed {SEED}):"
        f" {len(acknowledged):,} outcomes acknowledged, {len(landed):,} landed,"
        f" {sum(partner.repeated for partner in partners):,} posts had to be repeated"
    )
    assert kills["receiver"] and kills["load"] and len(acknowledged) > 100
    assert len(landed) == len(set(landed)), "an outcome landed twice"
    assert set(landed) == set(acknowledged), "what was acknowledged is not what landed"
    assert ledger == [{"n": len(landed), "repeated": 0}]
