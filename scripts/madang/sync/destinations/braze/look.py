"""What `madang doctor --online` asks Braze: the instance, the key, and what the syncs may call.

Braze has no call that says what a key may do. So each call is made with nothing in it: a key that
may call it gets 400, because there is no data, and nothing is changed; another gets 401 or 403.
https://www.braze.com/docs/api/errors  https://www.braze.com/docs/api/basics (instances)
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from madang.http.address import is_loopback
from madang.sync.destinations.base import Look
from madang.sync.destinations.braze import catalogs

if TYPE_CHECKING:
    from madang.http.client import Client
    from madang.sync.spec import SyncSpec

INSTANCES = re.compile(
    r"https://rest\.((iad-0[1-8]|us-10|au-01|id-01|jp-01|kr-01)\.braze\.com|fra-0[12]\.braze\.eu)"
)
#: An empty request of each permission: the path, and a body that says nothing.
EMPTY: Mapping[str, tuple[str, dict[str, list]]] = {
    "users.track": ("/users/track", {"attributes": []}),
    "users.delete": ("/users/delete", {"external_ids": []}),
    "subscription.status.set": ("/v2/subscription/status/set", {"subscription_groups": []}),
    "campaigns.trigger.send": ("/campaigns/trigger/send", {"recipients": []}),
    "canvas.trigger.send": ("/canvas/trigger/send", {"recipients": []}),
    "campaigns.trigger.schedule.create": (
        "/campaigns/trigger/schedule/create",
        {"recipients": []},
    ),
}
NEEDED = {
    "user_attributes": ("users.track",),
    "events": ("users.track",),
    "subscription_groups": ("subscription.status.set",),
    "campaign_messages": ("campaigns.trigger.send", "campaigns.trigger.schedule.create"),
    "catalog_items": ("catalogs.get", "catalogs.replace_items", "catalogs.delete_items"),
}
FIX = "Give the REST API key the permission in Braze, under Settings > APIs and Identifiers."


def look(
    http: "Client", syncs: "Sequence[SyncSpec]", clean: Callable[[str], str]
) -> Iterator[Look]:
    """Ask for the instance, then for each permission that the syncs and erasures need."""
    if not is_loopback(http.url) and not INSTANCES.fullmatch(http.url):
        yield Look(
            "instance",
            "warning",
            "the URL is none of the REST endpoints that Braze names",
            "Compare it with Settings > APIs and Identifiers (Korea: https://rest.kr-01.braze.com).",
        )
    if items := [spec for spec in syncs if spec.object == "catalog_items"]:
        yield from catalogs.look(http, items, clean)
    for permission, names in needed(syncs).items():
        path, body = EMPTY[permission]
        reply = http.post(path, json.dumps(body).encode())
        words = clean(str((reply.body or {}).get("message") or f"HTTP {reply.status}"))
        told = ", ".join(names)
        if reply.status == 400 and reply.body is not None:
            yield Look(permission, "ok", f"the key may call it ({told})")
        elif reply.status in (401, 403):
            status = "warning" if permission == "users.delete" else "problem"
            yield Look(permission, status, f"{words} ({told})", FIX)
        else:
            yield Look(
                permission,
                "problem",
                f"this address does not answer as Braze does: HTTP {reply.status} ({told})",
                "The URL in madang.yml must be the REST endpoint of your instance, without a path.",
            )


def needed(syncs: "Sequence[SyncSpec]") -> dict[str, list[str]]:
    """Return the permissions that are needed, each with what needs it."""
    found: dict[str, list[str]] = {}
    for spec in syncs:
        for permission in _needed_by(spec):
            found.setdefault(permission, []).append(spec.name)
    found.setdefault("users.delete", []).append("madang erase")
    return found


def _needed_by(spec: "SyncSpec") -> tuple[str, ...]:
    """Return the permissions of one sync: a Canvas needs its own, a campaign both of its."""
    if spec.object == "catalog_items":  # catalogs.look asks for them
        return ()
    sent = (getattr(spec.options, "scenarios", None) or {}).values()
    if spec.object != "campaign_messages" or not sent:
        return NEEDED[spec.object]
    kinds = {"canvas.trigger.send" if one.canvas_id else "campaigns.trigger.send" for one in sent}
    return tuple(sorted(kinds))
