"""Posts a second that are on disk when they are answered, and how fast the load drains them.

    python benchmarks/receiver.py [--seconds 4] [--items 100000]

Starts `madang receive` in a temporary workspace and four client processes, which share the machine
with it. A client waits for each answer before it sends the next post on that connection; with one
connection a client, four posts are under way and the disk's own wait decides, with eight 32 are,
as from the connection pools of partners' servers. Then it sends `--items` outcomes in batches and
times the drain (into a new warehouse) and the whole command `madang load inbox`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from madang.ingest.inbox import drain  # noqa: E402
from madang.ingest.sources import read_sources  # noqa: E402
from madang.warehouse import open_warehouse  # noqa: E402
from receiver_calls import COMMAND, Running, key_for, outcome, receiving_workspace  # noqa: E402

CLIENTS = 4
BARS = {"posts": 1000, "p99": 50, "drain": 5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--items", type=int, default=100_000, help="to drain")
    parser.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        address, key, connections, seconds = given.client
        asyncio.run(client(address, key, int(connections), float(seconds)))
        return
    print(f"a commit of this disk: {commit_time():.1f} ms (median of fdatasync)\n")
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder:
        settings = receiving_workspace(Path(folder), requests_per_minute=10_000_000)
        with Running(settings, key_for(settings)) as receiver:
            print("| clients | connections each | posts/s | p50 ms | p99 ms | bar |")
            print("|---|---|---|---|---|---|")
            for connections in (1, 4, 8, 16):
                measure(receiver, connections, given.seconds)
            fill(receiver, given.items)
            receiver.end()
        drained(settings, given.items)


def commit_time() -> float:
    """Return the median of 100 waits for the disk, in ms."""
    times = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(100):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return sorted(times)[50] * 1000


def measure(receiver: Running, connections: int, seconds: float) -> None:
    """Let four client processes post as fast as they are answered; print one row."""
    address = receiver.url.removeprefix("http://")
    command = [sys.executable, __file__, "--client", address, receiver.key]
    clients = [
        subprocess.Popen([*command, str(connections), str(seconds)], stdout=subprocess.PIPE)
        for _ in range(CLIENTS)
    ]
    waits = sorted(wait for one in clients for wait in json.loads(one.communicate()[0]))
    rate = len(waits) / seconds
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    met = "met" if rate >= BARS["posts"] and p99 < BARS["p99"] else "not met"
    row = (CLIENTS, connections, f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}", met)
    print(f"| {' | '.join(map(str, row))} |", flush=True)


async def client(address: str, key: str, connections: int, seconds: float) -> None:
    """Post on some connections at once; print the wait for every answer, in seconds."""
    host, _, port = address.partition(":")
    waits: list[float] = []
    ends = time.perf_counter() + seconds

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        sent = 0
        while time.perf_counter() < ends:
            sent += 1
            body = json.dumps(outcome(f"{os.getpid()}-{number}-{sent}")).encode()
            head = (
                f"POST /v1/outcomes HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            begun = time.perf_counter()
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 202"), answer
            length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            waits.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    print(json.dumps(waits))


def fill(receiver: Running, items: int) -> None:
    """Send outcomes in batches of a thousand."""
    begun = time.perf_counter()
    for first in range(0, items, 1000):
        answer = receiver.post("outcomes", [outcome(f"x{n}") for n in range(first, first + 1000)])
        assert answer.status_code == 202, answer.text
    spent = time.perf_counter() - begun
    print(f"\n{items:,} outcomes taken in batches of 1,000: {items / spent:,.0f} outcomes/s")


def drained(settings, items: int) -> None:
    """Drain what waits into a new warehouse, then time the whole command on as much again."""
    tables = read_sources(settings.project_dir)
    with open_warehouse(settings) as warehouse:
        begun = time.perf_counter()
        (report,) = drain(settings, warehouse, tables)
        spent = time.perf_counter() - begun
    per = spent * 100_000 / report.loaded
    met = "met" if per < BARS["drain"] else "not met"
    print(f"drained {report.loaded:,} outcomes in {spent:.1f} s; 100,000 in {per:.1f} s ({met})")
    begun = time.perf_counter()
    command = [*COMMAND, "--config", str(settings.root), "load", "inbox"]
    subprocess.run(command, check=False, capture_output=True)
    print(f"'madang load inbox' with nothing left: {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
