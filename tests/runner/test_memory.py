"""What the lanes of one server know of its memory, when they ask for more, and what they leave to each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from tests.support.by_hand import Hand, by_hand
from tests.support.ollama_server import GIB, OllamaServer
from tests.support.projects import Ground, rows

from wave_runner.core.loading import model_key
from wave_runner.core.residency import Room
from wave_runner.core.wave import Choice, Linger, Policy, Waiting
from wave_runner.core.workflow import ModelSpec, ServerSpec
from wave_runner.runner.ahead import Ahead
from wave_runner.runner.memory import ServerMemory, Slot
from wave_runner.runner.steps import Steps
from wave_runner.servers.ollama import OllamaServer as Driver
from wave_runner.servers.protocol import Load
from wave_runner.store import waves

T = TypeVar("T")


@pytest.fixture
def ollama(tmp_path: Path) -> Iterator[OllamaServer]:
    with OllamaServer(tmp_path / "ollama") as running:
        yield running


class Server:
    """A server that two lanes use, and what they know of it."""

    def __init__(self, hand: Hand, spec: ServerSpec, room: Room) -> None:
        self._spec = spec
        self.thoughts = 0  # how often everything was asked
        self.age_s = 1.0  # of all heads
        self.driver = Driver(spec, None)
        database, folder = hand.engine.database, hand.engine.folder
        steps = Steps(database, folder=folder, work_dir=folder / "work", environ={})
        ahead = Ahead(database, steps, server=spec.name)
        self.memory = ServerMemory(
            database, ahead, name=spec.name, server=self.driver, controlled=True, room=room, policy=Policy()
        )

    def model(self, letter: str) -> ModelSpec:
        return ModelSpec(name=letter, server=self._spec.name, model=f"test-{letter}")

    def key(self, letter: str) -> str:
        return model_key(self._spec, self.model(letter))

    def waiting(self, letter: str) -> Waiting:
        key = self.key(letter)
        return Waiting(queue_id=ord(letter), work_key=key, template="", position=1, waiting=9, head_age_s=self.age_s)

    async def choose(self, slot: int, *letters: str, current: str | None = None) -> object:
        """Choose for a lane among what waits for these models."""
        waiting = [self.waiting(letter) for letter in letters]

        async def look_again() -> list[Waiting]:
            self.thoughts += 1
            return waiting

        key = self.key(current) if current else None
        asks = Slot(number=slot, current=key, lingers=key is not None, lingered_s=0.0, service_s={})
        return await self.memory.choose(waiting, asks, look_again)

    async def load(self, slot: int, letter: str) -> Load:
        found = await self.memory.load(slot, self.model(letter))
        assert isinstance(found, Load), found
        self.memory.entered(self.key(letter), found)
        return found


def use(ground: Ground, ollama: OllamaServer, work: Callable[[Server], Awaitable[T]], room: Room) -> T:
    async def only_the_server(server: Server, _: Hand) -> T:
        return await work(server)

    return use_both(ground.project(rows=rows(1)), ollama, only_the_server, room)


def use_both(ground: Ground, ollama: OllamaServer, work: Callable[[Server, Hand], Awaitable[T]], room: Room) -> T:
    """Do something with a server, and with a run by hand."""
    spec = ServerSpec(name="near", driver="ollama", url=ollama.url, models_max=room.most)

    async def with_server(hand: Hand) -> T:
        server = Server(hand, spec, room)
        try:
            return await work(server, hand)
        finally:
            await server.driver.close()

    return by_hand(ground, with_server)


STEPS = """\
count: {actor: count, input: {text: record.text}, next: ask}
ask: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/n.json, next: save}
save: {actor: save, input: {n: ask.n}, writes: [items.words], next: end}
"""
COUNT = """\
from wave_runner import ScriptActor


class Count(ScriptActor):
    def process(self, item, ctx):
        return {}
"""
SAVE = """\
from wave_runner import ScriptActor


class Save(ScriptActor):
    def process(self, item, ctx):
        ctx.write("items", {"words": item["n"]})
        return {}
"""
NUMBER = (
    '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}'
)
TOML = '[servers.near]\ndriver = "ollama"\nurl = "{}"\n\n[models.judge]\nserver = "near"\nmodel = "test-a"\n'


def asking(ground: Ground, ollama: OllamaServer) -> Ground:
    """A project whose script feeds test-a."""
    return ground.project(
        rows=rows(1),
        steps=STEPS,
        actors={"count": COUNT, "save": SAVE},
        toml=TOML.format(ollama.url),
        files={"prompts/ask.md": "{{ text }}", "schemas/n.json": NUMBER},
        ensures=[],
    )


def test_where_no_plan_says_who_leaves_what_another_lane_is_at_stays(ground: Ground, ollama: OllamaServer):
    """The other lane is between two requests, and its model was asked for longest ago. What the lane drains has left
    by itself."""

    async def work(server: Server) -> None:
        for letter in "ab":
            await server.load(2, letter)
        assert isinstance(await server.choose(0, "a", current="a"), Choice)
        server.memory.entered(server.key("c"), Load(model="test-c", digest="", loaded=True, load_us=1))
        chosen = await server.choose(1, "c", current="c")
        assert isinstance(chosen, Choice)
        assert (chosen.reason, chosen.evict) == ("drain", ())
        assert (await server.load(1, "c")).evicted == ("test-b:latest",)

    use(ground, ollama, work, Room(most=2))


def test_in_a_batch_that_is_older_than_the_bound_everything_is_asked_only_where_the_model_is_changed(
    ground: Ground, ollama: OllamaServer
):
    """All heads have waited for longer than work may wait, and yet each queue had its turn a moment ago."""

    async def work(server: Server) -> None:
        server.age_s, current = 1000.0, None
        for letter in "ab":
            chosen = await server.choose(0, "a", "b", current=current)
            assert isinstance(chosen, Choice)
            assert chosen.queue.work_key == server.key(letter)
            server.memory.claimed(0, chosen.queue.queue_id)
            await server.load(0, letter)
            server.memory.worked(server.key(letter), 1e9)
            current = letter
        assert server.thoughts == 2
        for _ in range(5):
            chosen = await server.choose(0, "a", "b", current="b")
            assert isinstance(chosen, Choice)
            assert (chosen.queue.work_key, chosen.reason) == (server.key("b"), "drain")
            server.memory.claimed(0, chosen.queue.queue_id)
        assert server.thoughts == 2

    use(ground, ollama, work, Room())


def test_a_lane_that_was_told_to_wait_does_not_ask_again_at_once_unless_other_work_has_come(
    ground: Ground, ollama: OllamaServer
):
    async def work(server: Server, hand: Hand) -> None:
        await hand.seed(3, step="count")
        await server.load(0, "a")
        for _ in range(3):
            waits = await server.choose(0, "b", current="a")
            assert waits == Linger(reason="fed", work_key=server.key("a"))
        assert server.thoughts == 1
        assert isinstance(await server.choose(0, "b", "c", current="a"), Linger)
        assert server.thoughts == 2

    use_both(asking(ground, ollama), ollama, work, Room())


def test_the_size_of_a_model_is_asked_once_until_it_is_loaded(ground: Ground, ollama: OllamaServer):
    async def work(server: Server) -> None:
        for _ in range(3):
            assert isinstance(await server.choose(0, "a", "b"), Choice)
        assert len(ollama.requests("/api/tags")) == 2
        await server.load(0, "a")
        before = len(ollama.requests("/api/tags"))
        server.memory.forget()
        assert isinstance(await server.choose(1, "b", "c"), Choice)
        assert len(ollama.requests("/api/tags")) == before + 2, "of test-a, which is loaded, and test-c"

    use(ground, ollama, work, Room(most=3, bytes=8 * GIB))


def test_a_runner_whose_server_is_anothers_asks_for_it_before_it_thinks(ground: Ground, ollama: OllamaServer):
    async def work(_: Server, hand: Hand) -> None:
        await hand.seed(2, step="ask")
        database, owner = hand.engine.database, await hand.other()
        assert await waves.own_server(database, "near", owner.runner_id, lease_s=60)
        runner = hand.engine.runner()
        await waves.register_runner(database, runner.runner_id, "test")
        [lane] = runner.model_lanes
        try:
            assert not await lane.one_pass()
            thought = len(ollama.requests("/api/ps"))
            for _ in range(3):
                assert not await lane.one_pass()
            assert len(ollama.requests("/api/ps")) == thought > 0
            await waves.disown_server(database, "near", owner.runner_id)
            assert await lane.one_pass()
        finally:
            await runner.stop()

    use_both(asking(ground, ollama), ollama, work, Room())
