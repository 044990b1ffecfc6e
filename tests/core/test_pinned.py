import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.canary import Bound, Canary, Gate, Measure, Then
from wave_runner.core.pinned import PinnedStep, read_step, write_step
from wave_runner.core.stopping import Stop
from wave_runner.core.workflow import (
    ActorKind,
    Case,
    CollectionSpec,
    Each,
    Guards,
    InputRef,
    ModelSpec,
    Next,
    Param,
    QuerySpec,
    RouteOn,
    ScriptSpec,
    Step,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
positive = st.integers(1, 2**31)
seconds = st.floats(0.001, 1e6)
tuples = st.lists(words, max_size=3).map(tuple)
cases = st.builds(Case, to=words, when=words, otherwise=words)
routes = st.one_of(
    st.builds(Next, to=words),
    st.builds(Each, source=words, to=words),
    st.builds(RouteOn, on=words, cases=st.dictionaries(words, cases, max_size=3)),
)
lengths = st.none() | positive
refs = st.builds(InputRef, sources=tuples, max_chars=lengths, min_chars=lengths, optional=st.booleans())
inputs = st.dictionaries(words, refs, max_size=3)
guards = st.builds(Guards, empty=st.booleans(), refusal=st.booleans(), too_fast=positive, same_text=positive)
shares = st.floats(0, 1)
stops = st.builds(Stop, last=positive, bad=shares, values=st.dictionaries(words, tuples, max_size=2))
gates = st.builds(
    Gate,
    measure=st.sampled_from(Measure),
    bound=st.sampled_from(Bound),
    limit=shares,
    step=words,
    field=words,
    value=words,
)
canaries = st.builds(Canary, records=positive, then=st.sampled_from(Then), gates=st.lists(gates, max_size=3).map(tuple))
steps = st.builds(
    Step,
    name=words,
    line=st.just(0),
    actor=words,
    kind=st.sampled_from(ActorKind),
    once=st.booleans(),
    input=inputs,
    require=tuples,
    guards=guards,
    accept=tuples,
    prompt=words,
    sql=words,
    output=words,
    writes=tuples,
    route=routes,
    timeout_s=st.none() | seconds,
    max_attempts=st.none() | positive,
    stop=st.none() | stops,
)
rows = st.dictionaries(words, words, max_size=2)
collections = st.builds(CollectionSpec, name=words, table=words, key=words, record_column=words, rows=rows)
options = st.dictionaries(words, words | st.floats(allow_nan=False, allow_infinity=False) | st.lists(words), max_size=3)
models = st.builds(
    ModelSpec, name=words, server=words, model=words, options=options, timeout_s=seconds, max_attempts=positive
)
scripts = st.builds(
    ScriptSpec,
    name=words,
    entry=words,
    executable=st.booleans(),
    timeout_s=seconds,
    max_attempts=positive,
    max_output_bytes=positive,
    environment=tuples,
    files=tuples,
)
queries = st.builds(QuerySpec, name=words, path=words, timeout_s=seconds, max_attempts=positive)
params = st.dictionaries(
    words, st.builds(Param, name=words, type=words, default=st.none() | words, required=st.booleans()), max_size=2
)
pinned_steps = st.builds(
    PinnedStep,
    workflow=words,
    step=steps,
    collection=collections,
    params=params,
    ensures=tuples,
    canary=st.none() | canaries,
    model=st.none() | models,
    script=st.none() | scripts,
    query=st.none() | queries,
    prompt_sha256=words,
    output_sha256=words,
    script_sha256=words,
    sql_sha256=words,
)


@given(pinned_steps)
def test_what_is_written_is_read_back(pinned):
    # A model's options are JSON: their lists come back as tuples, which are written the same.
    body = write_step(pinned)
    read = read_step(body)
    assert write_step(read) == body
    assert read == pinned


STEP = Step(name="save", line=0, actor="saver", kind=ActorKind.SCRIPT)
PINNED = PinnedStep(
    workflow="work",
    step=STEP,
    collection=CollectionSpec(name="items", table="items", key="name"),
    params={},
    ensures=(),
    script=ScriptSpec(name="saver", entry="actors/saver.py", timeout_s=5.0, max_attempts=2),
)


def test_equal_steps_have_equal_bytes_whatever_the_order_of_their_inputs():
    a, b = InputRef(sources=("record.a",)), InputRef(sources=("record.b",))
    one = Step(name="x", line=0, actor="saver", kind=ActorKind.SCRIPT, input={"a": a, "b": b})
    other = Step(name="x", line=0, actor="saver", kind=ActorKind.SCRIPT, input={"b": b, "a": a})
    first = PinnedStep(workflow="w", step=one, collection=PINNED.collection, params={}, ensures=())
    second = PinnedStep(workflow="w", step=other, collection=PINNED.collection, params={}, ensures=())
    assert write_step(first) == write_step(second)


def test_a_step_s_own_limits_stand_above_its_actor_s():
    assert (PINNED.timeout_s, PINNED.max_attempts) == (5.0, 2)
    step = Step(name="save", line=0, actor="saver", kind=ActorKind.SCRIPT, timeout_s=1.5, max_attempts=7)
    pinned = PinnedStep(
        workflow="w", step=step, collection=PINNED.collection, params={}, ensures=(), script=PINNED.script
    )
    assert (pinned.timeout_s, pinned.max_attempts) == (1.5, 7)


def test_a_form_from_the_future_is_refused():
    with pytest.raises(ValueError, match="form 2"):
        read_step(write_step(PINNED).replace(b'"form":1', b'"form":2'))
