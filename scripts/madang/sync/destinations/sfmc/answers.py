"""What the answers of Marketing Cloud say: about a request, its rows, entries and deletions.

Sources: [upsert] …/references/mc_rest_data_extensions/updateDataExtensionIDAsync.html
[status] …/mc-apis/getStatusDataExtensionAsync.htm: `status` is not there before the request is
picked up, and neither where the id is unknown
[results] …/mc-apis/getResultsDataExtensionAsync.htm: one item a row, in the order of the request
[entry] …/references/mc_rest_interaction/enterContactsIntoJourneyInBatches.html
[entries] …/references/mc_rest_interaction/getStatusOfContacts.html
[soap] …/guide/dataextensiondeleteresult.html; all of developer.salesforce.com
A row that failed with "Rerun the transaction." passes (a deadlock); every other reason stays.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import ACCEPTED, Later, Outcome
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

Redact = Callable[[str], str]
TOKEN_PLACE = b"{madang-token}"
RERUN = "Rerun the transaction."
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,80}")
VALUES = re.compile(r"\([^()]*\)")  # "The duplicate key value is (C000123)."
NOT_THERE = re.compile(r"not (be )?found|does ?n.t exist|not exist|no rows?", re.IGNORECASE)
API = "http://exacttarget.com/wsdl/partnerAPI"
AT_WORK, DONE = ("Pending", "Executing", "Queued"), ("Complete", "Error")
FIX_ROWS = "Make it as 'madang sync describe' says, with its primary key, then plan again."
FIX_EVENT = "Check the event's key in Journey Builder, and that a journey that uses it runs."


def taken(reply: "Reply", name: str, redact: Redact) -> tuple[Outcome, str | None]:
    """Return what became of a request with rows, and its id. [upsert]"""
    words = _words(reply, redact)
    if reply.is_good:
        request_id = _request_id(reply)
        if request_id is None or _has_error(reply.body or {}):
            raise not_understood(reply)
        return ACCEPTED, request_id
    _refuse_login(reply, words)
    if reply.status not in (400, 404, 413, 422):
        raise not_understood(reply)
    return _refused(f"{name}: {words}", FIX_ROWS), None


def told_state(reply: "Reply") -> str | None:
    """Return applied, partial or failed; None where it is not known yet. [status]"""
    if not reply.is_good or reply.body is None:
        return None
    status = reply.body.get("status")
    if not isinstance(status, dict) or status.get("requestStatus") not in DONE:
        return None
    is_good = status.get("resultStatus") == "OK" and not status.get("hasErrors")
    if is_good and status["requestStatus"] == "Complete":
        return "applied"
    return "failed" if status["requestStatus"] == "Error" else "partial"


def page_of(reply: "Reply") -> tuple[list[dict[str, Any]], int]:
    """Return the items of a page of results, and how many there are in all. [results]

    Nothing where the answer has none: a request that failed whole has no results.
    """
    body = reply.body if reply.is_good else None
    items, count = (body or {}).get("items"), (body or {}).get("count")
    if not isinstance(items, list) or type(count) is not int:
        return [], 0
    if not all(isinstance(one, dict) for one in items):
        return [], 0
    return items, count


def rows_told(items: Sequence[dict[str, Any]], state: str, redact: Redact) -> Later:
    """Return what became of each row by its place. Without items all are of unknown fate."""
    if not items:
        return Later("failed", "Marketing Cloud gives no results of a request with errors.")
    rows: dict[int, tuple[str, str]] = {}
    first = ""
    for place, one in enumerate(items):
        if str(one.get("status")) == "OK":
            continue
        message = str(one.get("message") or "").strip()
        first = first or message
        code = re.sub(r"[^A-Z0-9]+", "_", str(one.get("errorCode") or "NONE").upper())[:40]
        passes = message.endswith(RERUN)
        rows[place] = (
            ("unknown", "RERUN_THE_TRANSACTION") if passes else ("rejected", f"ERROR_{code}")
        )
    if not rows:
        return Later("applied")
    words = harmless(VALUES.sub("(…)", redact(first))) or "no reason"
    told = f"{len(rows)} of {len(items)} rows failed: {words}"
    return Later("partial", told, rows)


def entered(
    reply: "Reply", count: int, event: str, redact: Redact
) -> tuple[list[Outcome], str | None]:
    """Return what became of each member of a batch of entries, and the request's id. [entry]"""
    words = _words(reply, redact)
    if not reply.is_good:
        _refuse_login(reply, words)
        if reply.status not in (400, 404, 422):
            raise not_understood(reply)
        return [_refused(f"{event}: {words}", FIX_EVENT)] * count, None
    members = (reply.body or {}).get("members")
    is_list = isinstance(members, list) and all(isinstance(one, dict) for one in members)
    request_id = _request_id(reply)
    if not is_list or len(members) != count or request_id is None:
        raise not_understood(reply)
    outcomes = []
    for one in members:
        is_queued = bool(one.get("eventInstanceId")) and not one.get("errorcode")
        problem = harmless(redact(f"{one.get('errorcode') or ''} {one.get('message') or ''}"))
        outcomes.append(
            ACCEPTED
            if is_queued
            else _refused(problem or "Marketing Cloud gave no reason.", FIX_EVENT)
        )
    return outcomes, request_id


def entries_told(queued: "Reply", errored: "Reply", processed: "Reply") -> Later | None:
    """Return what became of a batch of entries; None while one is queued or none is known.
    [entries]
    """
    counts = []
    for reply in (queued, errored, processed):
        count = (reply.body or {}).get("count") if reply.is_good else None
        if type(count) is not int:
            return None
        counts.append(count)
    waiting, failed, done = counts
    if waiting or not failed + done:
        return None
    if failed:
        return Later("partial", f"{failed} of {failed + done} entries failed.")
    return Later("applied")


def deletion(url: str, name: str, key_column: str, keys: Sequence[str]) -> bytes:
    """Return the envelope that deletes rows by their primary key; the token is put in later."""
    rows = "".join(
        f'<Objects xsi:type="DataExtensionObject"><CustomerKey>{escape(name)}</CustomerKey>'
        f"<Keys><Key><Name>{escape(key_column)}</Name><Value>{escape(key)}</Value></Key></Keys>"
        "</Objects>"
        for key in keys
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<s:Header><a:Action s:mustUnderstand="1">Delete</a:Action>'
        f'<a:To s:mustUnderstand="1">{escape(url)}</a:To>'
        f'<fueloauth xmlns="http://exacttarget.com">{TOKEN_PLACE.decode()}</fueloauth></s:Header>'
        f'<s:Body><DeleteRequest xmlns="{API}"><Options/>{rows}</DeleteRequest></s:Body>'
        "</s:Envelope>"
    ).encode()


def deleted(reply: "Reply", count: int, name: str, redact: Redact) -> list[Outcome]:
    """Return what became of each row that was to be deleted; one that is gone is gone. [soap]"""
    if reply.status in (401, 403):
        _refuse_login(reply, "SOAP")
    results = list(_results(reply))
    if not reply.is_good or len(results) != count:
        raise not_understood(reply)
    outcomes = []
    for status, words in results:
        if status == "OK" or NOT_THERE.search(words):
            outcomes.append(ACCEPTED)
        else:
            outcomes.append(_refused(f"{name}: {harmless(redact(words))}", FIX_ROWS))
    return outcomes


def forgotten(reply: "Reply", redact: Redact) -> None:
    """Raises DestinationRefused where contacts are not deleted, DestinationUnclear."""
    words = _words(reply, redact)
    if reply.is_good and (reply.body or {}).get("operationInitiated") is True:
        return
    _refuse_login(reply, words)
    if reply.body is None or reply.status not in (200, 202, 400, 404):
        raise not_understood(reply)
    raise DestinationRefused(
        f"Marketing Cloud deletes no contacts: {words}",
        fix="Enable Contact Delete in Contact Builder, and give the package list_and_subscribers.",
    )


def not_understood(reply: "Reply") -> DestinationUnclear:
    """Return the error for an answer that does not say what became of the request."""
    return DestinationUnclear(
        f"This address answered {reply.status}, but not as Marketing Cloud does.",
        fix="Check sfmc.subdomain. What this request held may have arrived or not.",
    )


def _refused(problem: str, fix: str) -> Outcome:
    return Outcome("rejected", reason="refused by sfmc", problem=problem[:300], fix=fix)


def _refuse_login(reply: "Reply", words: str) -> None:
    if reply.status in (401, 403):
        raise DestinationRefused(
            f"Marketing Cloud refuses the login or its rights: {words}",
            fix="Give the installed package data_extensions_write, journeys_execute and "
            "list_and_subscribers_write in this business unit.",
        )


def _request_id(reply: "Reply") -> str | None:
    told = (reply.body or {}).get("requestId")
    return told if isinstance(told, str) and REQUEST_ID.fullmatch(told) else None


def _has_error(body: dict[str, Any]) -> bool:
    messages = body.get("resultMessages") or []
    listed = messages if isinstance(messages, list) else [messages]
    return any(not isinstance(one, dict) or one.get("resultClass") == "Error" for one in listed)


def _words(reply: "Reply", redact: Redact) -> str:
    body = reply.body or {}
    told = [str(body["message"])] if body.get("message") else []
    messages = body.get("resultMessages")
    for one in messages if isinstance(messages, list) else []:
        if isinstance(one, dict) and one.get("message"):
            told.append(f"{one.get('resultCode') or ''} {one['message']}".strip())
    return harmless(redact("; ".join(told))) or str(reply.status)


def _results(reply: "Reply") -> Iterator[tuple[str, str]]:
    """Read (StatusCode, words) of each result; nothing where it is no answer of SOAP's.

    A declaration of a type or an entity has no place in one, and is not read.
    """
    if b"<!DOCTYPE" in reply.content or b"<!ENTITY" in reply.content:
        return
    try:
        root = ElementTree.fromstring(reply.content)
    except ElementTree.ParseError:
        return
    for one in root.iter(f"{{{API}}}Results"):
        parts = [
            one.findtext(f"{{{API}}}{name}") or "" for name in ("StatusMessage", "ErrorMessage")
        ]
        yield one.findtext(f"{{{API}}}StatusCode") or "", " ".join(parts).strip()
