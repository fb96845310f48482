"""What `madang doctor --online` asks an org: login, version, and what the syncs write to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationRefused
from madang.sync.destinations.base import Look
from madang.sync.destinations.salesforce.org import OrgConnection

if TYPE_CHECKING:
    from madang.sync.spec import SyncSpec

API_NAMES: Mapping[str, str] = {"contact": "Contact", "lead": "Lead", "account": "Account"}
#: What each object of the syncs is written to, with the rights that this takes.
CAMPAIGNS = {
    "Campaign": ("createable",),
    "CampaignMember": ("createable", "updateable", "deletable"),
    "CampaignMemberStatus": ("createable",),
}


def api_name(name: str, options: Any) -> str:
    """Return Salesforce's name of an object of the syncs."""
    return getattr(options, "api_name", None) or API_NAMES[name]


def look(org: OrgConnection, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
    """Ask, one call a question; it begins with the login."""
    yield _version(org)
    if org.usage.allowed:
        share = org.usage.used / org.usage.allowed
        told = f"{org.usage.used:,} of {org.usage.allowed:,} used, {org.usage.most:.0%} are ours"
        fix = "Wait until the 24 hours have gone on, or raise salesforce.max_api_share."
        yield Look("calls of 24 hours", "ok" if share < org.usage.most else "problem", told, fix)
    described: dict[str, dict[str, Any] | DestinationRefused] = {}

    def describe(name: str) -> dict[str, Any]:
        if name not in described:
            try:
                described[name] = org.ask("GET", f"/sobjects/{name}/describe").body or {}
            except DestinationRefused as error:
                described[name] = error
        found = described[name]
        if isinstance(found, DestinationRefused):
            raise found
        return found

    for spec in syncs:
        if spec.object == "campaign_members":
            keyed = [API_NAMES[person] for person in spec.options.persons]
            wanted: dict[str, tuple[str, ...]] = {**dict.fromkeys(keyed, ()), **CAMPAIGNS}
        else:
            keyed = [api_name(spec.object, spec.options)]
            rights = (
                ("createable", "updateable") if spec.options.create_missing else ("updateable",)
            )
            wanted = dict.fromkeys(keyed, rights)
        problems = []
        for name, rights in wanted.items():
            try:
                told = describe(name)
            except DestinationRefused as error:
                problems.append(f"{name}: {error.message}")
                continue
            lacking = [right for right in rights if told.get(right) is False]
            problems += [f"{name} is not {right} for the user of the login" for right in lacking]
            if name in keyed:
                problems += _key_problems(name, spec.options.external_id_field, told)
        fix = f"Correct {spec.where}, or the objects, fields and permissions of the org."
        status = "problem" if problems else "ok"
        yield Look(spec.name, status, "; ".join(problems) or ", ".join(wanted), fix)


def _version(org: OrgConnection) -> Look:
    reply = org.ask("GET", "")
    label = "login and version"
    return Look(label, "ok", f"API {org.org.api_version} answers ({reply.status})")


def _key_problems(name: str, field: str, told: Mapping[str, Any]) -> list[str]:
    fields = {str(one.get("name")).lower(): one for one in told.get("fields", [])}
    found = fields.get(field.lower())
    if found is None:
        return [f"{name} has no field {field}, or the login does not see it"]
    if not found.get("externalId") and not found.get("idLookup"):
        return [f"{name}.{field} is no external id"]
    return [] if found.get("unique", True) else [f"{name}.{field} may stand in two records"]
