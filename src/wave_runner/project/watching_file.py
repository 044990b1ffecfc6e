"""`stop:` and `canary:` of a workflow file, read into values. Only their own shape is checked here."""

from __future__ import annotations

from collections.abc import Iterator

from wave_runner.core.canary import MOST_RECORDS, Bound, Canary, Gate, Measure, Then
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.stopping import MOST_BAD, MOST_RESULTS, Stop
from wave_runner.project.document import Section

_OF_RECORDS = (Measure.QUARANTINED, Measure.FAILED)
_MOST_SHARE = 1
_LEAST_TIMES = 1
BOUNDS = {
    Measure.QUARANTINED: (Bound.MOST, Bound.MORE),
    Measure.FAILED: (Bound.MOST, Bound.MORE),
    Measure.SECONDS: (Bound.LEAST, Bound.MOST, Bound.TIMES),
    Measure.LENGTH: (Bound.LEAST, Bound.MOST, Bound.TIMES),
    Measure.SHARES: (Bound.LEAST, Bound.MOST, Bound.DISTANCE),
}
"""How each measure can be bounded."""


def read_stop(section: Section, *, values: bool = True) -> Stop:
    """Read `{last: 50, bad: 0.3, values: {verdict: [FAKE]}}`."""
    section.only(("last", "bad", *(("values",) if values else ())))
    named = section.section("values")
    return Stop(
        last=section.whole("last", most=MOST_RESULTS),
        bad=section.number("bad", most=MOST_BAD),
        values={name: _values(named, name) for name in named.data},
    )


def _values(section: Section, key: str) -> tuple[str, ...]:
    values = section.texts(key)
    if not values:
        raise section.error(f"`{key}` must name at least one value", key)
    return values


def read_canary(section: Section) -> Canary:
    """Read `{records: 20, then: pause, gates: {…}}`."""
    section.only(("records", "then", "gates"))
    then = section.text("then", Then.PAUSE)
    if then not in list(Then):
        raise section.error(f"there is no {then!r:.60} that could follow", "then", hint=did_you_mean(then, Then))
    gates = section.section("gates").only(Measure)
    return Canary(
        records=section.whole("records", most=MOST_RECORDS),
        then=Then(then),
        gates=tuple(gate for measure in Measure if measure in gates.data for gate in _gates(measure, gates)),
    )


def _gates(measure: Measure, gates: Section) -> Iterator[Gate]:
    """Yield what stands under one measure: of records at once, else by step or by step and field."""
    under = gates.section(measure)
    if measure in _OF_RECORDS:
        yield from _bounds(measure, under)
        return
    for name in under.data:
        step, _, field = name.partition(".")
        if not step or bool(field) == (measure is Measure.SECONDS):
            wanted = "a step" if measure is Measure.SECONDS else "a field, as STEP.FIELD"
            raise under.error(f"`{name}` must be {wanted}", name)
        yield from _bounds(measure, under.section(name), step=step, field=field)


def _bounds(measure: Measure, section: Section, *, step: str = "", field: str = "") -> Iterator[Gate]:
    known = BOUNDS[measure]
    section.only(known)
    if not section.data:
        raise section.error(f"a gate needs one of {', '.join(known)}", rule="missing_key")
    for bound in known:
        if bound not in section.data:
            continue
        if measure is Measure.SHARES and bound is not Bound.DISTANCE:
            values = section.section(bound)
            for value in values.data:
                limit = values.number(value, most=_MOST_SHARE)
                yield Gate(measure=measure, bound=bound, limit=limit, step=step, field=field, value=value)
        else:
            yield Gate(measure=measure, bound=bound, limit=_limit(measure, bound, section), step=step, field=field)


def _limit(measure: Measure, bound: Bound, section: Section) -> float:
    share = measure in _OF_RECORDS or measure is Measure.SHARES
    limit = section.number(bound, most=_MOST_SHARE) if share else section.number(bound)
    if bound is Bound.TIMES and limit < _LEAST_TIMES:
        raise section.error(f"`times` must be at least 1, not {limit:g}: as long as before is 1", bound)
    return limit
