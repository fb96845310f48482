"""A local Data Manager API: lists, members, conversions over real HTTP, as strict as the contract.

Sources: [upload] https://developers.google.com/data-manager/api/devguides/audiences/google-ads/customer-match/upload-data
[limits] https://developers.google.com/data-manager/api/devguides/limits
[errors] https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
[events] https://developers.google.com/data-manager/api/reference/rest/v1/events/ingest
[format] https://developers.google.com/data-manager/api/devguides/concepts/formatting
[lists] https://developers.google.com/data-manager/api/reference/rest/v1/accountTypes.accounts.userLists
[discovery] the discovery document, revision 20261106: names, kinds and enumerations
Where the pages are silent the server is strict. Only this machine can reach it.
"""

import json
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import SplitResult, parse_qs

from madang.sandbox import ad_platform, google_adjustments, google_events
from madang.sandbox.ad_platform import AdHandler, AdPlatform
from madang.sandbox.faults import Fault
from madang.sandbox.local import clock_of
from madang.settings import secrets as config_secrets
from madang.sync.clock import utc_now
from madang.sync.destinations.google.destination import GoogleSettings

LISTS = re.compile(r"/v1/accountTypes/GOOGLE_ADS/accounts/(\d{10})/userLists")
MEMBERS = {"/v1/audienceMembers:ingest": False, "/v1/audienceMembers:remove": True}
EVENTS = "/v1/events:ingest"
ADS = re.compile(rf"/{google_adjustments.VERSION}/customers/(\d{{10}}):uploadConversionAdjustments")
ACCESSIBLE = f"/{google_adjustments.VERSION}/customers:listAccessibleCustomers"
STATUS = "/v1/requestStatus:retrieve"
MOST_MEMBERS, MOST_IDENTIFIERS, MOST_DESTINATIONS = 10_000, 10, 10  # [limits]
HASH = re.compile(r"[0-9a-f]{64}")
CODES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
CODES |= {404: "NOT_FOUND", 409: "ALREADY_EXISTS"}
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Refused(ad_platform.Refused):
    """An answer of an error: nothing of the request is processed. [errors]"""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        details: list[dict[str, Any]] = [
            {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "local"}
        ]
        if field is not None:
            violation = {"field": field, "description": message}
            kind = "type.googleapis.com/google.rpc.BadRequest"
            details.insert(0, {"@type": kind, "fieldViolations": [violation]})
            message = "There was a problem with the request."
        name = CODES.get(status, "INTERNAL")
        error = {"code": status, "message": message, "status": name, "details": details}
        super().__init__(status, {"error": error})


class GoogleSandbox(AdPlatform):
    """`lists` are the user lists by id, `members` who is on each, `account` the one it knows.

    `bad_hashes` are refused inside a request as Google would refuse what it cannot read. `states`
    says what becomes of a request by its id; PROCESSING for the first question about each.
    `actions` are the account's conversion actions (None: all that are asked for), `events` what was
    taken of each, by transaction.
    `adjusted` is the last correction of each, by transaction; they need the `developer_token`.
    `lost_clicks` are click ids that it does not find later. `match_range` is the band in which it
    finds members. One that is `quick` is done with a request at the first question. `now` is its
    clock.
    """

    kept = ("lists", "events", "adjusted")
    lists: dict[str, dict[str, Any]]
    adjusted: dict[str, dict[str, Any]]

    def __init__(
        self,
        account: str = "1234567890",
        port: int = 0,
        state_path: Path | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.account = account
        self.actions: set[str] | None = None
        self.lost_clicks: set[str] = set()
        self.match_range = "MATCH_RATE_RANGE_61_TO_70"
        self.refresh_token = "sandbox-refresh-token"
        self.developer_token = "sandbox-developer-token"
        self.tokens: set[str] = set()
        self.bad_hashes: set[str] = set()
        self.states: dict[str, list[dict[str, Any]]] = {}
        self.quick = False
        super().__init__(_Handler, port, state_path, now)

    def take(self, done: dict[str, Any]) -> dict[str, str]:
        """Take a request; `done` is what will be said of it. Return the answer to it."""
        request_id = secrets.token_hex(8)
        self.states[request_id] = [done] if self.quick else [_state("PROCESSING"), done]
        return {"requestId": request_id}

    def names(self) -> dict[str, Any]:
        """Return the integration codes of lists by id."""
        return {key: one.get("integrationCode") for key, one in self.lists.items()}


class _Handler(AdHandler):
    sandbox: ClassVar[GoogleSandbox]

    def do_POST(self) -> None:
        return self._token(self.body()) if self.path == "/token" else self._handle()

    def part(self, path: str) -> str:
        if STATUS in path:
            return "status"
        if path == EVENTS:
            return "events"
        if ADS.fullmatch(path):
            return "adjustments"
        return "lists" if "userLists" in path else "members"

    def fail(self, faults: Mapping[str, Fault]) -> None:
        if "status" in faults:
            raise Refused(faults["status"].status, "The service is not there.")
        if "rate_limit" in faults:
            error = {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}
            raise ad_platform.Refused(429, {"error": error})
        if "expire" in faults:
            self.sandbox.tokens.clear()

    def check_sender(self, asked: SplitResult) -> None:
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self.sandbox.tokens:
            raise Refused(401, f"Request had invalid authentication credentials: {bearer}")

    def act(self, asked: SplitResult, content: bytes) -> tuple[Any, int]:
        if self.command == "GET":
            return self._get(asked)
        return self._post(asked.path, content)

    def _token(self, body: bytes) -> None:
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        grant = form.get("grant_type")
        good = grant == "refresh_token" and form.get("refresh_token") == self.sandbox.refresh_token
        if not good and not (grant == JWT_GRANT and form.get("assertion", "").count(".") == 2):
            told = {"error": "invalid_grant", "error_description": "Bad Request"}
            return self.answer(400, told)
        token = f"ya29.{secrets.token_urlsafe(16)}"
        self.sandbox.tokens.add(token)
        return self.answer(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def _get(self, asked: SplitResult) -> tuple[Any, int]:
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        if asked.path == ACCESSIBLE:
            self._know_developer()
            return {"resourceNames": [f"customers/{self.sandbox.account}"]}, 0
        if found := LISTS.fullmatch(asked.path):
            self._know(found[1])
            return self._listed(query), 0
        if asked.path == STATUS and query.keys() == {"requestId"}:
            states = self.sandbox.states.get(query["requestId"])
            if states is None:
                raise Refused(404, "Requested entity was not found.")
            return states.pop(0) if len(states) > 1 else states[0], 0
        raise Refused(404, "Requested entity was not found.")

    def _post(self, path: str, content: bytes) -> tuple[Any, int]:
        if self.headers.get("Content-Type") != "application/json":
            raise Refused(400, "Content-Type must be application/json")
        try:
            body = json.loads(content)
        except ValueError:
            raise Refused(400, "Invalid JSON payload received.") from None
        if found := LISTS.fullmatch(path):
            self._know(found[1])
            return self._created(body), 0
        if found := ADS.fullmatch(path):
            self._know_developer()
            self._know(found[1])
            return self._corrected(body)
        if path in MEMBERS:
            return self._changed(body, is_removal=MEMBERS[path])
        if path == EVENTS:
            return self._ingested(body)
        raise Refused(404, "Requested entity was not found.")

    def _know(self, account: str) -> None:
        if account != self.sandbox.account:
            raise Refused(403, "The caller does not have permission")

    def _know_developer(self) -> None:
        if self.headers.get("developer-token") != self.sandbox.developer_token:
            code = google_adjustments.failure(
                None, "DEVELOPER_TOKEN_INVALID", "authenticationError"
            )
            told = google_adjustments.status(401, "UNAUTHENTICATED", [code])
            raise ad_platform.Refused(401, {"error": told})

    def _corrected(self, body: Any) -> tuple[dict[str, Any], int]:
        """Take corrections but for those that are wrong, which are named by their place."""
        _only(body, {"conversionAdjustments", "partialFailure", "validateOnly", "jobId"}, "request")
        rows = _array(body, "conversionAdjustments")
        if not 0 < len(rows) <= google_adjustments.MOST or body.get("partialFailure") is not True:
            raise Refused(400, "1 to 2000 adjustments, with partial_failure.")
        failures, results = [], []
        for at, one in enumerate(rows):
            sandbox = self.sandbox
            code = google_adjustments.code_of(one, sandbox.events, sandbox.adjusted, sandbox.now())
            if code is None:
                sandbox.adjusted[one["orderId"]] = one
            else:
                failures.append(google_adjustments.failure(at, code))
            results.append({} if code else {"orderId": one["orderId"]})
        told: dict[str, Any] = {"results": results, "jobId": "2147483648"}
        if failures:
            told["partialFailureError"] = google_adjustments.status(3, "INVALID", failures)
        return told, len(rows)

    def _listed(self, query: dict[str, str]) -> dict[str, Any]:
        found = re.fullmatch(r'integration_code = "([^"]*)"', query.pop("filter", ""))
        most = query.pop("pageSize", None)
        if query or (found is None) == (most is None):
            raise Refused(400, "The filter is invalid.", "filter")
        listed = list(self.sandbox.lists.values())[: int(most) if most else None]
        if found is not None:
            listed = [one for one in listed if one.get("integrationCode") == found[1]]
        return {"userLists": listed} if listed else {}  # empty fields are left out

    def _created(self, body: Any) -> dict[str, Any]:
        """[lists]"""
        wanted = {"displayName", "integrationCode", "membershipStatus", "membershipDuration"}
        _only(body, {*wanted, "description", "ingestedUserListInfo"}, "user_list")
        if not isinstance(body.get("displayName"), str) or not body["displayName"]:
            raise Refused(400, "Required field is missing.", "user_list.display_name")
        duration = re.fullmatch(r"(\d+)s", str(body.get("membershipDuration", "")))
        if duration is None or int(duration[1]) % 86_400 or int(duration[1]) > 540 * 86_400:
            raise Refused(400, "Must be whole days, 540 at most.", "user_list.membership_duration")
        info = body.get("ingestedUserListInfo")
        _only(info, {"uploadKeyTypes", "contactIdInfo"}, "user_list.ingested_user_list_info")
        if info.get("uploadKeyTypes") != ["CONTACT_ID"]:
            raise Refused(400, "Required.", "user_list.ingested_user_list_info.upload_key_types")
        if any(one["displayName"] == body["displayName"] for one in self.sandbox.lists.values()):
            raise Refused(409, "A list of this name exists.")
        number = str(max([9_000_000_000, *(int(one) + 1 for one in self.sandbox.lists)]))
        name = f"accountTypes/GOOGLE_ADS/accounts/{self.sandbox.account}/userLists/{number}"
        made = {"name": name, "id": number, **body}
        self.sandbox.lists[number], self.sandbox.members[number] = made, set()
        return made

    def _changed(self, body: Any, *, is_removal: bool) -> tuple[dict[str, Any], int]:
        """Add members to lists or remove them, all or none. [upload] [errors]"""
        known = {"destinations", "audienceMembers", "encoding", "validateOnly"}
        _only(body, known if is_removal else {*known, "consent", "termsOfService"}, "request")
        lists = self._places(body, self.sandbox.lists)
        members = _array(body, "audienceMembers")
        if not 0 < len(members) <= MOST_MEMBERS:
            raise Refused(400, "1 to 10000 members.", "audience_members")
        if not is_removal:
            _consented(body, members)
        keys = set().union(*(self._keys(one, at) for at, one in enumerate(members)))
        for number in lists:
            self.sandbox.change(number, keys, is_removal=is_removal)
        done = _state("SUCCESS")
        if not is_removal:
            told = {"recordCount": str(len(members)), "dataTypeCounts": []}
            told["uploadMatchRateRange"] = self.sandbox.match_range
            status = {"compositeDataIngestionStatus": told}
            done["requestStatusPerDestination"][0]["audienceMembersIngestionStatus"] = status
        return self.sandbox.take(done), len(members)

    def _ingested(self, body: Any) -> tuple[dict[str, Any], int]:
        """Take events, all or none; what becomes of each is said later. [events] [errors]"""
        _only(body, {"destinations", "events", "encoding", "validateOnly", "consent"}, "request")
        actions = self._places(body, self.sandbox.actions)
        events = _array(body, "events")
        if not 0 < len(events) <= google_events.MOST_EVENTS:
            raise Refused(400, "1 to 2000 events.", "events")
        for at, one in enumerate(events):
            if found := google_events.problem_of(one):
                raise Refused(400, found[1], f"events[{at}].{found[0]}".rstrip("."))
        errors: dict[int, str] = {}
        for action in actions:
            kept = self.sandbox.events.setdefault(action, {})
            for at, one in enumerate(events):
                error = google_events.error_of(one, self.sandbox.now(), kept.keys())
                if {*one.get("adIdentifiers", {}).values()} & self.sandbox.lost_clicks:
                    error = "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND"
                if error:
                    errors[at] = error
                    self.sandbox.repeats.known += error == google_events.DOUBLE
                else:
                    kept[one["transactionId"]] = one
        told = google_events.status_of(errors, len(events))
        return self.sandbox.take(told), len(events)

    def _places(self, body: dict[str, Any], known: Collection[str] | None) -> list[str]:
        """Return the lists or actions that a request goes to, all of them in this account."""
        places = [
            self._place(one, at, known) for at, one in enumerate(_array(body, "destinations"))
        ]
        if not 0 < len(places) <= MOST_DESTINATIONS:
            raise Refused(400, "1 to 10 destinations.", "destinations")
        if body.get("encoding") != "HEX":
            raise Refused(400, "Required with hashed identifiers.", "encoding")
        return places

    def _place(self, one: Any, at: int, known: Collection[str] | None) -> str:
        place = f"destinations[{at}]"
        accounts = {"operatingAccount", "loginAccount", "linkedAccount"}
        _only(one, {*accounts, "productDestinationId", "reference"}, place)
        for name in accounts & set(one):
            _only(one[name], {"accountType", "accountId"}, f"{place}.{name}")
        operating = one.get("operatingAccount", {})
        if operating.get("accountType") != "GOOGLE_ADS":
            raise Refused(400, "Required.", f"{place}.operating_account.account_type")
        self._know(operating.get("accountId"))
        number = one.get("productDestinationId")
        if known is not None and number not in known:
            raise Refused(400, "Not of this account.", f"{place}.product_destination_id")
        return number

    def _keys(self, one: Any, at: int) -> set[str]:
        place = f"audience_members[{at}]"
        _only(one, {"compositeData", "destinationReferences", "consent"}, place)
        composite = one.get("compositeData")
        _only(composite, {"userData"}, f"{place}.composite_data")
        _only(composite.get("userData"), {"userIdentifiers"}, f"{place}.composite_data.user_data")
        place += ".composite_data.user_data.user_identifiers"
        identifiers = _array(composite["userData"], "userIdentifiers")
        if not 0 < len(identifiers) <= MOST_IDENTIFIERS:
            raise Refused(400, "1 to 10 identifiers.", place)
        keys = set()
        for number, each in enumerate(identifiers):
            _only(each, {"emailAddress", "phoneNumber"}, f"{place}[{number}]")
            if len(each) != 1:
                raise Refused(400, "Exactly one identifier.", f"{place}[{number}]")
            ((kind, value),) = each.items()
            is_hash = isinstance(value, str) and HASH.fullmatch(value)
            if not is_hash or value in self.sandbox.bad_hashes:
                message = f"The value {value} is no SHA-256 hash."  # Google repeats values, too
                raise Refused(400, message, f"{place}[{number}].{kind}")
            keys.add(f"{'email' if kind == 'emailAddress' else 'phone'}:{value}")
        return keys


def _consented(body: dict[str, Any], members: list[Any]) -> None:
    """[upload]: both consents and the terms, for people in the EEA and with Customer Match.

    Consent stands in the request or in the member; that of the member is the one that counts.
    """
    granted = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    of_all = body.get("consent")
    for at, one in enumerate(members):
        consent = one.get("consent", of_all) if isinstance(one, dict) else of_all
        if consent != granted:
            place = "consent" if consent == of_all else f"audience_members[{at}].consent"
            raise Refused(400, "Consent is missing.", place)
    if body.get("termsOfService") != {"customerMatchTermsOfServiceStatus": "ACCEPTED"}:
        raise Refused(400, "The terms are not accepted.", "terms_of_service")


def _only(found: Any, known: set[str], place: str) -> None:
    """[discovery]: an object with no other names than these; unknown ones are an error of JSON."""
    if not isinstance(found, dict):
        raise Refused(400, "Required field is missing.", place)
    if unknown := sorted(set(found) - known):
        message = f'Invalid JSON payload received. Unknown name "{unknown[0]}"'
        raise Refused(400, message, place)


def _array(body: dict[str, Any], name: str) -> list[Any]:
    found = body.get(name, [])
    if not isinstance(found, list):
        raise Refused(400, f'Invalid value at "{name}"', name)
    return found


def _state(state: str) -> dict[str, Any]:
    return {"requestStatusPerDestination": [{"requestStatus": state}]}


@contextmanager
def served(
    settings: GoogleSettings, folder: Path, customers: Sequence[str]
) -> Iterator[GoogleSettings]:
    """Serve a company's Google for the demo; give the settings that lead to it."""
    state = folder / "sandbox-google.json"
    with GoogleSandbox(settings.account_id, 0, state, clock_of(folder)) as sandbox:
        config_secrets.hold(settings.client_id_env, "sandbox-client")
        config_secrets.hold(settings.client_secret_env, "sandbox-secret")
        config_secrets.hold(settings.refresh_token_env, sandbox.refresh_token)
        sandbox.quick = True
        config_secrets.hold(settings.developer_token_env, sandbox.developer_token)
        urls = {"url": sandbox.url, "ads_url": sandbox.url}
        local = {**urls, "token_url": f"{sandbox.url}/token"}
        yield settings.model_copy(update={**local, "auth": "refresh_token"})
