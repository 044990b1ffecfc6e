"""What a run has cost: every attempt by the price that the run has pinned, and what nobody knows is not guessed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_limits import FILES, MODEL, SAVE, USED, WRITE_AND_SAVE
from tests.support import warm
from tests.support.by_hand import Hand, by_hand
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

from wave_runner.core.outcome import Done, Usage
from wave_runner.reports.cost import By, Cost, Line, cost
from wave_runner.runner.begin import begin
from wave_runner.runner.prepare import prepare
from wave_runner.runner.record import record
from wave_runner.runner.texts import Texts

GOOD = {"json": {"word": "good"}, "beside": USED}  # 30 tokens at 1,000 and 10 at 2,000 for a million
EACH = Decimal("0.05")
PRICE = "price = {input = 1000, output = 2000}"
NOWHERE = "http://127.0.0.1:9/v1"


def priced(ground: Ground, *, n: int, url: str = NOWHERE, price: str = PRICE) -> Ground:
    texts = [{"name": f"item {number:02}", "text": f"text {number}"} for number in range(n)]
    toml = MODEL.format(url=url).replace(PRICE, price)
    ground.project(rows=texts, steps=WRITE_AND_SAVE, actors=SAVE, files=FILES, toml=toml)
    change(ground, 'name = "ground"', 'name = "ground"\ncurrency = "EUR"')
    return ground


def change(ground: Ground, old: str, new: str) -> None:
    file = ground.folder / "wave.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def report(ground: Ground, run_id: int = 1, by: By = By.STEP, limit: int = 50) -> Cost:
    return ground.do(lambda engine: cost(engine.database, run_id, by=by, limit=limit))


def wave(ground: Ground, *words: str) -> str:
    done = warm.wave("--project", ground.folder, *words, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def brief(line: Line) -> dict[str, Any]:
    of = (line.step, line.model, line.record, line.attempt, line.fate)
    return {"of": of, "calls": line.calls, "failed": line.failed, "cost": line.cost, "failed_cost": line.failed_cost}


@pytest.fixture
def done(ground: Ground, tmp_path: Path) -> Ground:
    """Three records, of which the second needs two attempts; the first of them is the dearest."""
    dear = {"usage": {"prompt_tokens": 100, "completion_tokens": 10}}
    bad = {"match": "text 1", "times": 1, "text": "no word at all", "beside": dear}
    with OpenAIStub(tmp_path / "stub", [bad, GOOD]) as stub:
        assert priced(ground, n=3, url=stub.url).run() == "completed"
    return ground


def test_a_failed_attempt_costs_too_and_is_shown_apart(done: Ground):
    found = report(done)
    assert (found.workflow, found.state, found.currency, found.total_lines) == ("work", "completed", "EUR", 1)
    whole = {"calls": 4, "failed": 1, "cost": 3 * EACH + Decimal("0.12"), "failed_cost": Decimal("0.12")}
    assert brief(found.total) == {"of": (None,) * 5, **whole}
    assert [brief(line) for line in found.lines] == [{"of": ("write", "writer", None, None, None), **whole}]
    assert (found.total.tokens_in, found.total.tokens_cached, found.total.tokens_out) == (190, 0, 40)
    assert (found.total.running, found.total.unseen, found.total.not_counted, found.total.not_priced) == (0, 0, 0, 0)


def test_the_lines_of_a_report_add_up_to_the_whole_whatever_they_are_of(done: Ground):
    for by in By:
        found = report(done, by=by)
        assert found.total == report(done).total
        for name in ("calls", "failed", "tokens_in", "machine_us", "cost", "machine_cost", "failed_cost"):
            assert sum(getattr(line, name) for line in found.lines) == getattr(found.total, name), (by, name)


def test_the_dearest_come_first_and_the_report_says_how_many_there_are(done: Ground):
    found = report(done, by=By.RECORD, limit=2)
    assert found.total_lines == 3
    assert [(line.record, line.cost, line.calls) for line in found.lines] == [
        ("item 01", Decimal("0.17"), 2),
        ("item 00", EACH, 1),
    ]
    [first, *_, last] = report(done, by=By.ATTEMPT).lines
    assert brief(first)["of"] == ("write", "writer", "item 01", 1, "failed")
    assert (last.fate, last.cost) == ("accepted", EACH)
    assert [line.model for line in report(done, by=By.MODEL).lines] == ["writer"]


def test_a_later_change_of_prices_or_currency_changes_nothing_that_was_booked(done: Ground, tmp_path: Path):
    before = report(done)
    with OpenAIStub(tmp_path / "again", [GOOD]) as stub:
        change(done, "input = 1000", "input = 2000")
        change(done, 'currency = "EUR"', 'currency = "USD"')
        toml = (done.folder / "wave.toml").read_text()
        url = next(line for line in toml.splitlines() if line.startswith("url"))
        change(done, url, f'url = "{stub.url}"')
        done.write("actors/fetch.py", (done.folder / "actors/fetch.py").read_text().replace("item 0", "item 9"))
        wave(done, "actors", "approve", "writer")
        wave(done, "actors", "approve", "fetch")
        assert done.run() == "completed"
    assert report(done, 1) == before
    assert (report(done, 2).total.cost, report(done, 2).currency) == (3 * Decimal("0.08"), "USD")


def test_the_machine_is_priced_by_its_time_apart_from_the_tokens(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        assert priced(ground, n=2, url=stub.url, price="price = {input = 1000, second = 0.01}").run() == "completed"
    whole = report(ground).total
    assert whole.token_cost == 2 * Decimal("0.03")
    assert whole.machine_cost == Decimal(whole.machine_us) / 100_000_000
    assert whole.machine_us > 0
    assert whole.cost == whole.token_cost + whole.machine_cost


def test_tokens_that_the_server_has_in_its_cache_have_a_price_of_their_own(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [{"json": {"word": "good"}}]) as stub:  # 11 tokens, 3 of them cached, and 7
        priced(ground, n=1, url=stub.url, price="price = {input = 1000, cached = 100, output = 10}")
        assert ground.run() == "completed"
    whole = report(ground).total
    assert (whole.tokens_in, whole.tokens_cached, whole.tokens_out) == (11, 3, 7)
    assert whole.cost == Decimal("0.008") + Decimal("0.0003") + Decimal("0.00007")


def test_a_server_that_does_not_count_tokens_is_said_and_not_guessed(ground: Ground, tmp_path: Path):
    silent = {"match": "text 0", "json": {"word": "good"}, "beside": {"usage": None}}
    with OpenAIStub(tmp_path / "stub", [silent, GOOD]) as stub:
        assert priced(ground, n=2, url=stub.url).run() == "completed"
    whole = report(ground).total
    assert (whole.calls, whole.not_counted, whole.cost) == (2, 1, EACH)
    assert "not in it: the tokens of 1 calls: the server has not counted them" in wave(ground, "report", "cost")


def test_what_a_server_has_refused_has_used_nothing_and_that_is_known(ground: Ground, tmp_path: Path):
    refused = [{"status": status, "times": 1} for status in (429, 503)]
    broken = {"status": 500, "times": 1}
    with OpenAIStub(tmp_path / "stub", [*refused, broken, GOOD]) as stub:
        assert priced(ground, n=1, url=stub.url).run() == "completed"
    whole = report(ground).total
    assert (whole.calls, whole.failed, whole.not_counted, whole.cost) == (4, 3, 1, EACH)
    assert [line.cost for line in report(ground, by=By.ATTEMPT).lines] == [EACH, 0, 0, 0]


def test_a_model_without_a_price_costs_nobody_knows_what(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        assert priced(ground, n=2, url=stub.url, price="").run() == "completed"
    whole = report(ground).total
    assert (whole.calls, whole.not_priced, whole.tokens_in, whole.cost) == (2, 2, 60, 0)


def test_a_run_without_calls_has_cost_nothing(ground: Ground):
    priced(ground, n=0).start()
    found = report(ground)
    assert (found.total.calls, found.total.cost, found.lines) == (0, 0, [])


def test_a_call_whose_end_nobody_has_seen_is_unknown_until_somebody_brings_it(ground: Ground):
    """Its runner is taken for lost, and brings the answer after all: that changes nothing, and has been paid for."""
    priced(ground, n=0)

    async def lost(hand: Hand) -> list[Cost]:
        database, orders = hand.engine.database, hand.engine.orders()
        await hand.seed(1, step="write")
        claimed = await hand.claim("write")
        prepared = await prepare(database, orders.steps, claimed.items)
        [ready] = (await begin(database, claimed, prepared.ready)).started
        found = [await cost(database, hand.run_id)]
        await hand.die()
        assert await hand.sweep() == 1
        found.append(await cost(database, hand.run_id))
        late = Done(output={"word": "good"}, usage=Usage(tokens_in=30, tokens_out=10))
        assert await record(database, claimed, [(ready, late)], Texts()) == 0
        return [*found, await cost(database, hand.run_id)]

    running, unseen, brought = (one.total for one in by_hand(ground, lost))
    assert (running.running, running.unseen, running.cost) == (1, 0, 0)
    assert (unseen.running, unseen.unseen, unseen.cost) == (0, 1, 0)
    assert unseen.unseen_cost > EACH
    assert (brought.unseen, brought.unseen_cost, brought.failed, brought.cost) == (0, 0, 1, EACH)
    assert brought.failed_cost == EACH


def test_the_command_prints_exact_amounts_and_their_currency(done: Ground):
    said = wave(done, "report", "cost", "--by", "record")
    assert "run 1 of work: completed" in said
    assert "cost 0.27 EUR: tokens 0.27, machine 0.00; of it failed attempts 0.12" in said
    assert "# by record" in said
    document = json.loads(wave(done, "report", "cost", "--run", "1", "--by", "attempt", "--json"))
    assert document["schema"] == "wave.report.cost.v1"
    assert document["total"]["cost"] == "0.270000000"
    assert sum(Decimal(line["cost"]) for line in document["lines"]) == Decimal("0.27")
    assert {line["fate"] for line in document["lines"]} == {"accepted", "failed"}
