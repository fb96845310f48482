"""What a test plans to go wrong: with requests, and with jobs that were accepted."""

import re
from dataclasses import dataclass

from local_bigquery.server.errors import BigQueryError


@dataclass
class Fault:
    """The next `times` things whose text `pattern` finds fail; without `error`, by a cut line."""

    pattern: re.Pattern[str]
    error: BigQueryError | None
    times: int


class Faults:
    """Faults in the order in which they were planned."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def plan(self, pattern: str, error: BigQueryError | None, times: int) -> None:
        self._planned.append(Fault(re.compile(pattern, re.DOTALL), error, times))

    def clear(self) -> None:
        self._planned.clear()

    def strike(self, text: str) -> None:
        """Raise what was planned for it: BigQueryError, or ConnectionAbortedError for a cut."""
        for fault in self._planned:
            if fault.times and fault.pattern.search(text):
                fault.times -= 1
                if fault.error is None:
                    raise ConnectionAbortedError
                raise fault.error.again()
