"""How long what the pages show takes at 200,000 interactions: `python -m benchmarks.pages`.

    python -m benchmarks.pages --interactions 200000 900000 --rounds 20

A run of so many interactions, in all states, is made by one statement and counted once, as a runner counts a large run
that is under way; then each document is asked for by HTTP, as a page asks for it. `first` is the first time, `p50` the
median of those after it, in milliseconds, with what HTTP and JSON take. `pick_all` is picking every interaction of the
run, and `preview` looking at what of that could be tried again. `first_page` is the first page in Chromium, with an
empty cache, from the address that `wave serve` prints until the run is shown; where no Chromium is, or the pages were
not built, it is left out. The last line is one JSON object with all of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from tests.support import browser
from tests.support.many import RUN, many
from tests.support.projects import SCHEMA, Ground
from tests.support.serving import Served, grant, serving

from wave_runner.engine import Engine
from wave_runner.store import embedded, migrate, run_sums, runs

ASKED = {
    "interactions": f"interactions?run={RUN}",
    "interactions, a rare state": f"interactions?run={RUN}&state=waiting",
    "interactions, an error": f"interactions?run={RUN}&error_class=timeout",
    "interactions, a record": f"interactions?run={RUN}&record=item 77",
    "overview": "status",
    "run": f"status?run={RUN}",
    "runs": "runs",
    **{
        f"report {name}": f"reports/{name}?run={RUN}"
        for name in ("steps", "actors", "throughput", "errors", "delta", "cost", "records", "matrix", "events", "waves")
    },
    **{f"report {name}": f"reports/{name}" for name in ("failures", "stale", "runners", "servers", "alerts")},
}

# Without any event of a run nothing has changed in it, and it is not counted.
EVENT = """
    INSERT INTO interaction_events (run_id, form, type, data, sha256) VALUES (%s, 1, 'wave_closed', '{}', sha256('{}'))
"""


def main() -> None:
    """Measure as told, a line for each document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, nargs="+", default=[200_000])
    parser.add_argument("--rounds", type=int, default=10)
    told = parser.parse_args()
    figures = {str(n): measured(n, told.rounds) for n in told.interactions}
    print(json.dumps({"ms": figures, "rounds": told.rounds}))


def measured(interactions: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return the milliseconds of each document, of a database of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wave-bench-") as place:
        folder = Path(place) / "project"
        folder.mkdir()
        database = embedded.start(folder / ".wave")
        try:
            ground = Ground(folder=folder, url=database.url, admin_url=database.admin_url)
            migrate.migrate(ground.url, SCHEMA)
            many(ground, interactions)
            with psycopg.connect(ground.admin_url, dbname="wave", autocommit=True) as connection:
                connection.execute("VACUUM (ANALYZE)")
            ground.sql(EVENT, RUN)
            if not ground.do(counted):
                raise SystemExit("the run was not counted")
            with serving(ground) as served:
                documents = asked(served, grant(ground, "otto", "operator"), rounds)
                return documents | shown(served, rounds)
        finally:
            database.release()
            embedded.remove(folder / ".wave")


async def counted(engine: Engine) -> bool:
    """Do what a runner does beside its work."""
    await runs.fold_counts(engine.database)
    return await run_sums.keep_interim(engine.database)


def asked(served: Served, token: str, rounds: int) -> dict[str, dict[str, float]]:
    """Ask for each document, and pick all there is."""

    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = served.client.request(
            method, f"/api/v1/{path}", json=body, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    figures = {}
    for name, path in ASKED.items():
        figures[name] = timed(lambda path=path: ask("GET", path), rounds)  # type: ignore[misc]
        print(f"{name}: {figures[name]} ms", flush=True)
    figures["pick_all"] = timed(lambda: ask("POST", "picks", {"run": RUN}), 3)
    pick = ask("POST", "picks", {"run": RUN})["pick_id"]
    figures["preview"] = timed(lambda: ask("POST", f"picks/{pick}/retry/preview"), 3)
    print(f"picking all: {figures['pick_all']} ms; a preview of that: {figures['preview']} ms", flush=True)
    return figures


def shown(served: Served, rounds: int) -> dict[str, dict[str, float]]:
    """Open the first page in a browser that knows nothing of it; nothing where there is none."""
    if missing := browser.missing():
        print(f"the first page was not opened: {missing}", flush=True)
        return {}
    from playwright.sync_api import sync_playwright  # of the group `ui`, which is not there everywhere

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser.CHROMIUM, args=["--no-sandbox"])

        def cold() -> float:
            with chromium.new_context() as context:
                page = context.new_page()
                began = time.perf_counter()
                page.goto(served.opens)
                page.wait_for_selector(f'a[href$="runs/{RUN}"]')  # to look for it by its role is work for the page
                return time.perf_counter() - began

        found = _in_ms([cold() for _ in range(rounds + 1)])
        chromium.close()
    print(f"the first page, in Chromium: {found} ms", flush=True)
    return {"first_page": found}


def timed(act: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Return how long the first question takes, and the median of those after it."""
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return _in_ms(took)


def _in_ms(took: list[float]) -> dict[str, float]:
    return {"first": round(1000 * took[0], 1), "p50": round(1000 * statistics.median(took[1:]), 1)}


if __name__ == "__main__":
    main()
