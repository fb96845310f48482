"""Sends batches over several connections at once; who uses it keeps the journal.

A destination says how many it takes (`connections`, 1 unless it does). Its `send` is then called by
as many threads at a time, so its batches must not depend on the order in which they arrive. Threads
touch nothing but the destination: batches go in and answers come out in the thread of the engine.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from madang.sync import DestinationLimited, DestinationRefused
from madang.sync.destinations.base import Batch, Destination, Receipt


@dataclass(frozen=True)
class Answered:
    """A batch that was sent: its receipt, or the error that stops the run."""

    batch: Batch
    receipt: Receipt | None = None
    error: BaseException | None = None

    @property
    def is_known(self) -> bool:
        """Whether its fate is known: it is not after an error, save a refusal of it all."""
        refusals = (DestinationRefused, DestinationLimited)
        return self.error is None or isinstance(self.error, refusals)

    @property
    def noted(self) -> tuple[Batch, Receipt | None]:
        """What the journal notes of a batch whose fate is known."""
        return self.batch, self.receipt


class Connections:
    """The connections of a run. With one, batches leave one after the other."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self.most = getattr(destination, "connections", 1)
        self._in_flight = 0
        self._threads = 0
        self._tasks: SimpleQueue[tuple[int, Batch] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, Answered]] = SimpleQueue()

    @property
    def free(self) -> int:
        """How many batches may leave now."""
        return self.most - self._in_flight

    @property
    def has_answers(self) -> bool:
        """Whether `answers` would not have to wait."""
        return not self._answers.empty()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight."""
        return self._in_flight == 0

    def start(self, batches: Mapping[int, Batch]) -> None:
        """Let batches leave, each by its number; at most as many as are `free`."""
        self._in_flight += len(batches)
        while self._threads < self._in_flight:
            # a daemon: a run that is interrupted waits for no answer
            threading.Thread(target=self._work, name="sync", daemon=True).start()
            self._threads += 1
        for task in batches.items():
            self._tasks.put(task)

    def answers(self) -> dict[int, Answered]:
        """Wait for an answer; return it with all others that came meanwhile, by their numbers."""
        found = [self._answers.get()]
        try:
            while True:
                found.append(self._answers.get_nowait())
        except Empty:
            self._in_flight -= len(found)
            return dict(found)

    def close(self) -> None:
        """Let the threads end, each after the batch that it has."""
        for _ in range(self._threads):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            number, batch = task
            try:
                answered = Answered(batch, self._destination.send(batch))
            except BaseException as error:  # the engine's thread raises it
                answered = Answered(batch, error=error)
            self._answers.put((number, answered))
            del task, batch, answered  # nothing of it is kept while the next one is waited for
