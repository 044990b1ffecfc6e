"""From what the benchmarks have found to `RESULTS.md`: each bar, what was seen, and whether it is met."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What is promised of one figure. `seen` reads it from what a benchmark has found."""

    what: str
    of: str  # which benchmark
    bar: str
    seen: Callable[[Found], float]
    holds: Callable[[float], bool]
    unit: str = ""


BARS = (
    Bar(
        what="no-op steps a second, the engine alone",
        of="throughput",
        bar="≥ 10,000",
        seen=lambda found: float(found["steps_per_s"]["engine"]),
        holds=lambda rate: rate >= 10_000,
        unit=" /s",
    ),
    Bar(
        what="no-op steps a second, `ScriptActor` workers",
        of="throughput",
        bar="≥ 3,000",
        seen=lambda found: float(found["steps_per_s"]["script"]),
        holds=lambda rate: rate >= 3000,
        unit=" /s",
    ),
    Bar(
        what="one record through five scripts, p50",
        of="latency",
        bar="≤ 15 ms",
        seen=lambda found: float(found["ms"]["script"]["p50"]),
        holds=lambda ms: ms <= 15,
        unit=" ms",
    ),
    Bar(
        what="a claim of 100, one runner, the most that waits, p99",
        of="claim",
        bar="≤ 10 ms",
        seen=lambda found: float(list(found["claims"].values())[-1]["1"]["ms"]["p99"]),
        holds=lambda ms: ms <= 10,
        unit=" ms",
    ),
    Bar(
        what="what the audit costs steps of 25 ms",
        of="audit_overhead",
        bar="≤ 5 %",
        seen=lambda found: float(found["25_ms"]["cost_percent"]),
        holds=lambda percent: percent <= 5,
        unit=" %",
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
        what="throughput beside the largest history, against none",
        of="history",
        bar="≥ 0.9",
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
        seen=lambda found: float(found["above_bare_python_ms"]["import wave_runner"]),
        holds=lambda ms: ms <= 150,
        unit=" ms",
    ),
    Bar(
        what="`wave --help`, above bare Python",
        of="startup",
        bar="≤ 100 ms",
        seen=lambda found: float(found["above_bare_python_ms"]["wave --help"]),
        holds=lambda ms: ms <= 100,
        unit=" ms",
    ),
)


def write(folder: Path, page: Path) -> None:
    """Write the page from the figures in a folder."""
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    lines = ["# What was measured", "", *_table(kept), "", "## How to repeat it", "", *_commands(kept), ""]
    lines += ["## What it was seen on", "", *_machine(kept), ""]
    page.write_text("\n".join(lines), encoding="utf-8")


def _table(kept: Mapping[str, Any]) -> list[str]:
    rows = ["| what | bar | seen | |", "|---|---|---|---|"]
    for bar in BARS:
        if bar.of in kept:
            value = bar.seen(kept[bar.of]["figures"])
            said = "met" if bar.holds(value) else "**not met**"
            rows.append(f"| {bar.what} | {bar.bar} | {value:,.{_digits(value)}f}{bar.unit} | {said} |")
    return rows


def _digits(value: float) -> int:
    return 0 if value >= 1000 else 1 if value >= 10 else 3


def _commands(kept: Mapping[str, Any]) -> list[str]:
    said = [f"- `python -m benchmarks.{name} {one['told']}`: {one['took_s']} s" for name, one in kept.items()]
    return ["`make bench FULL=1` does all of it, and goes on where it was broken off.", "", *said]


def _machine(kept: Mapping[str, Any]) -> list[str]:
    names = ("cores", "machine", "system", "python", "wave_runner", "postgresql")
    facts = next((one["figures"] for one in kept.values() if "postgresql" in one["figures"]), {})
    versions = sorted({one["version"] for one in kept.values()})
    return [f"- {name}: {json.dumps(facts[name])}" for name in names if name in facts] + [f"- commit: {versions}"]
