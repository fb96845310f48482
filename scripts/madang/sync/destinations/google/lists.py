"""Google's user lists: found by their integration code, looked at, made where there is none.

- https://developers.google.com/data-manager/api/reference/rest/v1/accountTypes.accounts.userLists
  (a list carries no labels: whose it is, is said by the integration code alone; the duration is an
  exact multiple of a day; the kind of keys cannot be changed later)
"""

import re
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationUnclear
from madang.sync.destinations.google.answers import judge, not_understood
from madang.sync.destinations.members import ListTrouble

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

TRIES = 3  # to make a list
DAY = 86_400  # membershipDuration must be an exact multiple of it
SECONDS = re.compile(r"(\d{1,12})s")
FIX = "Give that list another integration code in Google Ads; the next run makes one of its own."


class Lists:
    """The lists of one Google Ads account, by audience."""

    def __init__(self, client: "Client", account: str, membership_days: int) -> None:
        self._client = client
        self._account = account
        self._membership_days = membership_days
        self._ids: dict[str, str] = {}
        self._troubles: dict[str, ListTrouble] = {}

    def id_of(self, name: str) -> str:
        """Return the id of the list of an audience; make the list where there is none.

        Raises ListTrouble where it is one that cannot be used: that of another purpose, or closed.
        """
        if name in self._troubles:
            raise self._troubles[name]
        if name not in self._ids:
            try:
                self._ids[name] = self.found(name) or self._made_once(name)
            except ListTrouble as trouble:
                self._troubles[name] = trouble
                raise
        return self._ids[name]

    def is_there(self, name: str) -> bool:
        """Say whether an audience has a list; what is wrong with it is said when it is used."""
        if name not in self._ids and name not in self._troubles:
            try:
                if (found := self.found(name)) is None:
                    return False
                self._ids[name] = found
            except ListTrouble as trouble:
                self._troubles[name] = trouble
        return True

    def found(self, name: str) -> str | None:
        """Return the id of the list of an audience; None where there is none."""
        reply = self._client.request(
            "GET", self._path, params={"filter": f'integration_code = "{name}"'}
        )
        found = _understood(reply).get("userLists", [])
        if not isinstance(found, list):
            raise not_understood(reply)
        listed = [one for one in found if isinstance(one, dict)]
        ours = [one for one in listed if one.get("integrationCode") == name]
        if len(ours) > 1:
            raise ListTrouble(
                f"Google has {len(ours)} lists with the integration code '{name}'.",
                fix="Give all but one of them another code in Google Ads.",
            )
        if not ours:
            return None
        if wrong := self._wrong_with(ours[0]):
            raise ListTrouble(f"The list '{name}' at Google {wrong[0]}", fix=wrong[1])
        return _id_of(ours[0], reply)

    def ask(self) -> None:
        """Ask for a list of the account, to see whether it can be reached. Raises as `judge`."""
        _understood(self._client.request("GET", self._path, params={"pageSize": "1"}))

    def _wrong_with(self, one: dict[str, Any]) -> tuple[str, str] | None:
        """Say why members must not go to a list, and what to do; None for a good one."""
        kinds = (one.get("ingestedUserListInfo") or {}).get("uploadKeyTypes") or []
        if "CONTACT_ID" not in kinds:
            return "is not one of addresses and numbers: it takes other keys.", FIX
        if one.get("readOnly") is True or one.get("accountAccessStatus") == "DISABLED":
            return "belongs to another account and cannot be changed from here.", FIX
        if one.get("membershipStatus") == "CLOSED":
            why = " for it was not used" if one.get("closingReason") == "UNUSED" else ""
            return f"is closed{why}: it takes no members.", "Open it in Google Ads."
        kept = SECONDS.fullmatch(str(one.get("membershipDuration", "")))
        if kept and int(kept[1]) < self._membership_days * DAY:
            days = int(kept[1]) // DAY
            return (
                f"keeps members for {days} days, and the sync says {self._membership_days}: "
                "members would leave it unseen.",
                f"Say membership_days: {days} in the sync, or set more days in Google Ads.",
            )
        return None

    def _made_once(self, name: str) -> str:
        """Make a list; where the answer is lost, see whether it is there before making another."""
        for _ in range(TRIES):
            try:
                return self._made(name)
            except DestinationUnclear as lost:
                found, unclear = self.found(name), lost
            if found:
                return found
        raise unclear

    def _made(self, name: str) -> str:
        wanted = {
            "displayName": f"madang_{name}",
            "integrationCode": name,
            "membershipStatus": "OPEN",
            "membershipDuration": f"{self._membership_days * DAY}s",
            "ingestedUserListInfo": {
                "uploadKeyTypes": ["CONTACT_ID"],
                "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
            },
        }
        reply = self._client.request("POST", self._path, once=True, json=wanted)
        if reply.status == 409:
            raise ListTrouble(
                f"Google has a list named madang_{name} that is not the one of this audience.",
                fix=f"Give it the integration code '{name}' in Google Ads, or another name.",
            )
        return _id_of(_understood(reply), reply)

    @property
    def _path(self) -> str:
        return f"/v1/accountTypes/GOOGLE_ADS/accounts/{self._account}/userLists"


def _understood(reply: "Reply") -> dict[str, Any]:
    judge(reply, 0, str)  # raises for what refuses all
    if not reply.is_good or reply.body is None:
        raise not_understood(reply)
    return reply.body


def _id_of(found: dict[str, Any], reply: "Reply") -> str:
    told = str(found.get("id") or str(found.get("name", "")).rpartition("/")[2])
    if not told.isdecimal():
        raise not_understood(reply)
    return told
