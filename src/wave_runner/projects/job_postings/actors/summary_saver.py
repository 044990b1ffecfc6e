"""Saves the summary of a posting."""

from __future__ import annotations

import re

import pydantic

from wave_runner import Context, ScriptActor

from .cleaning import tidy_space

SHORTEST = 20  # characters


class Saved(pydantic.BaseModel):
    """How long the saved summary is, and how many sentences were dropped: repeated ones, and one cut off at the end."""

    characters: int
    dropped_sentences: int


class SummarySaver(ScriptActor):
    """Writes `postings.summary`: one line of whole sentences, each once."""

    class Input(pydantic.BaseModel):
        """The summary as the model gave it."""

        summary: str

    Output = Saved

    def process(self, item: Input, ctx: Context) -> Saved:
        """Save the summary; one of which too little is left is rejected."""
        summary, dropped = whole_sentences(item.summary)
        if len(summary) < SHORTEST:
            ctx.reject(f"the summary has {len(summary)} characters, {SHORTEST} are needed", rule="summary_too_short")
        ctx.write("postings", {"summary": summary})
        return Saved(characters=len(summary), dropped_sentences=dropped)


def whole_sentences(text: str) -> tuple[str, int]:
    """Return the whole sentences of `text`, each once, in one line, and the number of sentences dropped.

    Small models fall into loops, and a loop says nothing new; an answer that reached its greatest length ends in
    the middle of a sentence. The only sentence is kept, whole or not.
    """
    sentences = re.split(r"(?<=[.!?]) ", tidy_space(text).replace("\n", " "))
    kept = {sentence.casefold(): sentence for sentence in reversed(sentences)}
    whole = [sentence for sentence in reversed(kept.values()) if sentence.endswith((".", "!", "?"))]
    whole = whole or sentences[:1]
    return " ".join(whole), len(sentences) - len(whole)
