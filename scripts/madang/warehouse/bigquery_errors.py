"""What BigQuery says, in plain words: what is wrong, and which role or setting mends it."""

import re
from dataclasses import dataclass
from typing import Any

from madang.warehouse import WarehouseError

# The least role that holds a permission, and on what to grant it.
# Source: cloud.google.com/bigquery/docs/access-control
ROLES = {
    "bigquery.jobs.create": "BigQuery Job User (roles/bigquery.jobUser) on the project {project}",
    "bigquery.datasets.create": "BigQuery User (roles/bigquery.user) on the project {project}, or "
    "let somebody who has it create the datasets",
    "bigquery.tables.getData": "BigQuery Data Viewer (roles/bigquery.dataViewer) on the dataset",
    "bigquery.tables.get": "BigQuery Data Viewer (roles/bigquery.dataViewer) on the dataset",
    "bigquery.tables.list": "BigQuery Data Viewer (roles/bigquery.dataViewer) on the dataset",
    "bigquery.datasets.get": "BigQuery Data Viewer (roles/bigquery.dataViewer) on the dataset",
    "bigquery.tables.create": "BigQuery Data Editor (roles/bigquery.dataEditor) on the dataset",
    "bigquery.tables.update": "BigQuery Data Editor (roles/bigquery.dataEditor) on the dataset",
    "bigquery.tables.updateData": "BigQuery Data Editor (roles/bigquery.dataEditor) on the dataset",
    "bigquery.tables.delete": "BigQuery Data Editor (roles/bigquery.dataEditor) on the dataset",
    "serviceusage.services.use": "Service Usage Consumer (roles/serviceusage.serviceUsageConsumer) "
    "on the project {project}",
}
MISSING = {
    "Table": "Run 'madang build'. If it is a table of the GA4 export, see "
    "warehouse.bigquery.ga4_dataset.",
    "View": "Run 'madang build'.",
    "Dataset": "Correct warehouse.bigquery.ga4_dataset, ga4_project or warehouse.schema; "
    "'madang load' and 'madang build' make Madang's own datasets.",
    "Project": "Correct warehouse.bigquery.project.",
}
AGAIN = "Run the command again: nothing was half-written, and it goes on or begins anew."


@dataclass(frozen=True)
class Diagnosis:
    """What a message means to the person who runs the command."""

    message: str
    fix: str | None = None


def diagnose(text: str, *, reason: str = "", status: int = 0, project: str = "") -> Diagnosis:
    """Translate BigQuery's own message; also for the text of one that came through dbt.

    `reason` is the API's error reason, `status` the HTTP status; both may be unknown.
    """
    for look in (_location, _cost, _quota, _denied, _missing, _stopped, _schema, _unreachable):
        found = look(text, reason, status, project)
        if found is not None:
            return found
    return Diagnosis(f"BigQuery refused a statement: {_shown(text)}")


def plain(error: BaseException, where: str, project: str) -> WarehouseError:
    """Turn an exception of Google's libraries into one that says what to do."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):  # RetryError: what it gave up on
        error = cause
    listed: Any = getattr(error, "errors", None)
    first = listed[0] if isinstance(listed, list | tuple) and listed else {}
    reason = first.get("reason", "") if isinstance(first, dict) else ""
    text = str(getattr(error, "message", None) or error)
    kind = type(error).__name__
    if kind == "DefaultCredentialsError":
        found = Diagnosis(
            "There are no Google credentials.",
            "Run 'gcloud auth application-default login', or name a key file: set "
            "warehouse.bigquery.keyfile_env to the environment variable that holds its path.",
        )
    elif kind == "RefreshError":
        found = Diagnosis(
            f"Google does not accept the credentials any more: {_shown(text)}",
            "Log in again ('gcloud auth application-default login'), or use a key that is valid.",
        )
    else:
        found = diagnose(text, reason=reason, status=int(_code(error)), project=project)
        if found.fix is None and kind in (
            "ConnectionError",
            "Timeout",
            "ReadTimeout",
            "ConnectTimeout",
            "ChunkedEncodingError",
            "TransportError",
            "ConnectionResetError",
            "SSLError",
            "ProxyError",
        ):
            found = Diagnosis(
                "BigQuery cannot be reached: the network or Google's service is down.", AGAIN
            )
    return WarehouseError(found.message, where=where, fix=found.fix)


def _code(error: BaseException) -> int:
    code = getattr(error, "code", 0)
    return code if isinstance(code, int) else 0


def _location(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    found = re.search(r"(Dataset|Table|View) (\S+) was not found in location ([\w-]+)", text)
    if found:
        kind, name, location = found[1].lower(), found[2], found[3]
        there = (
            "If it is in another location, set warehouse.bigquery.location to that: Madang's "
            "datasets and the GA4 export must be in one."
        )
        return Diagnosis(
            f"The {kind} {name} does not exist in {location}.", f"{MISSING[found[1]]} {there}"
        )
    if "different locations" in text or re.search(r"[Ll]ocation .* does not (match|support)", text):
        return Diagnosis(
            f"The datasets are in different locations: {_shown(text)}",
            "Set warehouse.bigquery.location to the location of the GA4 export, and remove the "
            "empty datasets that were made elsewhere.",
        )
    return None


def _cost(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    if reason != "bytesBilledLimitExceeded" and "limit for bytes billed" not in text:
        return None
    needed = re.search(r"(\d+) or higher required", text)
    more = f" It needs {int(needed[1]) / 2**30:,.2f} GiB." if needed else ""
    return Diagnosis(
        f"A statement would read more than warehouse.bigquery.maximum_bytes_billed allows.{more}",
        "See 'madang cost'. Read fewer days (ga4.start_date), or raise the limit if it is meant.",
    )


def _quota(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    if reason == "quotaExceeded" or "Quota exceeded" in text or "quotaExceeded" in text:
        return Diagnosis(
            f"A quota of the Google Cloud project is used up: {_shown(text)}",
            "Wait until it is refilled (daily quotas: midnight Pacific time), or have it raised "
            f"under IAM & Admin > Quotas. {AGAIN}",
        )
    if status == 429 or reason == "rateLimitExceeded" or "Exceeded rate limits" in text:
        return Diagnosis(
            "BigQuery asks to slow down, and still did after the time given to retries.",
            f"Lower warehouse.threads, or raise warehouse.bigquery.retry_seconds. {AGAIN}",
        )
    if reason == "billingNotEnabled" or "Billing has not been enabled" in text:
        return Diagnosis(
            "The Google Cloud project has no billing account, so BigQuery changes no rows in it.",
            "Link a billing account to the project; the sandbox does not support DML and load "
            "limits apply.",
        )
    if reason == "accessNotConfigured" or "API has not been used in project" in text:
        return Diagnosis(
            "The BigQuery API is not switched on in this project.",
            f"Run 'gcloud services enable bigquery.googleapis.com --project {project or 'ID'}'.",
        )
    return None


def _denied(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    if status not in (401, 403) and "Access Denied" not in text and reason != "accessDenied":
        return None
    if status == 401:
        return Diagnosis(
            "Google does not know these credentials (401).",
            "Log in again ('gcloud auth application-default login'), or use a key that is valid.",
        )
    listed = "|".join(re.escape(name) for name in sorted(ROLES, key=len, reverse=True))
    permission = re.search(listed, text)
    what = re.search(r"(Project|Dataset|Table) ([\w.:*-]+)", text)
    place = f" on {what[1].lower()} {what[2].rstrip(':')}" if what else ""
    if permission is None:
        return Diagnosis(
            f"Google refuses access{place}: {_shown(text)}",
            "Compare the service account's roles with docs/bigquery.md; 'madang doctor --online' "
            "tests each of them.",
        )
    role = ROLES[permission[0]].format(project=project or "that runs the jobs")
    return Diagnosis(
        f"The permission {permission[0]}{place} is missing.",
        f"Grant {role} to the account that runs this, then 'madang doctor --online'.",
    )


def _missing(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    found = re.search(r"(Table|Dataset|Project|Job|Model|Routine) ([\w.:*$-]+)", text)
    if status != 404 and reason != "notFound" and "Not found: " not in text:
        if "does not match any table" not in text:
            return None
        pattern = re.search(r"(\S+) does not match any table", text)
        return Diagnosis(
            f"No table matches {pattern[1] if pattern else 'the pattern'}.",
            "The GA4 export has no shards there (yet): correct warehouse.bigquery.ga4_dataset; a "
            "new link writes its first day within 24 hours.",
        )
    kind, name = (found[1], found[2]) if found else ("object", "asked for")
    fix = MISSING.get(kind, "Run the command again.")
    return Diagnosis(f"The {kind.lower()} {name} does not exist.", fix)


def _stopped(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    if reason == "stopped" or "Job execution was cancelled" in text or "was cancelled" in text:
        return Diagnosis("The BigQuery job was cancelled before it ended.", AGAIN)
    if reason == "timeout" or "Job timed out" in text or "exceeded timeout" in text:
        return Diagnosis(
            "The BigQuery job ran longer than warehouse.bigquery.timeout_seconds and was stopped.",
            f"Raise the limit, or give the project more slots. {AGAIN}",
        )
    if reason == "resourcesExceeded" or "Resources exceeded" in text:
        return Diagnosis(
            f"A statement needs more memory than BigQuery gives it: {_shown(text)}",
            "Read fewer days at once: set ga4.start_date later, build, then move it back.",
        )
    return None


def _schema(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    if "Provided Schema does not match" in text or "has changed type" in text:
        return Diagnosis(
            f"The table has another type for a column than the file: {_shown(text)}",
            "Nothing was written. Rename the column in its source YAML, or remove the old table "
            "and load its files again.",
        )
    missing = re.search(r"(?:Unrecognized name:|Name) (\S+)(?: not found inside (\S+))?", text)
    if missing and ("Unrecognized name" in text or "not found inside" in text):
        return Diagnosis(
            f"A statement reads the column {missing[1].rstrip(';')}, which its table does not have"
            f" (any more): {_shown(text)}",
            "If it is a column of the GA4 export, the newest shard lacks it: run 'madang doctor "
            "--online', which compares the shards with what is read, and build again when GA4 has "
            "written the day whole. Tables built before stay as they are.",
        )
    return None


def _unreachable(text: str, reason: str, status: int, project: str) -> Diagnosis | None:
    passing = ("backendError", "internalError", "jobBackendError", "badGateway")
    if reason in passing or (status >= 500 and not reason):
        return Diagnosis(f"BigQuery failed on its side ({status or reason}).", AGAIN)
    return None


def _shown(text: str) -> str:
    """The message's first line, without a request's address and without values of rows."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "no reason")
    line = re.sub(r"^(\d{3} )?(GET|POST|PUT|PATCH|DELETE) \S+: ", "", line)
    line = re.sub(r"; reason: .*$", "", line)
    values = r"((?:Bad|Invalid|Could not cast)[^:']*)(?:: |').*"
    return re.sub(values, r"\1 (value not shown)", line)[:400]
