"""How an interaction is shown: what it did its work with, line by line."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.cli import output, page

if TYPE_CHECKING:
    from wave_runner.reports.versions import Approved, Script
    from wave_runner.reports.work import Decision, Model, Read, Work


TALK = 300
"""So many characters of each text are shown where many of them make one page."""


def when(time: datetime | None) -> str:
    """Return a time to the second, as every display shows it; "" where there is none."""
    return output.cell(time)


def work_lines(work: Work, *, full: bool) -> None:
    """Print what an interaction did its work with, as far as it has any of it."""
    rounds = f", round {work.iteration + 1}" if work.iteration else ""
    item = f", item {work.item}" if work.item else ""
    which = f"interaction {work.interaction_id}{rounds}{item}, attempt {work.attempt}"
    output.heading(f"{work.step} ({work.kind} {work.actor}): {which}")
    page.line("done", when(work.finished_at), *_took(work))
    page.line("approved", _approved(work.approved), f"pinned as {page.short(work.definition)}")
    _show_means(work)
    for read in work.reads:
        page.line("read", _read(read))
    if work.from_cache:
        source = work.from_cache
        whose = f"attempt {source.attempt} of interaction {source.interaction_id} in run {source.run_id}"
        page.line("cache", f"no model was asked: the answer is that of {whose}")
    page.line("erased", ", ".join(work.erased))
    page.quote("prompt", work.rendered, full=full)
    page.quote("answer", work.answer, full=full)
    for decision in work.decisions:
        page.line("decided", *_decision(decision))
    if work.output is not None:
        page.quote("output", page.value(work.output), full=full)


def talk_lines(work: Work, *, full: bool) -> None:
    """Print what an interaction was asked and has answered, and who decided: what a person follows a record by."""
    if work.input is None and not work.erased:
        return
    output.heading(f"{work.step} ({work.kind} {work.actor}), interaction {work.interaction_id}: {work.state}")
    page.line("took", *_took(work))
    page.line("erased", ", ".join(work.erased))
    if work.model is not None:
        page.line("model", *_model(work.model))
    if work.rendered is not None:
        page.quote("prompt", work.rendered, full=full, limit=TALK)
    elif work.input is not None:
        page.quote("input", page.value(work.input), full=full, limit=TALK)
    for decision in work.decisions:
        page.line("decided", *_decision(decision))
    if work.output is not None:
        page.quote("output", page.value(work.output), full=full, limit=TALK)
    else:
        page.quote("answer", work.answer, full=full, limit=TALK)


def _took(work: Work) -> list[str | None]:
    tokens = f"{work.tokens_in or 0} + {work.tokens_out or 0} tokens" if work.tokens_in or work.tokens_out else None
    cost = f"{output.money(work.cost)} {work.currency or ''}".strip() if work.cost is not None else None
    return [output.duration(work.service_us) if work.service_us else None, tokens, cost]


def _show_means(work: Work) -> None:
    if work.model is not None:
        page.line("model", *_model(work.model))
    if work.script is not None:
        page.line("script", *_script(work.script))
    for name, file in (("template", work.prompt), ("query", work.query), ("schema", work.schema)):
        if file is not None:
            page.line(name, f"{file.path} {page.short(file.sha256)}")


def _approved(approved: Approved | None) -> str:
    if approved is None:
        return "by nobody, as far as is recorded"
    return f"{when(approved.approved_at)} by {approved.approved_by} ({page.short(approved.sha256)})"


def _model(model: Model) -> list[str | None]:
    options = ", ".join(f"{name} {page.value(value)}" for name, value in sorted(model.options.items()))
    weights = f"weights {page.short(model.digest)}" if model.digest else "weights not recorded"
    server = f"{model.server} ({model.version})" if model.version else model.server
    return [f"{model.model} on {server}", weights, options or None]


def _script(script: Script) -> list[str | None]:
    files = f"{len(script.files)} files" if len(script.files) != 1 else "1 file"
    return [
        f"{script.entry} {page.short(script.sha256)}",
        files,
        f"lock {page.short(script.lock)}" if script.lock else None,
    ]


def _read(read: Read) -> str:
    source = read.source
    if read.interaction_ids:
        source += f" (interaction {', '.join(map(str, read.interaction_ids))})"
    cut = f", cut from {read.cut_from} characters" if read.cut_from is not None else ""
    stands = {True: ", as it still stands there", False: ", which has CHANGED since", None: ""}[read.stands]
    return f"{read.name} ← {source}{cut}, {page.short(read.sha256) if read.sha256 else 'erased'}{stands}"


def _decision(decision: Decision) -> list[str | None]:
    said = "sent back" if decision.answer is None else page.value(decision.answer)
    who = f"{when(decision.decided_at)} by {decision.person}, {decision.seconds:.0f} s after the claim"
    return [who, f"round {decision.round}" if decision.round > 1 else None, said, decision.comment]
