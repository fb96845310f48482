"""Names the rows of a snapshot that have the key of another row."""

import csv
from pathlib import Path

from madang import private, scratch
from madang.ingest.landing.land import quiet_about_values
from madang.ingest.landing.rejects import MARK, free_path, safe
from madang.ingest.tables import SourceTable
from madang.warehouse.dialects import DUCKDB

SHOWN = 3  # keys whose rows are named on the screen
FETCHED = 10_000


def repeated_keys(table: SourceTable, parquet: Path, target: Path) -> list[str]:
    """Return a note about rows that repeat a key, none where no row does.

    `target` becomes the list of all such keys with their rows; it opens in Excel. On the screen
    only the numbers of rows are named, as keys are somebody's.
    """
    names = ", ".join(map(DUCKDB.quoted, table.key))
    place = "concat_ws(' ', nullif(_sheet, ''), _row)"
    with scratch.database(parquet.parent, threads=1) as connection, quiet_about_values():
        found = connection.execute(
            f"""
            select {names}, count(*), string_agg({place}, ', ' order by _row)
            from read_parquet({DUCKDB.literal(str(parquet))})
            group by {names} having count(*) > 1 order by min(_row)
            """
        )
        rows = found.fetchmany(FETCHED)
        if not rows:
            return []
        shown = "; ".join(row[-1] for row in rows[:SHOWN])
        path = free_path(private.folder(target.parent), target.stem)
        count = keys = 0
        with private.whole(path, newline="") as file:
            file.write(MARK)
            writer = csv.writer(file)
            writer.writerow([*table.key, "행 / rows"])
            while rows:
                writer.writerows(
                    [*(safe(cell or "") for cell in row[:-2]), row[-1]] for row in rows
                )
                count += sum(row[-2] - 1 for row in rows)
                keys += len(rows)
                rows = found.fetchmany(FETCHED)
    more = " and others" if keys > SHOWN else ""
    return [
        f"{count:,} rows repeat the key ({', '.join(table.key)}) of another row; the last one "
        f"counts: rows {shown}{more}. See {path.name}."
    ]
