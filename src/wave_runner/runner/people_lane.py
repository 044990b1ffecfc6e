"""The lane of what people do: it asks them and holds nothing. Their decisions are `wave_runner.runner.deciding`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wave_runner.core.outcome import Breach
from wave_runner.core.text import sanitise
from wave_runner.project.templates import render
from wave_runner.runner.lane import Lane
from wave_runner.runner.prepare import Ready
from wave_runner.runner.record import record
from wave_runner.store import tasks, waves

TITLE_CHARACTERS = 200


@dataclass(kw_only=True, eq=False)
class PeopleLane(Lane):
    """One lane; a runner has one. A wave of it makes tasks, and is over: no worker waits for a person."""

    name = "people"
    first_wave = 1000
    largest_wave = 1000

    async def _work(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        titles = [(one, _title(one)) for one in ready]
        asks = [_ask(one, title) for one, title in titles if isinstance(title, str)]
        untitled = [(one, title) for one, title in titles if isinstance(title, Breach)]
        async with self.database.transaction() as connection:
            waiting = await tasks.ask(connection, wave, asks)
        return len(waiting) + await record(self.database, wave, untitled, self.texts)


def _ask(ready: Ready, title: str) -> tasks.Ask:
    asking = ready.step.pinned.step.asking
    assert asking is not None, "a queue of the people lane holds steps that people do"
    return tasks.Ask(item=ready.item, origin=ready.step.origin, asking=asking, title=title, sources=ready.sources)


def _title(ready: Ready) -> str | Breach:
    """Return a task's title on one line: what its step says, or the step's name."""
    step = ready.step.pinned.step
    template = step.asking.title if step.asking is not None else ""
    title = render(template.encode(), ready.input) if template else step.name.replace("_", " ")
    if isinstance(title, Breach):
        return title
    return " ".join(sanitise(title)[0].split())[:TITLE_CHARACTERS]
