"""Kills a sync at random moments, again and again, and counts what was lost and sent twice.

What applies is a process of its own, which has Python's libraries already: a server of forks. A
kill comes at a random moment of a run, the journal's first line and the ledger's last included.
"""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
ROWS = 120  # of one round; a round ends when a run was not killed
NO_ANSWER = 0.03  # seconds that a request takes
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


def hashed(number: int) -> str:
    return conversion(number)[2].split("email:")[1][:64]


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
    "google members": google(
        "user_lists",
        "match_key",
        lambda number: (f"email:{hashed(number)}", "buyers", "true"),
        lambda sandbox: Counter(sandbox.on("buyers")),
    ),
    "google conversions": google(
        "conversions",
        "upload_key",
        lambda number: conversion(number, days_ago=2),
        lambda sandbox: Counter(list(sandbox.events.get("71", ()))),
        more=TYPES,
        named=lambda key: f"c{key[1:]}",
    ),
    "meta members": meta(
        "custom_audiences",
        "match_key",
        lambda number: (f"email:{hashed(number)}", "buyers", "true"),
        lambda sandbox: Counter(sandbox.on("madang_buyers")),
    ),
    "meta conversions": meta(
        "conversions",
        "upload_key",
        lambda number: conversion(number, click_id_name="fbclid", click_id=f"IwAR-{number}"),
        lambda sandbox: Counter(list(sandbox.events)),
        more=OF_META,
        once=True,
    ),
    "tiktok members": tiktok(
        "custom_audiences",
        "match_key",
        lambda number: (f"email:{hashed(number)}", "buyers", "true"),
        lambda sandbox: Counter(sandbox.on("madang_buyers")),
    ),
    "tiktok conversions": tiktok(
        "conversions",
        "upload_key",
        lambda number: conversion(number, click_id_name="ttclid", click_id=f"E.C.P.{number}"),
        lambda sandbox: Counter(list(sandbox.events)),
        more=", conversions: {test_drive: {name: Schedule}}",
        once=True,
    ),
    "openai members": openai(
        "custom_audiences",
        "match_key",
        lambda number: (f"email:{hashed(number)}", "buyers", "true"),
        lambda sandbox: Counter(sandbox.on("madang_buyers")),
    ),
    "openai conversions": openai(
        "conversions",
        "upload_key",
        lambda number: conversion(number, click_id_name="oppref", click_id=f"oppref_{number}"),
        lambda sandbox: Counter(list(sandbox.events)),
        more=OF_OPENAI,
        once=True,
    ),
    "ga4 conversions": ga4(),
    "webhook members": webhook("members", "key", "buyers"),
    "webhook events": webhook("events", "event_id", "ordered", once=True),
    "webhook idempotent events": webhook("idempotent_events", "event_id", "ordered"),
}

FORKS = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from killed_syncs import CASES
from madang.sync import SyncError

for line in sys.stdin:
    name, root, url, after = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        code = 0
        try:
            CASES[name].open(Path(root), url).apply(allow_guards=True)
        except SyncError as error:
            print(error.message, file=sys.stderr, flush=True)
            code = 3
        os._exit(code)
    if after:
        time.sleep(float(after))
        os.kill(child, signal.SIGKILL)  # one that ended has its number until it is waited for
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass
class Found:
    """What `kills` kills did.

    `again`: rows that came once more and change nothing there; `counted`: those that count twice.
    """

    kills: int = 0
    rows: int = 0
    lost: int = 0
    again: int = 0
    counted: int = 0
    unknown: int = 0
    untrue: int = 0
    seconds: float = 0.0

    def is_good(self, case: Case) -> bool:
        """Nothing lost, nothing said to be there that is not, nothing that counts twice."""
        most = 0 if case.once else self.kills * case.flight
        return (
            self.lost == self.untrue == self.counted == 0
            and self.again <= most
            and self.unknown <= (self.kills * case.flight if case.once else 0)
        )


@contextmanager
def forks() -> Iterator[Callable[..., int]]:
    """Run `apply` in a process that may be killed: apply(name, root, url, after) → exit code."""
    command = [sys.executable, "-c", FORKS, str(Path(__file__).parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as server:

        def apply(name: str, root: Path, url: str, after: float | None = None) -> int:
            server.stdin.write(f"{name}\t{root}\t{url}\t{'' if after is None else after}\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        try:
            yield apply
        finally:
            server.stdin.close()


def killed(name: str, root: Path, kills: int, seed: int, apply: Callable[..., int]) -> Found:
    """Kill the runs of a case so often, each at a random moment, then let it go to its end."""
    case, chance, found = CASES[name], random.Random(seed), Found()
    began = time.monotonic()
    with case.sandbox() as sandbox:
        place = case.open(root, sandbox.url, is_new=True)
        sandbox.faults.add("slow", times=None, seconds=NO_ANSWER)
        rows: list[tuple] = []

        def more() -> None:
            rows.extend([case.row(len(rows) + at) for at in range(ROWS)])
            place.want(*rows)
            place.plan()

        more()
        whole = time.monotonic()
        assert apply(name, root, sandbox.url) == 0, "a run that nobody kills does not end well"
        whole = time.monotonic() - whole
        more()
        while found.kills < kills:
            code = apply(name, root, sandbox.url, after=chance.uniform(0, whole))
            time.sleep(2 * NO_ANSWER)  # what was in flight may still arrive
            if code == -signal.SIGKILL:
                found.kills += 1
                if chance.random() < 0.25:
                    place.plan()  # a new plan instead of the one that was begun
            else:
                assert code == 0, f"a run that was not killed ended with {code}"
                more()
        sandbox.faults.clear()
        for _ in range(3):
            if not place.plan().is_empty:
                place.apply(allow_guards=True)
        last = place.plan()
        assert last.is_empty, f"{last.total.planned} rows are planned for ever"
        arrived = case.arrived(sandbox)
    deliveries = place.ledger("sync_deliveries")
    accepted = {case.named(one["sync_key"]) for one in deliveries if one["status"] == "accepted"}
    unknown = {case.named(one["sync_key"]) for one in deliveries if one["status"] == "unknown"}
    wanted = {case.named(key) for key, *_ in rows}
    found.rows = len(rows)
    found.unknown = len(unknown - accepted)
    found.lost = len(wanted - set(arrived) - (unknown - accepted))
    found.untrue = len(accepted - set(arrived))
    if case.repeats is not None:
        repeats = case.repeats(sandbox)
        found.again, found.counted = repeats.known, repeats.counted
    else:
        more_than_once = sum(times - 1 for times in arrived.values())
        found.again, found.counted = (0, more_than_once) if case.once else (more_than_once, 0)
    found.seconds = time.monotonic() - began
    return found
