"""From what the benchmarks have found to `RESULTS.md`: each bar, what was seen, and whether it is met."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What is promised of one figure, if anything. `seen` reads it from what a benchmark has found."""

    what: str
    of: str  # which benchmark
    bar: str = "-"
    aim: str = "-"
    seen: Callable[[Found], float]
    holds: Callable[[float], bool] | None = None
    unit: str = ""


MODULES = {"peers_latency": "peers"}  # those that are not named as they are
NAMES = {"dbos": "DBOS Transact", "procrastinate": "procrastinate", "pgqueuer": "PgQueuer", "prefect": "Prefect"}


def _by(peer: str, kind: str) -> Callable[[Found], float]:
    return lambda found: float(found[f"{kind}_by"][peer])


def _at_least(least: float) -> Callable[[float], bool]:
    return lambda seen: seen >= least


def _against(peer: str, least: float | None = None, aim: float | None = None) -> Iterator[Bar]:
    """Give what is promised beside a peer: for a user's function on both sides, which decides, and without ours."""
    for kind, ours in (("script", "a Python function on both sides"), ("engine", "the engine alone, without one")):
        yield Bar(
            what=f"no-op steps a second, {ours}, by those of {NAMES[peer]}",
            of="peers",
            bar=f"≥ {least} ×" if least else "-",
            aim=f"≥ {aim} ×" if aim else "-",
            seen=_by(peer, kind),
            holds=_at_least(least) if least else None,
            unit=" ×",
        )


BARS = (
    Bar(
        what="no-op steps a second, the engine alone",
        of="throughput",
        bar="≥ 10,000",
        aim="≥ 20,000",
        seen=lambda found: float(found["steps_per_s"]["engine"]),
        holds=lambda rate: rate >= 10_000,
        unit=" /s",
    ),
    Bar(
        what="no-op steps a second, `ScriptActor` workers",
        of="throughput",
        bar="≥ 3,000",
        aim="≥ 8,000",
        seen=lambda found: float(found["steps_per_s"]["script"]),
        holds=lambda rate: rate >= 3000,
        unit=" /s",
    ),
    *_against("dbos", 20, 45),
    *_against("procrastinate", 12, 25),
    *_against("pgqueuer"),
    *_against("prefect"),
    Bar(
        what="no-op steps a second, the engine alone, by those of bare SQL that writes the same",
        of="bare_sql",
        seen=lambda found: float(found["engine_to_limit"]),
    ),
    Bar(
        what="one record through five scripts, p50",
        of="latency",
        bar="≤ 15 ms",
        aim="≤ 6 ms",
        seen=lambda found: float(found["ms"]["script"]["p50"]),
        holds=lambda ms: ms <= 15,
        unit=" ms",
    ),
    *(
        Bar(
            what=f"one record through five Python functions, p50, by that of {name}",
            of="peers_latency",
            seen=_by(peer, "script"),
            unit=" ×",
        )
        for peer, name in NAMES.items()
    ),
    Bar(
        what="a claim of 100, one runner, however much waits, p99",
        of="claim",
        bar="≤ 10 ms",
        aim="≤ 4 ms",
        seen=lambda found: float(max(of_size["1"]["ms"]["p99"] for of_size in found["claims"].values())),
        holds=lambda ms: ms <= 10,
        unit=" ms",
    ),
    Bar(
        what="a claim of 100, one runner, p99 where the most waits, by that where the least does",
        of="claim",
        bar="≤ 2",
        seen=lambda found: float(found["p99_ratio"]["1"]),
        holds=lambda ratio: ratio <= 2,
    ),
    Bar(
        what="what the audit costs steps of 25 ms",
        of="audit_overhead",
        bar="≤ 5 %",
        aim="≤ 1 %",
        seen=lambda found: float(found["25_ms"]["cost_percent"]),
        holds=lambda percent: percent <= 5,
        unit=" %",
    ),
    Bar(
        what="what sealing takes of a step of 25 ms",
        of="sealing",
        bar="≤ 5 %",
        seen=lambda found: 100 * float(found["sealed"]["of_a_step_of_25_ms"]),
        holds=lambda percent: percent <= 5,
        unit=" %",
    ),
    Bar(
        what="events verified a second, by the live database",
        of="verify",
        bar="≥ 50,000",
        seen=lambda found: float(found["events_per_s"]["live"]["p50"]),
        holds=lambda rate: rate >= 50_000,
        unit=" /s",
    ),
    Bar(
        what="events verified a second, by a bundle",
        of="verify",
        bar="≥ 50,000",
        seen=lambda found: float(found["events_per_s"]["bundle"]["p50"]),
        holds=lambda rate: rate >= 50_000,
        unit=" /s",
    ),
    Bar(
        what="throughput while the projection is folded, against none that is",
        of="projecting",
        seen=lambda found: float(found["steps_per_s"]["ratio"]),
    ),
    Bar(
        what="heap of an event of a script's step",
        of="bytes",
        bar="≤ 350 bytes",
        seen=lambda found: float(found["bytes"]["script"]["per_event"]["heap"]),
        holds=lambda size: size <= 350,
        unit=" bytes",
    ),
    Bar(
        what="a runner's memory, at the most that waits",
        of="memory",
        bar="≤ 200 MB",
        seen=lambda found: float(found["mb"]["runner"]),
        holds=lambda size: size <= 200,
        unit=" MB",
    ),
    Bar(
        what="a runner's memory, while a million records come in and go through three scripts",
        of="million",
        bar="≤ 200 MB",
        seen=lambda found: float(found["peak_mb"]["runner"]),
        holds=lambda size: size <= 200,
        unit=" MB",
    ),
    Bar(
        what="`wave simulate`, 2,089 records through the graph that the mission names, start of the command included",
        of="simulate",
        bar="< 5 s",
        seen=lambda found: float(found["seconds"]["2089"]["p50"]),
        holds=lambda seconds: seconds < 5,
        unit=" s",
    ),
    Bar(
        what="a mixed batch of 300 records on one model slot: its loads, by the fewest that are possible",
        of="models",
        bar="1",
        seen=lambda found: float(found["loads"]["waves"] / found["loads"]["least"]),
        holds=lambda ratio: ratio == 1,
    ),
    Bar(
        what="the same record by record, by the driver alone, against waves",
        of="models",
        bar="≥ 3",
        seen=lambda found: float(found["gain"]),
        holds=lambda gain: gain >= 3,
        unit=" ×",
    ),
    Bar(
        what="throughput beside the largest history, against none",
        of="history",
        bar="≥ 0.9",
        aim="≥ 0.97",
        seen=lambda found: float(list(found["ratio_to_empty"].values())[-1]),
        holds=lambda ratio: ratio >= 0.9,
    ),
    Bar(
        what="throughput beside an old snapshot, against none",
        of="long_reader",
        bar="≥ 0.9",
        seen=lambda found: float(found["steps_per_s"]["ratio"]),
        holds=lambda ratio: ratio >= 0.9,
    ),
    Bar(
        what="`import wave_runner`, above bare Python",
        of="startup",
        bar="≤ 150 ms",
        aim="≤ 50 ms",
        seen=lambda found: float(found["above_bare_python_ms"]["import wave_runner"]),
        holds=lambda ms: ms <= 150,
        unit=" ms",
    ),
    Bar(
        what="`wave --help`, above bare Python",
        of="startup",
        bar="≤ 100 ms",
        aim="≤ 50 ms",
        seen=lambda found: float(found["above_bare_python_ms"]["wave --help"]),
        holds=lambda ms: ms <= 100,
        unit=" ms",
    ),
)
# Promises that are no speed: a test that fails says more than a figure.
BY_TESTS = (
    "- `kill -9` of a runner to its work taken back, ≤ lease + 2 s by the database: `tests/crash/test_leases.py`",
    "- models loaded as often as a batch needs at least, by the server's log: `tests/e2e/test_main_job.py`",
)


def module_of(name: str) -> str:
    """Return the module of a benchmark."""
    return MODULES.get(name, name)


def write(folder: Path, page: Path) -> None:
    """Write the page from the figures in a folder, and from what is written by hand about those that are not met."""
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    rows = [(bar, bar.seen(kept[bar.of]["figures"])) for bar in BARS if bar.of in kept]
    by_hand = page.with_name("NOT_MET.md")
    why = ["", by_hand.read_text(encoding="utf-8").strip()] if by_hand.exists() else []
    sections = {
        "# What was measured": _table(rows),
        "## Not met": [*_not_met(rows), *why],
        "## Shown by tests": BY_TESTS,
        "## The peers": _peers(kept),
        "## How to repeat it": _commands(kept),
        "## What it was seen on": _machine(kept),
    }
    text = "\n".join(line for title, lines in sections.items() if lines for line in (title, "", *lines, ""))
    page.write_text(text, encoding="utf-8")


def _table(rows: list[tuple[Bar, float]]) -> list[str]:
    lines = ["| what | bar | aim | seen | |", "|---|---|---|---|---|"]
    for bar, value in rows:
        said = "-" if bar.holds is None else "met" if bar.holds(value) else "**not met**"
        lines.append(f"| {bar.what} | {bar.bar} | {bar.aim} | {_said(bar, value)} | {said} |")
    return lines


def _not_met(rows: list[tuple[Bar, float]]) -> list[str]:
    missed = [(bar, value) for bar, value in rows if bar.holds is not None and not bar.holds(value)]
    return [f"- {bar.what}: {_said(bar, value)}, where {bar.bar} is promised" for bar, value in missed] or ["Nothing."]


def _said(bar: Bar, value: float) -> str:
    return f"{value:,.{_digits(value)}f}{bar.unit}"


def _peers(kept: Mapping[str, Any]) -> list[str]:
    if "peers" not in kept:
        return []
    lines = ["Of each the way and the settings that were found fastest, as its side in `benchmarks/peers/` tells.", ""]
    for peer, one in kept["peers"]["figures"]["peers"].items():
        told = ", ".join(f"{name} {json.dumps(value)}" for name, value in one["settings"].items())
        work = f"{one['records']:,} records on PostgreSQL {one['postgresql']}"
        lines.append(f"- {NAMES[peer]} {one['version']}, {work}: {told}")
    return lines


def _digits(value: float) -> int:
    return 0 if value >= 1000 else 1 if value >= 10 else 3


def _commands(kept: Mapping[str, Any]) -> list[str]:
    said = [
        f"- `python -m benchmarks.{module_of(name)} {one['told']}`: {one['took_s']} s" for name, one in kept.items()
    ]
    return ["`make bench FULL=1` does all of it, and goes on where it was broken off.", "", *said]


def _machine(kept: Mapping[str, Any]) -> list[str]:
    names = ("cores", "machine", "system", "python", "wave_runner", "postgresql")
    facts: Found = next((one["figures"] for one in kept.values() if "postgresql" in one["figures"]), {})
    versions = sorted({one["version"] for one in kept.values()})
    return [f"- {name}: {json.dumps(facts[name])}" for name in names if name in facts] + [f"- commit: {versions}"]
