"""Meta's custom audiences: found by their name, looked at, made where there is none.

- https://developers.facebook.com/docs/marketing-api/reference/custom-audience (subtype,
  operation_status, the bounds of its size; one that is not used for two years is deleted there)
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationUnclear
from madang.sync.destinations.members import ListTrouble
from madang.sync.destinations.meta.answers import not_understood

if TYPE_CHECKING:
    from madang.http.client import Reply

TRIES = 3  # to make an audience
MOST_PAGES = 100  # of an account's audiences
BOUNDS = ("approximate_count_lower_bound", "approximate_count_upper_bound")
FIELDS = ",".join(("id", "name", "subtype", "operation_status", *BOUNDS))
FLAGGED = 471  # operation_status: the name suggests health or money
NAMED = "madang_"


class Audiences:
    """The custom audiences of one ad account, by audience. `ask` makes a request and reads it."""

    def __init__(self, ask: "Callable[..., Reply]", account: str) -> None:
        self._ask = ask
        self._path = f"/act_{account}/customaudiences"
        self._listed: dict[str, list[dict[str, Any]]] | None = None
        self._troubles: dict[str, ListTrouble] = {}

    def id_of(self, name: str) -> str:
        """Return the id of the custom audience of an audience; make it where there is none.

        Raises ListTrouble where it is one that cannot be used: another kind of audience, or one
        that Meta blocks.
        """
        if name in self._troubles:
            raise self._troubles[name]
        called = NAMED + name
        if self._listed is None:
            self._listed = self._all()
        for _ in range(TRIES):
            if found := self._listed.get(called):
                if trouble := _trouble(called, found):
                    self._troubles[name] = trouble
                    raise trouble
                return found[0]["id"]
            try:
                made = {"id": self._made(called), "subtype": "CUSTOM"}
                self._listed[called] = [made]
            except DestinationUnclear:  # it may be there: look before making another
                self._listed = self._all()
        raise DestinationUnclear(
            f"Whether Meta made the audience {called} is unknown.",
            fix="Look there for it, then run the same command again.",
        )

    def is_there(self, name: str) -> bool:
        """Say whether an audience has a custom audience, of whatever kind."""
        if self._listed is None:
            self._listed = self._all()
        return NAMED + name in self._listed

    def size(self, name: str) -> tuple[int, int] | None:
        """Return between how many people Meta counts in an audience; None where it does not say.

        Of one that is small or not ready the bounds are below zero.
        """
        if self._listed is None:
            self._listed = self._all()
        found = self._listed.get(NAMED + name, [{}])[0]
        low, high = (found.get(bound) for bound in BOUNDS)
        if type(low) is int and type(high) is int and 0 <= low <= high:
            return low, high
        return None

    def block(self, name: str, trouble: ListTrouble) -> None:
        """Note that nothing more may go to an audience in this run."""
        self._troubles[name] = trouble

    def ours(self) -> list[tuple[str, ListTrouble | None]]:
        """Return the audiences that this project named, each with what is wrong with it."""
        self._listed = self._all()
        return [
            (called, _trouble(called, found))
            for called, found in sorted(self._listed.items())
            if called.startswith(NAMED)
        ]

    def _all(self) -> dict[str, list[dict[str, Any]]]:
        """Return the account's custom audiences by name; several may have one name."""
        found: dict[str, list[dict[str, Any]]] = {}
        after = None
        for _ in range(MOST_PAGES):
            params = {"fields": FIELDS, "limit": "500"} | ({"after": after} if after else {})
            reply = self._ask("GET", self._path, params=params)
            body = reply.body or {}
            listed, paging = body.get("data"), body.get("paging") or {}
            if not isinstance(listed, list) or not isinstance(paging, dict):
                raise not_understood(reply)
            for one in listed:
                if isinstance(one, dict) and isinstance(one.get("id"), str):
                    found.setdefault(str(one.get("name")), []).append(one)
            after = (paging.get("cursors") or {}).get("after") if paging.get("next") else None
            if not isinstance(after, str):
                return found
        return found

    def _made(self, called: str) -> str:
        wanted = {
            "name": called,
            "subtype": "CUSTOM",
            "description": "Members are kept by Madang.",
            "customer_file_source": "USER_PROVIDED_ONLY",
        }
        reply = self._ask("POST", self._path, once=True, data=json.dumps(wanted).encode())
        made = (reply.body or {}).get("id")
        if not isinstance(made, str) or not made.isdecimal():
            raise not_understood(reply)
        return made


def _trouble(called: str, found: list[dict[str, Any]]) -> ListTrouble | None:
    """Say why members must not go to the audience of a name; None where they may."""
    if len(found) > 1:
        return ListTrouble(
            f"Meta has {len(found)} audiences called {called}.",
            fix="Give all but one of them another name in Meta's Audience Manager.",
        )
    if found[0].get("subtype", "CUSTOM") != "CUSTOM":
        return ListTrouble(
            f"The audience {called} at Meta is no customer list.",
            fix="Give it another name in Meta's Audience Manager; the next run makes one.",
        )
    status = found[0].get("operation_status")
    if isinstance(status, dict) and status.get("code") == FLAGGED:
        return ListTrouble(
            f"Meta blocks the audience {called} for what its name suggests.",
            fix="Ask Meta for a review, or leave the audience out of the sync.",
        )
    return None
