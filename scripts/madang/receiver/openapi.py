"""The contract as OpenAPI 3.1, made of the models that check the calls."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from madang.receiver.answers import PROBLEM_TYPE, Answer, ProblemBody
from madang.receiver.kinds import Kind
from madang.settings.receiver import ReceiverSettings

REFERENCE = "#/components/schemas/{model}"
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "A name of your own for this request. The same key with the same body gives the first "
        "answer again, however often it is sent. Without it the body's SHA-256 is the key."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
ABOUT = """\
Send what happened, as one JSON object or as an array of them. Every item gets a verdict. **202**
means that the accepted items are on disk: send only the refused ones again, corrected. After a
**5xx**, a **429** or no answer send the same request again with the same Idempotency-Key: nothing
is taken twice.
"""


def document(kinds: Mapping[str, Kind], settings: ReceiverSettings) -> dict[str, Any]:
    """Return the OpenAPI document of the given kinds and limits."""
    models = [kind.model for kind in kinds.values()]
    wanted = [(model, "validation") for model in models]
    wanted += [(Answer, "serialization"), (ProblemBody, "serialization")]
    names, schemas = models_json_schema(wanted, ref_template=REFERENCE)
    paths: dict[str, Any] = {
        f"/v1/{name}": {"post": _post(kind, names[kind.model, "validation"], settings)}
        for name, kind in kinds.items()
    }
    paths["/health"] = {"get": _health()}
    paths["/openapi.json"] = {"get": _itself()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Madang receiver", "version": version("madang"), "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _post(kind: Kind, item: dict[str, Any], settings: ReceiverSettings) -> dict[str, Any]:
    many = {"type": "array", "items": item, "minItems": 1, "maxItems": settings.max_items}
    answer = {"application/json": {"schema": {"$ref": REFERENCE.format(model="Answer")}}}
    replayed = {
        "description": "Set when this answer was given before.",
        "schema": {"const": "true"},
    }
    waiting = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return {
        "operationId": f"post_{kind.name.replace('-', '_')}",
        "summary": f"Send {kind.name}.",
        "security": [{"key": []}],
        "parameters": [KEY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [item, many]}}},
        },
        "responses": {
            "202": {
                "description": "At least one item was accepted, and is on disk.",
                "headers": {"Idempotent-Replayed": replayed},
                "content": answer,
            },
            "400": _problem("The body or the Idempotency-Key cannot be read."),
            "401": _problem("The key is missing, unknown or revoked."),
            "403": _problem("The key may not send this kind."),
            "408": _problem("The body came too slowly."),
            "413": _problem(f"The body is larger than {settings.max_request_kib} KiB."),
            "415": _problem("The body is not declared to be plain JSON."),
            "422": {
                "description": "No item could be accepted (application/json); or too many items "
                f"came, or the Idempotency-Key was used for another body ({PROBLEM_TYPE}).",
                "content": {**answer, **_problem("")["content"]},
            },
            "429": {**_problem("Too many requests, or too many at once."), "headers": waiting},
            "431": _problem("The headers are too large, or too many."),
            "503": {**_problem("Nothing was kept; send it again."), "headers": waiting},
        },
    }


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model="ProblemBody")}
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": schema}}}


def _health() -> dict[str, Any]:
    shape = {
        "type": "object",
        "required": ["status", "waiting_since"],
        "properties": {
            "status": {"enum": ["ok", "failing"]},
            "waiting_since": {"type": ["string", "null"]},
        },
    }
    told = {"application/json": {"schema": shape}}
    return {
        "summary": "Whether requests can be taken, and since when the oldest item waits.",
        "responses": {
            "200": {"description": "They can.", "content": told},
            "503": {"description": "They cannot.", "content": told},
        },
    }


def _itself() -> dict[str, Any]:
    told = {"application/json": {"schema": {"type": "object"}}}
    return {"summary": "This document.", "responses": {"200": {"description": "", "content": told}}}
