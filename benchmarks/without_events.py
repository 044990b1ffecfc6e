"""The `wave` command whose steps leave no events: `python -m benchmarks.without_events --project FOLDER run WORKFLOW`.

For `benchmarks.audit_overhead` alone. The product has no switch for this: the event part is cut out of the texts of the
two statements that move interactions on, before anything of the store is imported that reads them.
"""

from __future__ import annotations

import re
import sys
from typing import LiteralString

from wave_runner.store import statements

MOVES = ("interactions/start", "interactions/finish")
EVENT_PART = re.compile(r", logged AS \(\n.*?\n\)(?=,)", re.DOTALL)

original = statements.statement


def without_events(name: str) -> LiteralString:
    """Return the text of a statement; those that move interactions on write no event."""
    text = original(name)
    if name not in MOVES:
        return text
    rest, cuts = EVENT_PART.subn("", text)
    assert cuts == 1, f"{name} has {cuts} event parts"
    assert "interaction_events" not in rest, f"{name} writes events elsewhere too"
    return rest


def main() -> None:
    """Be the `wave` command."""
    assert "wave_runner.store.database" not in sys.modules, "the statements have been read already"
    statements.statement = without_events  # type: ignore[assignment]  # it is not cached
    from wave_runner.cli.main import main as wave

    wave()


if __name__ == "__main__":
    main()
