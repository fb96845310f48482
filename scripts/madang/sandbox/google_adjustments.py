"""What the local Google Ads API knows of corrections: of conversions that the same server was told.

Sources: [upload] https://developers.google.com/google-ads/api/docs/conversions/upload-adjustments
[one] https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionAdjustment
[errors] https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionAdjustmentUploadErrorEnum.ConversionAdjustmentUploadError
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

VERSION = "v26"
MOST = 2_000  # a request
DAYS = timedelta(days=54)  # [errors] CONVERSION_EXPIRED
NAMES = {"conversionAction", "adjustmentType", "orderId", "adjustmentDateTime"}
ACTION = re.compile(r"customers/\d+/conversionActions/(\d+)")
FAILURE = f"type.googleapis.com/google.ads.googleads.{VERSION}.errors.GoogleAdsFailure"
WORDS = {
    "CONVERSION_NOT_FOUND": "The conversion of this action and identifier can't be found.",
    "CONVERSION_EXPIRED": "Adjustment can't be made to a conversion of more than 54 days ago.",
    "CONVERSION_ALREADY_RETRACTED": "The conversion was already retracted.",
    "ADJUSTMENT_PRECEDES_CONVERSION": "The adjustment occurred before the associated conversion.",
    "INVALID_ARGUMENT": "The adjustment is not right.",
}


def code_of(
    one: Any,
    events: Mapping[str, Mapping[str, Mapping[str, Any]]],
    done: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> str | None:
    """Return the code of what is wrong with a correction. [one] [errors]"""
    restates = isinstance(one, dict) and one.get("adjustmentType") == "RESTATEMENT"
    wanted = NAMES | {"restatementValue"} if restates else NAMES
    if not isinstance(one, dict) or set(one) != wanted or not _is_right(one, restates):
        return "INVALID_ARGUMENT"
    action = ACTION.fullmatch(one["conversionAction"])
    event = events.get(action[1], {}).get(one["orderId"]) if action else None
    if event is None:
        return "CONVERSION_NOT_FOUND"
    happened = datetime.fromisoformat(event["eventTimestamp"])
    if now - happened > DAYS:
        return "CONVERSION_EXPIRED"
    if datetime.fromisoformat(one["adjustmentDateTime"]) < happened:
        return "ADJUSTMENT_PRECEDES_CONVERSION"
    if done.get(one["orderId"], {}).get("adjustmentType") == "RETRACTION":
        return "CONVERSION_ALREADY_RETRACTED"
    return None


def failure(place: int | None, code: str, kind: str = "conversionAdjustmentUploadError") -> Any:
    """Return an error of a GoogleAdsFailure, of the row at a place or of the whole request."""
    told: dict[str, Any] = {"errorCode": {kind: code}, "message": WORDS.get(code, code)}
    if place is not None:
        path = [{"fieldName": "conversion_adjustments", "index": place}]
        told["location"] = {"fieldPathElements": path}
    return told


def status(code: int, name: str, errors: list[Any]) -> dict[str, Any]:
    """Return a google.rpc.Status with a GoogleAdsFailure."""
    message = "Multiple errors in details." if len(errors) > 1 else errors[0]["message"]
    details = [{"@type": FAILURE, "errors": errors}]
    return {"code": code, "message": message, "status": name, "details": details}


def _is_right(one: Mapping[str, Any], restates: bool) -> bool:
    if one["adjustmentType"] not in ("RETRACTION", "RESTATEMENT"):
        return False
    if not re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", str(one["adjustmentDateTime"])
    ):
        return False
    value = one.get("restatementValue", {})
    return not restates or (
        isinstance(value, dict)
        and set(value) == {"adjustedValue", "currencyCode"}
        and type(value["adjustedValue"]) in (int, float)
        and re.fullmatch(r"[A-Z]{3}", str(value["currencyCode"])) is not None
    )
