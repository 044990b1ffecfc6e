"""Saves the skills of a posting."""

from __future__ import annotations

from collections.abc import Iterable

import pydantic

from wave_runner import Context, ScriptActor

from .checks import is_placeholder
from .cleaning import tidy_space

LONGEST = 60  # characters; what is longer is a sentence


class Skill(pydantic.BaseModel):
    """One skill as the model named it."""

    skill: str


class Dropped(pydantic.BaseModel):
    """A skill that was not saved, and why."""

    skill: str
    reason: str


class Saved(pydantic.BaseModel):
    """What came in, what was kept, and what was dropped for which reason: `received` = `kept` + dropped, always."""

    received: int
    kept: int
    dropped: list[Dropped]


class SkillsSaver(ScriptActor):
    """Makes the posting's rows of `job_skills` exactly the skills that came in, each once."""

    class Input(pydantic.BaseModel):
        """The skills, most important first."""

        skills: list[Skill]

    Output = Saved

    def process(self, item: Input, ctx: Context) -> Saved:
        """Save the skills; if none is left, the item is rejected: a posting without skills is not done."""
        kept, dropped = sort_out(entry.skill for entry in item.skills)
        if not kept:
            ctx.reject(f"none of {len(item.skills)} skills could be kept: {_reasons(dropped)}", rule="no_skills")
        rows = [{"skill": skill, "position": position} for position, skill in enumerate(kept, start=1)]
        ctx.replace("job_skills", rows)
        return Saved(received=len(item.skills), kept=len(kept), dropped=dropped)


def sort_out(skills: Iterable[str]) -> tuple[list[str], list[Dropped]]:
    """Return the skills to keep, in order, and those to drop. Case makes no difference; the first spelling wins."""
    kept: dict[str, str] = {}
    dropped: list[Dropped] = []
    for given in skills:
        skill = tidy_space(given).replace("\n", " ").lstrip(" ,;:-*•").rstrip(" .,;:-*•")
        if reason := _objection(skill, kept):
            dropped.append(Dropped(skill=given, reason=reason))
        else:
            kept[skill.casefold()] = skill
    return list(kept.values()), dropped


def _objection(skill: str, kept: dict[str, str]) -> str:
    if not skill:
        return "empty"
    if is_placeholder(skill):
        return "placeholder"
    if len(skill) > LONGEST:
        return "too_long"
    return "repeated" if skill.casefold() in kept else ""


def _reasons(dropped: list[Dropped]) -> str:
    return ", ".join(sorted({entry.reason for entry in dropped})) or "there were none"
