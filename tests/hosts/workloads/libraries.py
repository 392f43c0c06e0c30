"""Libraries of data teams, each imported where it is used."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory


def pandas() -> str:
    """Group a table."""
    import pandas

    table = pandas.DataFrame({"shop": ["a", "b", "a"], "sold": [1, 2, 3]})
    return str(table.groupby("shop").sold.sum().to_dict())


def pyarrow() -> str:
    """Write a Parquet file and read it, mapped into memory."""
    import pyarrow
    from pyarrow import parquet

    with TemporaryDirectory() as folder:
        path = Path(folder, "table.parquet")
        parquet.write_table(pyarrow.table({"n": range(1000)}), path, compression="zstd")
        return str(parquet.read_table(path, memory_map=True).num_rows)


def polars() -> str:
    """Group a table in threads."""
    import polars

    table = polars.LazyFrame({"shop": ["a", "b", "a"], "sold": [1, 2, 3]})
    return str(table.group_by("shop").sum().sort("shop").collect().rows())


def duckdb() -> str:
    """Ask a database in the process."""
    import duckdb

    return str(duckdb.sql("SELECT sum(n) FROM range(1000) AS t(n)").fetchall())


def joblib() -> str:
    """Compute in processes that joblib starts."""
    from joblib import Parallel, delayed

    return str(Parallel(n_jobs=2)(delayed(abs)(number) for number in (-1, -2)))


def dask() -> str:
    """Compute on a cluster of two processes."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        return str(client.gather(client.map(abs, [-1, -2])))


def multiprocessing_spawn() -> str:
    """Compute in processes of their own."""
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return str(pool.map(abs, [-1, -2]))


def multiprocessing_fork() -> str:
    """Compute in forked processes, which share memory and locks."""
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as pool:
        return str(pool.map(abs, [-1, -2]))


def boto3() -> str:
    """Keep a file in S3 and fetch it."""
    import boto3

    store = boto3.client("s3")
    store.put_object(Bucket="results", Key="workloads/report", Body=b"of today")
    return str(store.get_object(Bucket="results", Key="workloads/report")["Body"].read().decode())


def psycopg() -> str:
    """Ask PostgreSQL."""
    import psycopg

    with psycopg.connect("") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS sold AS SELECT generate_series(1, 100) AS n")
        return str(connection.execute("SELECT sum(n) FROM sold").fetchone())
