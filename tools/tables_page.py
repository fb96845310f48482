"""Writes the tables of docs/tables.md from the YAML of the models: `python tools/tables_page.py`.

What stands between two marks is made here; the rest of the page is written by hand. PAGES says
which page of the documents explains a table.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tables.md"
MARKS = re.compile(r"(<!-- made from the YAML: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: Of the marts, folder by folder in the order of the page.
TOPICS = {
    "customers": "Customers, consent and contact",
    "audiences": "Audiences and holdouts",
    "journeys": "Journeys, outcomes and stages",
    "attribution": "Conversions, attribution and returns",
    "engagement": "Messages, inquiries, notices and lift",
    "scores": "Scores",
    "web": "Channels and traffic",
    "operations": "Operations",
}
PAGES = {
    "amounts_without_rate": "orders.md#several-currencies",
    "attribution_credits": "attribution.md#models",
    "attribution_paths": "attribution.md#paths",
    "audience_history": "sync.md#history-and-health",
    "audience_leavers": "sync-braze.md#who-leaves-and-comes-back",
    "base_braze__events": "braze-currents.md",
    "base_ga4__shards": "ga4-export.md",
    "braze_purchases": "braze-currents.md#custom-events-and-purchases",
    "campaign_arms": "lift.md#control-groups-of-braze",
    "campaign_days": "returns.md#cost",
    "campaign_returns": "returns.md#returns-by-campaign",
    "consent_due": "consent.md#due-lists",
    "consent_statements": "consent.md",
    "consent_states": "consent.md#consent-over-time",
    "conversion_upload_results": "returns.md#reporting-back",
    "conversions": "attribution.md#conversions",
    "customer_profiles": "customers.md",
    "customer_values": "#which-value-survives",
    "dropoff_inquiries": "journeys.md#inquiries",
    "experiment_arms": "lift.md#holdouts",
    "experiments": "lift.md#lift",
    "funnel_dropoff": "journeys.md#drop-off",
    "goal_moments": "scores.md#goals",
    "identity_builds": "identity.md#the-person",
    "identity_cuts": "identity.md#people-decide",
    "identity_hubs": "identity.md#limits-and-quarantine",
    "inquiries": "inquiries.md",
    "inquiry_orders": "inquiries.md#orders",
    "inquiry_topics": "inquiries.md#groups",
    "match_quality": "sync-ads.md#match-quality",
    "maturity_curves": "returns.md#maturity",
    "message_caps": "consent.md#caps-and-the-night",
    "messages": "messages.md",
    "names_in_use": "actions-and-audiences.md#names-that-never-occurred",
    "notices": "consent.md#notices",
    "online_vs_actual": "journeys.md#online-against-actual",
    "outcome_latest": "#outcomes",
    "person_stages": "stages.md",
    "purchase_histories": "scores.md",
    "restatements": "returns.md#restatements",
    "reused_ids": "loading.md#a-number-that-is-used-again",
    "salesforce_match": "salesforce.md#who-met-whom",
    "scenario_triggers": "stages.md#scenarios",
    "scores": "scores.md",
    "sessions": "channels.md",
    "stage_days": "stages.md#figures-of-stages",
    "stg_ads__costs": "loading.md#advertising-cost",
    "stg_fx__rates": "orders.md#several-currencies",
    "stg_ga4__users": "ga4-export.md#users",
    "stg_inquiries__inquiries": "loading.md#inquiries",
    "stg_notices__versions": "loading.md#notices",
    "stg_salesforce__accounts": "salesforce.md",
    "stg_salesforce__campaign_members": "salesforce.md",
    "stg_salesforce__campaigns": "salesforce.md",
    "stg_salesforce__cases": "salesforce.md",
    "stg_salesforce__contacts": "salesforce.md",
    "stg_salesforce__individuals": "salesforce.md",
    "stg_salesforce__leads": "salesforce.md",
    "stg_salesforce__opportunities": "salesforce.md",
    "sync_braze__events": "sync-braze.md#events-and-purchases",
    "sync_braze__messages": "sync-braze.md#messages",
    "sync_braze__subscriptions": "sync-braze.md#subscription-groups",
    "sync_flapping": "sync-braze.md#who-leaves-and-comes-back",
    "sync_waterfall": "sync.md#history-and-health",
    "tier_history": "consent.md#tiers",
    "touches": "attribution.md#touches",
    "traffic_quality": "channels.md#bots",
    "unknown_outcome_words": "loading.md#words-of-outcomes",
    "unmatched_records": "identity.md#records-that-identify-visits",
    "visits_and_actions": "journeys.md#who-came-when-from-where-and-did-what",
    "web_purchases": "orders.md",
}
KINDS = {
    "append_when_changed": "A log",
    "built_by_day": "Built day by day",
    "days_when_changed": "Built day by day",
    "materialized='view'": "A view",
}


def models(folder: str) -> Iterator[dict[str, Any]]:
    """The models that the YAML below a folder describes, with their SQL, in the order there."""
    for path in sorted((ROOT / "models" / folder).rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", ()):
            for sql in path.parent.rglob(f"{model['name']}.sql"):
                yield {**model, "sql": sql.read_text(encoding="utf-8"), "schema": schema_of(sql)}


def schema_of(sql: Path) -> str:
    """The schema of a model, by dbt_project.yml."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    at, found = project["models"]["madang"], ""
    for part in sql.relative_to(ROOT / "models").with_suffix("").parts:
        at = at.get(part, {})
        found = at.get("+schema", found)
    return found


def is_personal(column: dict[str, Any]) -> bool:
    """Say whether a column is tagged as personal data."""
    return bool(personal_by(column))


def personal_by(column: dict[str, Any]) -> Any:
    """How a column is tagged as personal data: True, or "indirect"."""
    return column.get("config", {}).get("meta", {}).get("pii")


def line(text: str) -> str:
    """A text as it may stand in a cell."""
    return " ".join(text.split()).replace("|", "\\|")


def link(name: str) -> str:
    """Where the documents explain a table; empty where no page does."""
    if name not in PAGES:
        return ""
    page, _, anchor = PAGES[name].partition("#")
    if not page:
        return f" [More](#{anchor})."
    title = (ROOT / "docs" / page).read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
    return f" [{title}]({PAGES[name]})."


def kind(model: dict[str, Any]) -> str:
    """How a table is built, where that is not as usual and its description does not say it."""
    config = model["sql"] + f"materialized='{model.get('config', {}).get('materialized')}'"
    found = [text for sign, text in KINDS.items() if sign in config]
    return "".join(f" {text}." for text in found if text not in model["description"])


def rows(folder: str, columns_are: str = "columns") -> list[str]:
    """The table of the models of a folder."""
    made = ["", f"| table | what it holds | {columns_are} |", "|---|---|---|"]
    for model in models(folder):
        columns = ", ".join(
            f"`{column['name']}`{'*' if is_personal(column) else ''}"
            for column in model.get("columns", ())
        )
        what = line(model["description"]) + kind(model) + link(model["name"])
        made.append(f"| `{model['name']}` | {what} | {columns} |")
    return made


def marts() -> list[str]:
    made = []
    for folder, title in TOPICS.items():
        made += ["", f"### {title}", *rows(f"marts/{folder}")]
    return [*made, ""]


def stream() -> list[str]:
    (activities,) = [model for model in models("activity") if model["name"] == "activities"]
    made = ["", "| column | meaning |", "|---|---|"]
    for column in activities["columns"]:
        made.append(f"| `{column['name']}` | {line(column['description'])} |")
    return [*made, ""]


def beside() -> list[str]:
    made = []
    for layer in ("staging", "identity"):
        made += ["", f"### {layer.capitalize()}", *rows(layer, "columns that need a word")]
    for layer in ("activity", "activation"):
        made += ["", f"### {layer.capitalize()}", *rows(layer)]
    return [*made, ""]


def personal() -> list[str]:
    made = ["", "| schema | table | in plain | indirect |", "|---|---|---|---|"]
    found = []
    for layer in ("staging", "identity", "activity", "marts", "activation"):
        for model in models(layer):
            tagged: dict[Any, list[str]] = {True: [], "indirect": []}
            for column in model.get("columns", ()):
                if is_personal(column):
                    tagged[personal_by(column)].append(f"`{column['name']}`")
            if any(tagged.values()):
                cells = " | ".join(", ".join(names) for names in tagged.values())
                found.append(f"| {model['schema']} | `{model['name']}` | {cells} |")
    return [*made, *sorted(found, key=lambda row: row.split("|")[1] != " private "), ""]


def page(text: str) -> str:
    """The page with the parts between marks made anew."""
    parts = {"marts": marts, "stream": stream, "beside": beside, "personal": personal}
    return MARKS.sub(lambda found: found[1] + "\n".join(parts[found[2]]()) + "\n" + found[3], text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
