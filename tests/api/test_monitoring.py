"""The files for Prometheus and Grafana ask for what `/metrics` says, and for nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from tests.runner.test_limits import FILES, MODEL, SAVE, WRITE_AND_SAVE
from tests.support.projects import Ground, at_work, rows, until
from tests.support.serving import serving

from wave_runner.engine import Engine

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus-alerts.yaml"
BOARD = ROOT / "deploy/grafana-dashboard.json"
PAGE = ROOT / "docs/reference/wave-toml.md"

SELECTOR = re.compile(r"(wave_runner_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby\s*\(([^)]*)\)")


def rules() -> list[dict[str, Any]]:
    [group] = YAML(typ="safe").load(RULES)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BOARD.read_text("utf-8"))
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Yield every expression with the name of what asks it."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
        for text in rule["annotations"].values():
            yield from ((rule["alert"], found) for found in re.findall(r'query "([^"]*)"', text))
    for panel in board()["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    for variable in board()["templating"]["list"]:
        for name, label in re.findall(r"label_values\((\w+), (\w+)\)", str(variable["query"])):
            yield variable["name"], f'{name}{{{label}=""}}'


def test_every_expression_asks_for_metrics_and_labels_that_there_are(ground: Ground):
    said = measured(ground)
    for who, expression in expressions():
        asked = SELECTOR.findall(expression)
        assert {name for name, _ in asked} <= said.keys(), who
        for name, matchers in asked:
            assert {label for label, _ in MATCHER.findall(matchers)} <= said[name], who
        grouped = {label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",")}
        assert grouped <= set().union(*(said[name] for name, _ in asked)), who
    targets = [target["expr"] for panel in board()["panels"] for target in panel["targets"]]
    shown = {name for target in targets for name, _ in SELECTOR.findall(target)}
    assert shown == said.keys(), "the board leaves out what is measured"


def measured(ground: Ground) -> Mapping[str, set[str]]:
    """Return the labels of each metric of a project that has all: an ended run, and work for a server that is away."""
    assert ground.project(rows=rows(1)).run() == "completed"
    model = MODEL.format(url="http://127.0.0.1:9/v1")
    ground.project(rows=rows(2), steps=WRITE_AND_SAVE, actors=SAVE, files=FILES, toml=model)

    async def work(engine: Engine) -> None:
        await engine.sync(dev=True)
        await engine.new_runs().start("work", {})
        async with at_work(engine):
            await until(lambda: asyncio.to_thread(ground.sql, "SELECT 1 FROM breakers WHERE position = 'open'"))

    ground.do(work)
    found: dict[str, set[str]] = defaultdict(set)
    with serving(ground) as served:
        for family in text_string_to_metric_families(served.get("/metrics").text):
            for sample in family.samples:
                found[sample.name] |= set(sample.labels)
    return found


def test_a_rule_names_kinds_of_alerts_that_there_are():
    there = set(re.findall(r"`(\w+)`", PAGE.read_text("utf-8").partition("### Which alerts are told")[2]))
    for rule in rules():
        for label, values in MATCHER.findall(rule["expr"]):
            assert label == "kind"
            assert set(values.split("|")) <= there, rule["alert"]


def test_a_rule_says_how_bad_it_is_and_what_to_do():
    assert len({rule["alert"] for rule in rules()}) == len(rules()) > 5
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_panels_of_the_board_do_not_lie_on_each_other():
    taken = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in board()["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) == 23
