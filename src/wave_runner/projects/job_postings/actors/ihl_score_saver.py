"""Saves how likely it is that somebody inside has the job already (IHL, internal-hire likelihood, 0-100)."""

from __future__ import annotations

from typing import Literal

import pydantic

from wave_runner import Context, ScriptActor

from .cleaning import tidy_space

Verdict = Literal["GENUINE", "BORDERLINE", "COMPLIANCE_THEATER", "FAKE"]

BANDS: dict[Verdict, tuple[int, int]] = {
    "GENUINE": (0, 39),
    "BORDERLINE": (40, 69),
    "COMPLIANCE_THEATER": (70, 89),
    "FAKE": (90, 100),
}


class Saved(pydantic.BaseModel):
    """What was saved."""

    verdict: Verdict
    ihl_score: int
    red_flags: int


class IhlScoreSaver(ScriptActor):
    """Writes score, verdict and red flags of the posting together: one without the others says nothing."""

    class Input(pydantic.BaseModel):
        """A verdict, whoever gave it: a model, or a person who looked again."""

        verdict: Verdict
        ihl_score: int
        red_flags: list[str]

    Output = Saved

    def process(self, item: Input, ctx: Context) -> Saved:
        """Save the verdict; a score outside its verdict's band is rejected."""
        low, high = BANDS[item.verdict]
        if not low <= item.ihl_score <= high:
            ctx.reject(
                f"{item.verdict} means {low} to {high}, the score is {item.ihl_score}", rule="score_outside_band"
            )
        flags = each_once(item.red_flags)
        ctx.write("postings", {"ihl_score": item.ihl_score, "ihl_verdict": item.verdict, "red_flags": flags})
        return Saved(verdict=item.verdict, ihl_score=item.ihl_score, red_flags=len(flags))


def each_once(flags: list[str]) -> list[str]:
    """Return the red flags without blank and repeated ones, in order."""
    kept = {flag.casefold(): flag for flag in map(tidy_space, reversed(flags)) if flag}
    return list(reversed(kept.values()))
