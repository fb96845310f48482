"""Posts a second that are on disk when they are answered, and how fast the load drains them.

    python benchmarks/receiver.py [--seconds 4] [--items 100000] [--write]

Starts `madang receive` in a temporary workspace and four client processes, which share the machine
with it. A client waits for each answer before it sends the next post on that connection; with one
connection a client, four posts are under way and the disk's own wait decides, with eight 32 are,
as from the connection pools of partners' servers. Then it sends `--items` outcomes in batches and
times the drain (into a new warehouse) and the whole command `madang load inbox`. `--write` puts
the tables into docs/benchmarks.md.
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

from processes import machine, met, table, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from madang.ingest.calls.drain import drain  # noqa: E402
from madang.ingest.sources import read_sources  # noqa: E402
from madang.warehouse import open_warehouse  # noqa: E402
from receiver_calls import COMMAND, Running, key_for, outcome, receiving_workspace  # noqa: E402

CLIENTS = 4
BARS = {"posts": 1000, "p99": 50, "drain": 5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--items", type=int, default=100_000, help="to drain")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        address, key, connections, seconds = given.client
        asyncio.run(client(address, key, int(connections), float(seconds)))
        return
    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder:
        settings = receiving_workspace(Path(folder), requests_per_minute=10_000_000)
        with Running(settings, key_for(settings)) as receiver:
            posts = [measure(receiver, connections, given.seconds) for connections in (1, 4, 8, 16)]
            taken = fill(receiver, given.items)
            receiver.end()
        steps = [taken, *drained(settings)]
    bar = f"≥ {BARS['posts']:,} posts/s, p99 < {BARS['p99']} ms"
    text = (
        f"## Receiver\n\n`python benchmarks/receiver.py` on {machine('duckdb', 'uvicorn')}. "
        f"{CLIENTS} client processes on the same processors; a commit of this disk: "
        f"{commit_time():.1f} ms (median of fdatasync).\n\n"
        + table(("connections of each", "posts/s", "p50 ms", "p99 ms", f"met ({bar})"), posts)
        + "\n\n"
        + table(("step", "wall s", "bar", "met"), steps)
    )
    print(text)
    if given.write:
        write("receiver", text)


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


def measure(receiver: Running, connections: int, seconds: float) -> tuple[object, ...]:
    """Let four client processes post as fast as they are answered; return one row."""
    address = receiver.url.removeprefix("http://")
    command = [sys.executable, __file__, "--client", address, receiver.key]
    clients = [
        subprocess.Popen([*command, str(connections), str(seconds)], stdout=subprocess.PIPE)
        for _ in range(CLIENTS)
    ]
    waits = sorted(wait for one in clients for wait in json.loads(one.communicate()[0]))
    rate = len(waits) / seconds
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    is_met = rate >= BARS["posts"] and p99 < BARS["p99"]
    return (connections, f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}", met(is_met))


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


def fill(receiver: Running, items: int) -> tuple[str, ...]:
    """Send outcomes in batches of a thousand."""
    begun = time.perf_counter()
    for first in range(0, items, 1000):
        answer = receiver.post("outcomes", [outcome(f"x{n}") for n in range(first, first + 1000)])
        assert answer.status_code == 202, answer.text
    spent = time.perf_counter() - begun
    return (f"{items:,} outcomes posted in batches of 1,000", f"{spent:.1f}", "", "")


def drained(settings) -> list[tuple[str, ...]]:
    """Drain what waits into a new warehouse, then time the whole command with nothing left."""
    tables = read_sources(settings.project_dir)
    with open_warehouse(settings) as warehouse:
        begun = time.perf_counter()
        (report,) = drain(settings, warehouse, tables)
        spent = time.perf_counter() - begun
    is_met = spent * 100_000 / report.loaded < BARS["drain"]
    begun = time.perf_counter()
    command = [*COMMAND, "--config", str(settings.root), "load", "inbox"]
    subprocess.run(command, check=False, capture_output=True)
    idle = time.perf_counter() - begun
    bar = f"< {BARS['drain']} s for 100,000"
    return [
        (f"{report.loaded:,} outcomes drained", f"{spent:.1f}", bar, met(is_met)),
        ("`madang load inbox` with nothing left", f"{idle:.1f}", "", ""),
    ]


if __name__ == "__main__":
    main()
