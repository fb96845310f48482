"""When a request is tried again: after which answers, after which pauses, for how long."""

from dataclasses import dataclass

import requests

from madang.http.exchange import Broken

RETRIED_STATUSES = frozenset({408, *range(500, 600)})


@dataclass(frozen=True)
class Retry:
    """How long one request may be tried. Seconds everywhere."""

    attempts: int = 7
    first_contact: int = 3  # attempts while the other side has never answered: a wrong address
    first_pause: float = 0.5
    longest_pause: float = 30.0
    budget: float = 180.0
    longest_rate_wait: float = 900.0

    def pause(self, failures: int, chance: float) -> float:
        """Return the pause after the n-th failure: doubling, between half and whole of it."""
        whole = min(self.longest_pause, self.first_pause * 2 ** (failures - 1))
        return whole * (0.5 + chance / 2)


def never_left(error: Exception) -> bool:
    """Say whether it is sure that a failed request did not reach the other side."""
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return True
    if isinstance(error, requests.ConnectTimeout):
        return True
    return _was_refused(str(error)) or _has_no_host(str(error))


def plain_trouble(error: Exception, timeout: float) -> str:
    """Say what went wrong without the addresses and objects in the library's own text."""
    if isinstance(error, Broken):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate could not be verified"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be reached"
    if isinstance(error, requests.Timeout):
        return f"it did not answer within {timeout:.0f} seconds"
    if _was_refused(str(error)):
        return "nobody listens at this address (connection refused)"
    if _has_no_host(str(error)):
        return "this host name does not exist"
    return "the connection broke"


def _was_refused(text: str) -> bool:
    return "refused" in text


def _has_no_host(text: str) -> bool:
    return "resolve" in text or "getaddrinfo" in text or "Name or service" in text
