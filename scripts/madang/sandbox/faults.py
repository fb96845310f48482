"""Trouble on demand: what a local server shall do wrong with its next requests."""

import threading
from dataclasses import asdict, dataclass
from typing import Any

KINDS = {
    "status": "answer with `status` instead of processing",
    "rate_limit": "answer 429; the window ends in `seconds`",
    "blocked": "answer 429 without saying for how long (Marketing Cloud)",
    "garbage": "answer 200 with a page of a proxy's instead of processing",
    "drop_before": "close the connection before processing",
    "drop_after": "process, then close the connection without an answer",
    "slow": "wait `seconds` before processing",
    "reject": "refuse the objects whose id is in `keys`, inside a 201",
    "reject_vaguely": "as reject, but without saying which object it is",
    "fatal": "answer 400, naming nobody, while one of `keys` is in the request",
    "transient": "answer with an error that passes, in the words of the body (Meta)",
    "error_in_200": "answer 200 with an error in the body, of the code `status` (Meta)",
    "expire": "forget every access token before processing (Salesforce, Google)",
    "limit": "answer that the calls of 24 hours are used up (Salesforce)",
    "row_lock": "let another change hold the records whose external ids or ids are in `rows`",
    "request_lock": "refuse a whole request, for another change holds its records (Salesforce)",
    "job_failed": "let the job fail (Salesforce)",
    "never_ends": "let the job that is made stay at work (Salesforce)",
    "short": "tell more records than are given (Salesforce)",
}


@dataclass
class Fault:
    """One kind of trouble, for `times` requests (None: for ever), after `after` good ones.

    With `keys`, only for requests that are about one of them: external ids in the local Braze; in
    the local Salesforce a kind of request (token, describe, query, more, job, results) or an
    object.
    """

    kind: str
    times: int | None = 1
    after: int = 0
    status: int = 503
    seconds: float = 1.0
    keys: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault '{self.kind}', known: {', '.join(KINDS)}")
        self.keys = tuple(self.keys)


class Faults:
    """The faults that are set, each used up as requests come. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: list[Fault] = []

    def add(self, kind: str, **options: Any) -> None:
        """Set a fault. Several may stand at once; each counts the requests that it sees."""
        fault = Fault(kind, **options)
        with self._lock:
            self._set.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._set.clear()

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._set]

    def next(self, keys: set[str]) -> list[Fault]:
        """Return the faults that concern a request about these keys, and use them up."""
        with self._lock:
            concerned = [fault for fault in self._set if not fault.keys or keys & set(fault.keys)]
            due = []
            for fault in concerned:
                if fault.after > 0:
                    fault.after -= 1
                    continue
                due.append(fault)
                if fault.times is not None:
                    fault.times -= 1
            self._set = [fault for fault in self._set if fault.times is None or fault.times > 0]
            return due
