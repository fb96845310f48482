"""What the limits of identity held back: identifiers in quarantine, and whom each would join."""

from madang import times
from madang.warehouse import Row, Warehouse

PLACE = ("identity", "identity_hubs")
COLUMNS = ("type", "in quarantine for", "identifiers", "kept apart", "last seen")
COUNTS = {
    "names": "names",
    "crm_ids": "customer numbers",
    "emails": "e-mail addresses",
    "phones": "telephone numbers",
    "devices": "devices",
}


def by_reason(warehouse: Warehouse) -> list[Row]:
    """Return a row for each type and reason, the most frequent first; none before a build.

    `persons_kept_apart` counts those who would be one person with somebody else through them.
    """
    if not warehouse.exists(*PLACE):
        return []
    return warehouse.fetch(f"""
        select identifier_type, quarantine_reason, count(*) as identifiers,
            cast(sum(case when persons_kept_apart > 1 then persons_kept_apart else 0 end) as int64)
                as persons_kept_apart,
            max(last_seen_at) as last_seen_at
        from {warehouse.relation(*PLACE)}
        group by identifier_type, quarantine_reason
        order by identifiers desc, identifier_type, quarantine_reason""")


def evidence(warehouse: Warehouse, key: str, zone: str) -> str:
    """Return what speaks against one identifier: what it came with, where and when it was seen."""
    if not warehouse.exists(*PLACE):
        return ""
    sql = f"select * from {warehouse.relation(*PLACE)} where identifier_key = ?"
    for row in warehouse.fetch(sql, [key]):
        told = [f"{row[column]} {words}" for column, words in COUNTS.items() if row[column]]
        days = [times.day(row[at], zone) for at in ("first_seen_at", "last_seen_at") if row[at]]
        told.append(f"seen in {row['sources']} " + " to ".join(dict.fromkeys(days)))
        told.append(f"would make one of {row['persons_kept_apart']} persons")
        return ", ".join(part.strip() for part in told)
    return ""
