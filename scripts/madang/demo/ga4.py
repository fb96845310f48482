"""The GA4 export: one Parquet shard a day, 31 columns, the day that is not over as intraday."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib.resources import files

from madang.demo.engine import Engine, sql_text
from madang.demo.publish import Publisher
from madang.demo.world import World


def columns() -> dict[str, str]:
    """Names and DuckDB types of the 2026 export schema, in order."""
    text = (files("madang.demo") / "ga4_columns.json").read_text(encoding="utf-8")
    return json.loads(text)


def shard_name(day: date, *, intraday: bool) -> str:
    """File name of a shard as the export's table is called."""
    return f"events_{'intraday_' if intraday else ''}{day:%Y%m%d}.parquet"


def write_shards(engine: Engine, world: World, publisher: Publisher) -> None:
    """Write every day that exists at `until`; a finished day replaces its intraday shard."""
    # A day is too small to keep more than one core busy, so a few are written at a time.
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        shards = [pool.submit(_write, engine, world, publisher, day) for day in world.export_days]
        for shard in shards:
            shard.result()


def _write(engine: Engine, world: World, publisher: Publisher, day: date) -> None:
    is_intraday = day == world.intraday
    typed = ",\n".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns().items())
    query = f"select {typed} from ({sql_text('ga4_day')})"
    with engine.beside() as door:
        door.execute(f"set variable day = date '{day}'")
        door.set_variable("is_intraday", is_intraday)
        publisher.put(
            f"ga4/{shard_name(day, intraday=is_intraday)}",
            lambda draft: door.write_parquet(query, draft),
        )
    if not is_intraday:
        (publisher.root / "ga4" / shard_name(day, intraday=True)).unlink(missing_ok=True)
