"""Finds persons as others do, from the edges that `identity.py` made; a process for each way.

python benchmarks/identity_peers.py scipy|splink WAREHOUSE THREADS
"""

import resource
import sys
import time
from pathlib import Path

import duckdb


def connect(path: Path, threads: int) -> duckdb.DuckDBPyConnection:
    options = {"threads": threads, "preserve_insertion_order": False}
    return duckdb.connect(str(path), config=options)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def by_scipy(db: duckdb.DuckDBPyConnection) -> None:
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    db.execute("""
        create temp table nodes as select key, row_number() over () - 1 as id
        from (select left_key as key from drawn union select right_key from drawn)""")
    count = db.execute("select count(*) from nodes").fetchone()[0]
    ends = db.execute("""
        select l.id as a, r.id as b from drawn
        join nodes as l on l.key = left_key join nodes as r on r.key = right_key""").fetchnumpy()
    ones = np.ones(len(ends["a"]), np.int8)
    pairs = (ends["a"].astype(np.int32), ends["b"].astype(np.int32))
    _, found = connected_components(coo_matrix((ones, pairs), shape=(count, count)), directed=False)
    labels = {"id": np.arange(count), "label": found}  # noqa: F841 (DuckDB reads it by its name)
    db.execute("""
        create table found as
        select key as node, label as component from nodes join labels using (id)""")


def by_splink(db: duckdb.DuckDBPyConnection) -> None:
    from splink import DuckDBAPI
    from splink.clustering import cluster_pairwise_predictions_at_threshold as cluster

    api = DuckDBAPI(connection=db)
    db.execute("""
        create table nodes as
        select left_key as unique_id from drawn union select right_key from drawn""")
    db.execute("""
        create table edges as
        select left_key as unique_id_l, right_key as unique_id_r from drawn""")
    made = cluster(
        nodes=api.register("nodes"),
        edges=api.register("edges"),
        db_api=api,
        node_id_column_name="unique_id",
        edge_id_column_name_left="unique_id_l",
        edge_id_column_name_right="unique_id_r",
    )
    db.execute(f"""
        create table found as
        select unique_id as node, cluster_id as component from {made.physical_name}""")


PEERS = {"scipy": by_scipy, "splink": by_splink}


def run_peer(name: str, warehouse: Path, threads: int) -> None:
    """Print wall and CPU seconds and persons; what the peer made is thrown away."""
    copy = warehouse.with_name(f"{name}.duckdb")
    with connect(copy, threads) as db:
        db.execute(f"attach '{warehouse}' as source (read_only)")
        db.execute("create table drawn as select left_key, right_key from source.drawn")
        db.execute("detach source")
        db.execute("checkpoint")
        began, used = time.perf_counter(), cpu()
        PEERS[name](db)
        seconds, used = time.perf_counter() - began, cpu() - used
        persons = db.execute("select count(distinct component) from found").fetchone()[0]
    copy.unlink()
    print(f"{seconds:.3f} {used:.3f} {persons}")


if __name__ == "__main__":
    run_peer(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
