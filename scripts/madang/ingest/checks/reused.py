"""Says which keys of a loaded file stand for two things, as a running number of each file does."""

from madang.ingest.tables import SourceTable
from madang.warehouse import Warehouse


def reused_keys(warehouse: Warehouse, table: SourceTable, sha256: str) -> int:
    """Count the keys of a landed file that have two values in a column of `key_means`, in it or
    with the rows that landed before. The hash is hexadecimal, so it is safe in SQL.
    """
    quoted = warehouse.dialect.quoted
    key, relation = quoted(table.key[0]), warehouse.relation("raw", table.identifier)
    differs = " or ".join(f"min({one}) <> max({one})" for one in map(quoted, table.key_means))
    rows = warehouse.fetch(
        f"""
        select count(*) as n
        from (
            select {key}
            from {relation}
            where {key} in (select {key} from {relation} where _sha256 = '{sha256}')
            group by {key}
            having {differs}
        ) as reused"""
    )
    return int(rows[0]["n"])


def told(table: SourceTable, count: int) -> str:
    """Say so, and what to do."""
    return (
        f"{count:,} {table.key[0]} of this file stand for two things: another row has the same one "
        f"and another {' or '.join(table.key_means)}. See 'A number that is used again' in "
        "docs/loading.md; where it is a running number of the rows, leave the column out."
    )
