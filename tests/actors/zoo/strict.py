"""Has both models, and breaks them on request."""

import datetime
from decimal import Decimal

from pydantic import BaseModel, Field

from wave_runner.actors.script_actor import ScriptActor


class Strict(ScriptActor):
    class Input(BaseModel):
        n: int
        day: datetime.date | None = None
        how: str = "well"

    class Output(BaseModel):
        score: int = Field(ge=0, le=100)
        price: Decimal = Decimal("1.10")
        day: datetime.date | None = None

    def process(self, item: Input, ctx):
        match item.how:
            case "dict":
                return {"score": item.n, "day": item.day}
            case "unknown_field":
                return {"score": 1, "surprise": 2}
            case "text_for_number":
                return {"score": "1"}
            case "changed_after":
                output = self.Output(score=1)
                output.score = 1000
                return output
        return self.Output(score=item.n, day=item.day)
