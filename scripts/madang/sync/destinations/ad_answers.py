"""What answers of ad platforms share: a row that is refused, a request's name, what says nothing.

What a platform means by an answer is in its own module (`meta.answers`, …).
"""

from typing import TYPE_CHECKING, Any

from madang.sync import DestinationUnclear
from madang.sync.destinations.base import Outcome
from madang.sync.destinations.rows import CORRECT

if TYPE_CHECKING:
    from madang.http.client import Reply

AGAIN = "the same command sends it again, which changes nothing there"
NEVER_AGAIN = "it is not sent again"


def refused_by(platform: str, problem: str) -> Outcome:
    """Return the outcome of a row that a platform refused, with its words as the problem."""
    return Outcome("rejected", f"refused by {platform.lower()}", problem, CORRECT)


def plain_reference(told: Any) -> str | None:
    """Return a platform's name of a request; None for what is none that can be kept in a line."""
    is_plain = isinstance(told, str) and told.isprintable() and " " not in told
    return told if is_plain else None


def unlike(platform: str, reply: "Reply", then: str = AGAIN) -> DestinationUnclear:
    """Return the error for an answer that does not say what became of the request."""
    return DestinationUnclear(
        f"This address answered {reply.status}, but not as {platform} does.",
        fix="Check the URL in madang.yml: it may be a proxy's. What this request held may have "
        f"arrived or not; {then}.",
    )
