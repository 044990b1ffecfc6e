"""What a model is asked, as one key: the same question may be given the answer that was recorded for it.

The key is the SHA-256 of everything that decides the answer: the weights by their digest, where and exactly what is
sent (the rendered prompt, every option, what holds the answer to its form), the schema, and the place. What is asked
again for the same record, by another step, in the next round of a loop or for the next element of a list, is another
question: whoever asks twice wants two answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from wave_runner.core.flow import Place

FORM = 1
"""Version of the key. Questions of another form are never the same."""


def question(*, weights: str, sent: bytes, schema: Mapping[str, Any] | None, place: Place) -> bytes:
    """Return the key of 32 bytes. `sent` is where and what the driver sends, whatever the model is called."""
    said = {
        "form": FORM,
        "weights": weights,
        "sent": hashlib.sha256(sent).hexdigest(),
        "schema": schema,
        "step": place.step,
        "iteration": place.iteration,
        "item": place.item,
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def may_be_recorded(*, attempt: int, generation: int, asks_anew: bool) -> bool:
    """Say whether a recorded answer will do: at the first attempt of a run's own work, unless it asks anew.

    Whoever tries again, by itself or because somebody has said so, wants another answer. `attempt` counts those begun.
    """
    return attempt == 0 and generation == 0 and not asks_anew
