"""How a request to Braze is sent and its answer becomes a receipt, whatever the request is about.

Where Braze does not say which object it means, a batch goes again in halves, but only where that
repeats nothing that must not be repeated: a 4xx says that nothing was processed. After a 2xx what
is unclear of events and messages stays unknown.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from madang.sync import DestinationLimited, DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import ACCEPTED, Batch, Outcome, Receipt
from madang.sync.destinations.braze.answers import (
    Place,
    Verdict,
    judge,
    not_understood,
    rejected,
)
from madang.sync.destinations.parts import rest_not_sent
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

SYSTEMATIC = 10  # when so many objects of one request all fail, it is not about the objects
#: Of some objects of a batch, by their place in it: the body of their request.
Body = Callable[[Sequence[int]], bytes]
#: Of the same: where each stands in that request.
Places = Callable[[Sequence[int]], Sequence[Place]]


class Sending:
    """The requests of one run to one address. `permission` is what the key must be allowed to."""

    def __init__(
        self,
        http: "Client",
        permission: str,
        *,
        may_repeat: bool = True,
        known: frozenset[str] = frozenset(),
    ) -> None:
        self.http = http
        self._permission = permission
        self._may_repeat = may_repeat
        self._known = known  # what may stand in an answer of success, besides counts
        self._has_accepted = False

    def send(
        self, batch: Batch, path: str, body: Body, places: Places, method: str = "POST"
    ) -> Receipt:
        """Send a batch, in parts where Braze does not say which object it means."""
        receipt = Receipt()
        waiting = [list(range(len(batch.objects)))]
        references = []
        while waiting:
            part = waiting.pop()
            try:
                reply = self.http.post(path, body(part), method=method)
                verdict = self._judged(reply, path, places(part))
            except (DestinationRefused, DestinationLimited) as stop:
                rest_not_sent(batch, receipt, stop)
                break
            receipt.http_status = reply.status
            receipt.attempts += reply.attempts
            references += [_reference(reply)] if verdict.accepted else []
            for at in verdict.accepted:
                receipt.outcomes[batch.objects[part[at]].number] = ACCEPTED
            for at, problem in verdict.rejected.items():
                receipt.outcomes[batch.objects[part[at]].number] = rejected(problem)
            if verdict.again:
                waiting.append([part[at] for at in verdict.again])
            unclear = [part[at] for at in verdict.unclear]
            if unclear and reply.is_good and not self._may_repeat:
                for at in unclear:
                    receipt.outcomes[batch.objects[at].number] = _unknown(verdict.words)
            elif len(unclear) == 1:
                receipt.outcomes[batch.objects[unclear[0]].number] = rejected(verdict.words)
            elif unclear:
                middle = len(unclear) // 2
                waiting += [unclear[middle:], unclear[:middle]]
            self._stop_if_systematic(batch, receipt, reply, path)
        receipt.remote_reference = " ".join(filter(None, references)) or None
        return receipt

    def clean(self, words: str) -> str:
        """Take the key and personal data out of foreign words before anyone sees them."""
        return harmless(self.http.redact(words))

    def _judged(self, reply: "Reply", path: str, places: Sequence[Place]) -> Verdict:
        try:
            verdict = judge(reply, places, self.clean, self._known)
        except DestinationUnclear as unclear:
            raise unclear if self._may_repeat else self._never_again(unclear) from None
        verdict.words = self.clean(verdict.words)
        verdict.rejected = {at: self.clean(words) for at, words in verdict.rejected.items()}
        if reply.status in (401, 403):
            raise self.refused(reply.status, verdict.words)
        if not 200 <= reply.status < 500:
            unclear = not_understood(reply, "Its status means nothing.")
            raise unclear if self._may_repeat else self._never_again(unclear)
        if reply.status not in (400, 413) and reply.status >= 300:
            raise self._unexpected(reply.status, path, verdict.words)
        self._has_accepted |= bool(verdict.accepted)
        return verdict

    def _stop_if_systematic(
        self, batch: Batch, receipt: Receipt, reply: "Reply", path: str
    ) -> None:
        """Stop where a whole request failed for one reason before anything was ever accepted.

        Then it is the attribute or the account, and all the rest would fail alike. Of a 4xx it is
        sure that nothing was stored; beside a 2xx it is not.
        """
        outcomes = list(receipt.outcomes.values())
        if self._has_accepted or len(outcomes) < max(SYSTEMATIC, len(batch.objects)):
            return
        if all(one.status == "rejected" for one in outcomes):
            reasons = {one.problem for one in outcomes}
            if len(reasons) == 1:
                is_sure = reply.status >= 400
                fix = "Correct the activation model, then plan again."
                fix += " Nothing of this request was stored." if is_sure else ""
                raise (DestinationRefused if is_sure else DestinationUnclear)(
                    f"Braze refuses every object of a request: {reasons.pop()}",
                    where=self.http.url + path,
                    fix=fix,
                )

    def _never_again(self, unclear: DestinationUnclear) -> DestinationUnclear:
        return DestinationUnclear(
            unclear.message,
            fix="Check the URL in madang.yml: it may be a proxy's or a login page's. What this "
            "request held may have arrived or not; it is not sent again, and counts as unknown.",
        )

    def refused(self, status: int, words: str, permission: str | None = None) -> DestinationRefused:
        """Return the error for a key that may not do this: it lacks the permission."""
        if status == 401:
            return DestinationRefused(
                f"Braze does not accept the key: {words or '401 Unauthorized'}",
                where=self.http.url,
                fix="Check the key. A right key is refused too when the address is another "
                "instance's: compare the URL in madang.yml with the one in Braze under Settings > "
                "APIs and Identifiers (Korea: https://rest.kr-01.braze.com).",
            )
        return DestinationRefused(
            f"Braze forbids this: {words or '403 Forbidden'}",
            where=self.http.url,
            fix=f"Give the REST API key the permission {permission or self._permission}, and check "
            "its IP allowlist.",
        )

    def _unexpected(self, status: int, path: str, words: str) -> DestinationRefused:
        return DestinationRefused(
            f"This address does not answer as Braze's REST API does: HTTP {status}"
            + (f", {words}" if words else "."),
            where=self.http.url + path,
            fix="The URL in madang.yml must be the REST endpoint of your Braze instance, such as "
            "https://rest.kr-01.braze.com, without a path.",
        )


def _unknown(words: str) -> Outcome:
    """Return the outcome of what Braze may have taken, and what is therefore not sent again."""
    return Outcome(
        "unknown",
        reason="not named by braze",
        problem=words or "Braze did not say which object it refused.",
        fix="Look the request up in Braze under Settings > API and Identifiers > Message log.",
    )


def _reference(reply: "Reply") -> str | None:
    """Return the id that Braze gave a sending, where it gives one."""
    found = (reply.body or {}).get("dispatch_id")
    return harmless(found) if isinstance(found, str) and found.isprintable() else None
