"""What a workflow that selects its records reads of them: the columns whose change makes it look again."""

from __future__ import annotations

from collections.abc import Iterable

from wave_runner.core.workflow import Step


def columns_read(steps: Iterable[Step], table: str) -> tuple[str, ...]:
    """Return the columns of the record's own table that the steps read and none of them writes, sorted.

    What a workflow writes itself is left out: else every run of it would be the reason for the next one.
    """
    steps = list(steps)
    sources = (source.split(".") for step in steps for ref in step.input.values() for source in ref.sources)
    read = {parts[1] for parts in sources if parts[0] == "record" and len(parts) > 1}
    own = f"{table}."
    written = {target.removeprefix(own) for step in steps for target in step.writes if target.startswith(own)}
    return tuple(sorted(read - written))
