"""What of each destination is killed: how it is reached, what it is sent and what arrived there."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion_rows import row as conversion
from madang.sandbox.braze import BrazeSandbox
from madang.sandbox.ga4 import Ga4Sandbox
from madang.sandbox.google import GoogleSandbox
from madang.sandbox.meta import MetaSandbox
from madang.sandbox.openai import OpenAISandbox
from madang.sandbox.org import Org
from madang.sandbox.repeats import Repeats
from madang.sandbox.salesforce import SalesforceSandbox
from madang.sandbox.sfmc import SfmcSandbox
from madang.sandbox.tiktok import TikTokSandbox
from madang.sandbox.webhook import SECRET, WebhookSandbox
from madang.settings.salesforce import SalesforceSettings
from madang.sync.destinations.braze.destination import BrazeSettings
from madang.sync.destinations.ga4 import Ga4Settings
from madang.sync.destinations.google.destination import GoogleSettings
from madang.sync.destinations.meta.destination import MetaSettings
from madang.sync.destinations.openai.destination import OpenAISettings
from madang.sync.destinations.salesforce.destination import SalesforceTarget
from madang.sync.destinations.sfmc.columns import Column
from madang.sync.destinations.sfmc.destination import SfmcSettings
from madang.sync.destinations.tiktok.destination import TikTokSettings
from madang.sync.destinations.webhook import WebhookSettings
from sync_place import Place

BATCH = 10
KEY = "11111111-2222-3333-4444-555555555555"
CAMPAIGN, SUBDOMAIN = "cccccccc-3333", "mc" + "a1" * 13
ENVIRON = {
    "TEST_BRAZE_KEY": KEY,
    "MADANG_META_TOKEN": "sandbox-token",
    "MADANG_TIKTOK_TOKEN": "sandbox-token",
    "MADANG_OPENAI_ADS_KEY": "sandbox-key",
    "MADANG_OPENAI_CONVERSIONS_KEY": "sandbox-conversions-key",
    "MADANG_GA4_SECRET": "sandbox-secret",
    "MADANG_WEBHOOK_SECRET": SECRET,
    "MADANG_GOOGLE_CLIENT_ID": "id",
    "MADANG_GOOGLE_CLIENT_SECRET": "hush",
    "MADANG_GOOGLE_REFRESH_TOKEN": "sandbox-refresh-token",
    "MADANG_SALESFORCE_CLIENT_ID": "sandbox-client",
    "MADANG_SALESFORCE_CLIENT_SECRET": "sandbox-secret",
    "MADANG_SFMC_CLIENT_ID": "client",
    "MADANG_SFMC_CLIENT_SECRET": "secret",
}
MICROS = "1793000000000000"
TYPES = ", conversions: {test_drive: {action_id: '71', source: IN_STORE}}"
OF_META = ", conversions: {test_drive: {name: Schedule, action_source: physical_store}}"
OF_TIKTOK = ", conversions: {test_drive: {name: Schedule}}"
OF_OPENAI = (
    ", conversions: {test_drive: {type: appointment_scheduled, action_source: physical_store}}"
)
OF_GA4 = ", conversions: {test_drive: {name: test_drive_verified}}"
CAMPAIGNS = {
    "Contact": {"Id": "id", "LastName": "string", "No__c": "external_id"},
    "Lead": {"Id": "id", "LastName": "string", "No__c": "external_id", "IsConverted": "boolean",
             "ConvertedContactId": "reference"},
    "Campaign": {"Id": "id", "Name": "string", "IsActive": "boolean"},
    "CampaignMember": {"Id": "id", "CampaignId": "reference", "ContactId": "reference",
                       "LeadId": "reference", "Status": "picklist", "HasResponded": "boolean"},
}  # fmt: skip
ORG = {"Visit__c": {"Id": "id", "No__c": "external_id", "Done__c": "boolean"}}
CUSTOM = ", api_name: Visit__c, external_id_field: No__c, create_missing: true, leaving: false"


def said(sandbox: Any) -> Repeats:
    """Return what a local server counts itself."""
    return sandbox.repeats


@dataclass(frozen=True)
class Case:
    """An object of a destination: how it is reached, what it is sent and what arrived.

    `arrived` counts by key as the destination has it (`named`: the key there). `once`: what is in
    doubt is never sent again, so nothing may arrive twice. `flight`: how many rows are in doubt
    after a kill at most. `repeats`: what the local server says of doubles; without it `arrived`
    has them, and with `once` each counts twice there.
    """

    destination: str
    object: str
    key: str
    sandbox: Callable[[], Any]
    settings: Callable[[str], Any]
    row: Callable[[int], tuple]
    arrived: Callable[[Any], Counter[str]]
    more: str = ""
    once: bool = False
    repeats: Callable[[Any], Repeats] | None = None
    flight: int = BATCH
    named: Callable[[str], str] = str

    def open(self, root: Path, url: str, *, is_new: bool = False) -> Place:
        """Make the workspace, or open the one that there is."""
        settings, names = self.settings(url), {"name": self.object, "key": self.key}
        if is_new:
            place = Place(root, self.destination, settings, ENVIRON, **names, more=self.more)
        else:
            place = Place.existing(root, self.destination, settings, ENVIRON)
        if self.destination == "salesforce":
            org = SalesforceSettings(url=url)
            place.settings = place.settings.model_copy(update={"salesforce": org})
        return place


def braze(object_: str, row: Callable, arrived: Callable, connections: int = 1, **keys) -> Case:
    def settings(url: str) -> BrazeSettings:
        told = {"objects_per_request": BATCH, "connections": connections}
        return BrazeSettings(url=url, key_env="TEST_BRAZE_KEY", **told)

    def sandbox() -> BrazeSandbox:
        made = BrazeSandbox(key=KEY)
        if object_ == "campaign_messages":  # it sends to whom it knows
            made.store.create([f"C{number:05}" for number in range(20_000)])
        return made

    return Case("braze", object_, sandbox=sandbox, settings=settings, row=row, arrived=arrived,
                **keys)  # fmt: skip


def google(object_: str, key: str, row: Callable, arrived: Callable, **keys) -> Case:
    def settings(url: str) -> GoogleSettings:
        told = {"members_per_request": BATCH, "events_per_request": BATCH}
        told |= {"account_id": "1234567890", "auth": "refresh_token"}
        told |= {"terms_accepted": True, "political_ads_declared": True}
        return GoogleSettings(url=url, token_url=f"{url}/token", **told)

    def sandbox() -> GoogleSandbox:
        made = GoogleSandbox("1234567890")
        made.actions = {"71"}
        return made

    return Case("google", object_, key, sandbox, settings, row, arrived, repeats=said, **keys)


def meta(object_: str, key: str, row: Callable, arrived: Callable, **keys) -> Case:
    def settings(url: str) -> MetaSettings:
        told = {"members_per_request": BATCH, "events_per_request": BATCH}
        known = MetaSandbox(token="sandbox-token")
        told |= {"ad_account_id": known.account, "dataset_id": known.dataset}
        return MetaSettings(url=url, **told)

    def sandbox() -> MetaSandbox:
        return MetaSandbox(token="sandbox-token")

    return Case("meta", object_, key, sandbox, settings, row, arrived, repeats=said, **keys)


def tiktok(object_: str, key: str, row: Callable, arrived: Callable, **keys) -> Case:
    def settings(url: str) -> TikTokSettings:
        known = TikTokSandbox()
        told = {"advertiser_id": known.advertiser, "event_set_id": known.sources["offline"]}
        told |= {"members_per_request": BATCH, "events_per_request": BATCH}
        return TikTokSettings(url=url, **told)

    return Case("tiktok", object_, key, TikTokSandbox, settings, row, arrived, repeats=said,
                **keys)  # fmt: skip


def openai(object_: str, key: str, row: Callable, arrived: Callable, **keys) -> Case:
    def settings(url: str) -> OpenAISettings:
        told = {"events_url": url, "pixel_id": OpenAISandbox().pixel, "operation_minutes": 0.05}
        told |= {"members_per_request": BATCH, "events_per_request": BATCH}
        return OpenAISettings(url=url, **told)

    return Case("openai", object_, key, OpenAISandbox, settings, row, arrived, repeats=said,
                **keys)  # fmt: skip


def members(
    platform: Callable[..., Case], object_: str = "custom_audiences", listed: str = "madang_buyers"
) -> Case:
    def row(number: int) -> tuple:
        hashed = conversion(number)[2].split("email:")[1][:64]
        return f"email:{hashed}", "buyers", "true"

    return platform(object_, "match_key", row, lambda sandbox: Counter(sandbox.on(listed)))


def conversions(platform: Callable[..., Case], named: str, begins: str, more: str) -> Case:
    """Return the case of a platform whose click ids are `named` so and begin so."""

    def row(number: int) -> tuple:
        return conversion(number, click_id_name=named, click_id=f"{begins}{number}")

    def arrived(sandbox: Any) -> Counter[str]:
        return Counter(list(sandbox.events))

    return platform("conversions", "upload_key", row, arrived, more=more, once=True)


def campaign_members() -> Case:
    def sandbox() -> SalesforceSandbox:
        made = SalesforceSandbox(org=Org(CAMPAIGNS))
        for number in range(5_000):
            made.org.put("Contact", f"003{number:012}AAA", LastName="K", No__c=f"C{number:05}")
        return made

    def arrived(sandbox: SalesforceSandbox) -> Counter[str]:
        keys = {one["Id"]: one["No__c"] for one in sandbox.org.records("Contact")}
        members = sandbox.org.records("CampaignMember")
        return Counter(keys[one["ContactId"]] for one in members if not one["IsDeleted"])

    return Case(
        "salesforce", "campaign_members", "external_id", sandbox,
        lambda url: SalesforceTarget(records_per_request=BATCH),
        lambda number: (f"C{number:05}", "vips", "true"),
        arrived, ", external_id_field: No__c", repeats=lambda sandbox: sandbox.org.repeats,
    )  # fmt: skip


def ga4(**keys) -> Case:
    def settings(url: str) -> Ga4Settings:
        return Ga4Settings(url=url, measurement_id="G-LOCAL1")

    return Case(
        "ga4", "conversions", "upload_key", Ga4Sandbox, settings,
        lambda number: conversion(number, days_ago=1, click_id=None, click_id_name=None,
                                  match_keys=None),
        lambda sandbox: Counter(one["params"]["transaction_id"] for one in sandbox.events),
        OF_GA4, once=True, flight=1, named=lambda key: f"c{key[1:]}", repeats=said, **keys,
    )  # fmt: skip


def salesforce(bulk_from_records: int, **keys) -> Case:
    def settings(url: str) -> SalesforceTarget:
        told = {"bulk_from_records": bulk_from_records, "records_per_job": 40}
        return SalesforceTarget(records_per_request=BATCH, **told)

    def by_job(sandbox: SalesforceSandbox) -> Counter[str]:
        lists = [one.lists.get("successfulResults", ()) for one in sandbox.ingest.jobs.values()]
        return Counter(row["No__c"] for one in lists for row in one)

    def by_request(sandbox: SalesforceSandbox) -> Counter[str]:
        records = sandbox.org.records("Visit__c")
        return Counter(one["No__c"] for one in records if one["Done__c"])

    return Case(
        "salesforce", "custom", "external_id", lambda: SalesforceSandbox(org=Org(ORG)), settings,
        lambda number: (f"V{number:05}", "Done__c", "true"),
        by_job if bulk_from_records else by_request,
        CUSTOM, **keys,
    )  # fmt: skip


def sfmc(object_: str, row: Callable, arrived: Callable, more: str = "", **keys) -> Case:
    columns = {"Tier": {"from": "tier", "length": 5}}

    def settings(url: str) -> SfmcSettings:
        told = {"account_id": "510000001", "subdomain": SUBDOMAIN, "rows_per_request": BATCH}
        return SfmcSettings(url=url, **told)

    def sandbox() -> SfmcSandbox:
        made = SfmcSandbox()
        made.has("madang_buyers_email", **{name: Column(**one) for name, one in columns.items()})
        return made

    more = f", columns: {json.dumps(columns)}{more}"
    return Case("sfmc", object_, "contact_key", sandbox, settings, row, arrived, more, **keys)


def webhook(object_: str, key: str, field: str, **keys) -> Case:
    def settings(url: str) -> WebhookSettings:
        return WebhookSettings(url=url, rows_per_request=BATCH, answers="batch")

    return Case("webhook", object_, key, WebhookSandbox, settings,
                lambda number: (f"C{number:05}", field, '{"tier": "VIP"}'),
                lambda sandbox: Counter(one["key"] for one in sandbox.rows), **keys)  # fmt: skip


def event(number: int) -> tuple:
    told = {"user": f"C{number}", "kind": "event", "event_id": f"e{number:05}"}
    return f"e{number:05}", "visited", json.dumps({**told, "happened_micros": MICROS})


def message(number: int) -> tuple:
    told = {"user": f"C{number:05}", "campaign_id": CAMPAIGN, "audience": "a", "send_micros": None}
    return f"m{number:05}", "email", json.dumps(told)


def contact(field: str) -> Callable[[int], tuple]:
    def made(number: int) -> tuple:
        key = f"C{number:05}"
        return key, field, json.dumps({"SubscriberKey": key, "Tier": "VIP"})

    return made


CASES = {
    "braze attributes": braze(
        "user_attributes",
        lambda number: (f"C{number:05}", "keen", "true"),
        lambda sandbox: Counter(sandbox.writes()),
        connections=4,
        key="external_id",
        more=", create_missing: true",
        flight=4 * BATCH,
    ),
    "braze events": braze(
        "events",
        event,
        lambda sandbox: Counter(one["properties"]["event_id"] for one in sandbox.events()),
        key="event_id",
        more=", create_missing: true, events: [{name: visited, did: visited}]",
        once=True,
    ),
    "braze messages": braze(
        "campaign_messages",
        message,
        lambda sandbox: Counter(f"m{one['user'][1:]}" for one in sandbox.campaigns.sent()),
        key="message_id",
        more=f", campaigns: {{a: {{campaign_id: {CAMPAIGN}, channel: email}}}}",
        once=True,
        flight=50,
    ),
    "salesforce collections": salesforce(0, repeats=lambda sandbox: sandbox.org.repeats),
    "salesforce jobs": salesforce(10, flight=40),
    "salesforce campaign members": campaign_members(),
    "sfmc data extension": sfmc(
        "data_extension",
        contact("madang_buyers_email"),
        lambda sandbox: Counter(list(sandbox.extensions["madang_buyers_email"].rows)),
        repeats=said,
    ),
    "sfmc journey entry": sfmc(
        "journey_entry",
        contact("buyers_email#1"),
        lambda sandbox: Counter(sandbox.entries.get("APIEvent-buyers", [])),
        ", journeys: {buyers_email: {event: APIEvent-buyers}}",
        once=True,
    ),
    "google members": members(google, "user_lists", "buyers"),
    "google conversions": google(
        "conversions",
        "upload_key",
        lambda number: conversion(number, days_ago=2),
        lambda sandbox: Counter(list(sandbox.events.get("71", ()))),
        more=TYPES,
        named=lambda key: f"c{key[1:]}",
    ),
    "meta members": members(meta),
    "meta conversions": conversions(meta, "fbclid", "IwAR-", OF_META),
    "tiktok members": members(tiktok),
    "tiktok conversions": conversions(tiktok, "ttclid", "E.C.P.", OF_TIKTOK),
    "openai members": members(openai),
    "openai conversions": conversions(openai, "oppref", "oppref_", OF_OPENAI),
    "ga4 conversions": ga4(),
    "webhook members": webhook("members", "key", "buyers"),
    "webhook events": webhook("events", "event_id", "ordered", once=True),
    "webhook idempotent events": webhook("idempotent_events", "event_id", "ordered"),
}
