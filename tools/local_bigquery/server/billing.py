"""What a statement reads, in bytes, and what of it BigQuery bills.

Columns are counted whole, over all rows: neither partitions nor shards that a filter leaves out are
taken off, and of a struct every field counts. So the figure is never too low.
"""

from local_bigquery.scans import logical_bytes, scans
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Session

MEGABYTE = 1024 * 1024
LEAST_PER_TABLE = 10 * MEGABYTE


def scanned(session: Session, sql: str) -> dict[str, int]:
    """Bytes of the columns that a statement reads, by table."""
    tables = session.scope(sql).tables
    found: dict[str, int] = {}
    for scan in scans(session.analyze(sql, prune=True)):
        relation = tables[scan.table]
        rows = relation.content().table_data.row
        found[scan.table] = found.get(scan.table, 0) + sum(
            logical_bytes((row.cell[place] for row in rows), column.type)
            for place, column in enumerate(relation.columns)
            if column.name in scan.columns and not column.is_pseudo
        )
    return found


def billed(by_table: dict[str, int]) -> int:
    """What is billed for: whole megabytes, and no less than ten a table."""
    whole = -(-sum(by_table.values()) // MEGABYTE) * MEGABYTE
    return max(whole, LEAST_PER_TABLE * len(by_table))


def refuse_above(limit: int, required: int) -> None:
    """Refuse a query that would be billed for more than `maximumBytesBilled`."""
    if required > limit:
        raise BigQueryError(
            f"Query exceeded limit for bytes billed: {limit}. {required} or higher required.",
            "bytesBilledLimitExceeded",
        )
