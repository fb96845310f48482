"""From the bytes of a request to its items, with a limit to everything that a body may be."""

import asyncio

from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from madang.receiver.answers import Refused

READ_SECONDS = 30


def size_of(request: Request, most: int) -> int:
    """Return how many bytes the body has at most. Refuses another type, an encoding, more than
    `most` bytes.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(
            415,
            "content_type",
            "Unsupported media type",
            "The body must be JSON, and its header must say so.",
            "Send 'Content-Type: application/json'.",
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(
            415,
            "content_encoding",
            "Unsupported media type",
            "A compressed body is not read.",
            "Leave out Content-Encoding, and send fewer items at once.",
        )
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        return most
    if len(length) > 12 or int(length) > most:
        raise _too_large(most)
    return int(length)


async def body_of(request: Request, most: int) -> bytes:
    """Return the body. Refuses more than `most` bytes and a slow sender."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
    except TimeoutError:
        raise Refused(
            408,
            "too_slow",
            "Request timeout",
            f"The body did not arrive within {READ_SECONDS} seconds.",
            "Send it again, with fewer items at once.",
            {"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Refused(
            400, "gone", "Bad request", "The sender went away.", "Send it again."
        ) from None
    return b"".join(parts)


def items_of(body: bytes, most: int) -> list[object]:
    """Return the items of a body: an array's elements, or the one object.

    Refuses what is no JSON, is nested deeper than any item could be, or holds more than `most`.
    """
    try:
        # the parser itself stops at 200 levels, having read no more than that
        document = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        if "recursion" in str(error):
            raise _bad("too_deep", "The JSON is nested too deeply.", "Send flat objects.") from None
        raise _bad(
            "not_json", "The body is not valid JSON in UTF-8.", "Send one object, or an array."
        ) from None
    if isinstance(document, dict):
        return [document]
    if not isinstance(document, list) or not document:
        raise _bad(
            "no_items",
            "The body must be one object, or an array of at least one.",
            'Send {"…": "…"} or [{"…": "…"}].',
        )
    if len(document) > most:
        raise Refused(
            422,
            "too_many_items",
            "Unprocessable content",
            f"The array holds more than {most:,} items.",
            f"Send at most {most:,} items in one request.",
        )
    return document


def _too_large(most: int) -> Refused:
    return Refused(
        413,
        "too_large",
        "Content too large",
        f"The body is larger than {most // 1024:,} KiB.",
        "Send fewer items at once.",
        {"Connection": "close"},
    )


def _bad(code: str, detail: str, fix: str) -> Refused:
    return Refused(400, code, "Bad request", detail, fix)
