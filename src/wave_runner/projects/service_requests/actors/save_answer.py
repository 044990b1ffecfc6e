"""Saves what becomes of a request."""

from __future__ import annotations

import pydantic

from wave_runner import Context, ScriptActor


class SaveAnswer(ScriptActor):
    """Writes the team, the urgency and the answer of a request."""

    class Input(pydantic.BaseModel):
        """One sentence for each thing to do, in their order, and who does them when."""

        sentences: list[str]
        team: str
        urgency: str

    class Output(pydantic.BaseModel):
        """How many sentences the answer has."""

        sentences: int

    def process(self, item: Input, ctx: Context) -> Output:
        """Put the sentences together, each once, and have the answer saved with the result."""
        sentences = list(dict.fromkeys(sentence.strip() for sentence in item.sentences))
        ctx.write("requests", {"team": item.team, "urgency": item.urgency, "answer": " ".join(sentences)})
        return self.Output(sentences=len(sentences))
