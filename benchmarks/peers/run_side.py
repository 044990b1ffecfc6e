"""Measure one peer, by the Python of the environment that `environments.py` makes for it.

    .peers/dbos/bin/python -m benchmarks.peers.run_side dbos --url postgresql://... --records 2089
    .peers/dbos/bin/python -m benchmarks.peers.run_side dbos --url postgresql://... --latency --runs 20
    .peers/dbos/bin/python -m benchmarks.peers.run_side dbos --url postgresql://... --set processes=2

The address is a superuser's. Each run has a database of its own on that server, with the server's own settings, and
what the peer has recorded there as done is counted before a figure is given. The times are those that the peer itself
records, so that a side's waiting for the end never counts against its peer. The only line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from statistics import median
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
from benchmarks.peers.side import STEPS, Settings, Side
from psycopg.sql import SQL, Identifier

WARM_UP = 5  # the first records of a latency run are left out, as Wave Runner's are


def throughput(side: Side, url: str, records: int, settings: Settings) -> dict[str, Any]:
    """Return the steps per second of all records at once."""
    side.bulk(url, records, settings)
    [(done, seconds)] = _select(url, side.total)
    assert done == records * STEPS, f"{done} of {records * STEPS} steps were done"
    return {"steps_per_s": round(done / float(seconds)), "records": records, "settings": settings}


def latency(side: Side, url: str, runs: int, settings: Settings) -> dict[str, Any]:
    """Return the median time of a record that has the peer to itself."""
    side.one_by_one(url, runs + WARM_UP, settings)
    rows = _select(url, side.each)
    assert [done for done, _ in rows] == [STEPS] * (runs + WARM_UP), f"not all steps were done: {rows}"
    ms = median(float(ms) for _, ms in rows[WARM_UP:])
    return {"p50_ms": round(ms, 1), "runs": runs, "settings": settings}


def changed(settings: Settings, pairs: list[str]) -> Settings:
    """Return the settings with others in the place of some: each `NAME=VALUE`, the value as JSON writes it."""
    others = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in pairs)}
    assert others.keys() <= settings.keys(), f"there are {', '.join(settings)}"
    return settings | others


@contextlib.contextmanager
def _fresh_database(server_url: str) -> Iterator[str]:
    """Give the address of a new database of the server, which goes at the end."""
    name = f"peer_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
            [(commits,)] = _select(url, "SELECT current_setting('synchronous_commit')")
            assert commits == "on", f"synchronous_commit is {commits}"
            yield url
        finally:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _select(url: str, query: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def main() -> None:
    """Measure as told, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", help="dbos, procrastinate, pgqueuer or prefect")
    parser.add_argument("--url", required=True, help="a superuser's address on the server")
    parser.add_argument("--records", type=int, default=2089)
    parser.add_argument("--latency", action="store_true", help="time single records instead")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings than the fastest")
    told = parser.parse_args()
    side: Side = importlib.import_module(f"benchmarks.peers.{told.peer}_side").SIDE
    settings = changed(side.latency_settings if told.latency else side.settings, told.set)
    with _fresh_database(told.url) as url:
        if told.latency:
            found = latency(side, url, told.runs, settings)
        else:
            found = throughput(side, url, told.records, settings)
        [(server,)] = _select(url, "SHOW server_version")
    print(json.dumps({"version": version(side.peer), "postgresql": server, **found}), flush=True)


if __name__ == "__main__":
    main()
