"""Counts the words of an item."""

from __future__ import annotations

import pydantic

from wave_runner import Context, ScriptActor


class CountWords(ScriptActor):
    """Writes `items.words`."""

    class Input(pydantic.BaseModel):
        """The text of the item."""

        text: str

    class Output(pydantic.BaseModel):
        """How many words it has."""

        words: int

    def process(self, item: Input, ctx: Context) -> Output:
        """Count, and have the count saved with the result."""
        words = len(item.text.split())
        ctx.write("items", {"words": words})
        return self.Output(words=words)
