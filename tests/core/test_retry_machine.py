"""An interaction on its way through failures: what is charged, how often it is tried, and how long it waits."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from wave_runner.core.decision import Try, Verdict, decide
from wave_runner.core.interaction import State
from wave_runner.core.outcome import Breach, Done, ErrorClass, Failure, Outage, Outcome
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.retry import BASE_S, CAP_S, LONGEST_ASKED_S
from wave_runner.core.workflow import ActorKind, CollectionSpec, ModelSpec, Next, Step

CHANCE = st.floats(0, 1, exclude_max=True)
ASKED = st.none() | st.floats(0, 10 * LONGEST_ASKED_S)


def step_of(max_attempts: int, handlers: dict[str, str]) -> PinnedStep:
    return PinnedStep(
        workflow="work",
        step=Step(name="judge", line=1, actor="m", kind=ActorKind.AI_MODEL, route=Next(to="save"), **handlers),
        collection=CollectionSpec(name="items", table="items", key="name"),
        params={},
        ensures=(),
        model=ModelSpec(name="m", server="s", model="m", max_attempts=max_attempts),
    )


class Tried(RuleBasedStateMachine):
    """One interaction of a step with a budget. What has ended is looked at no more: a fresh one takes its place."""

    @initialize(
        max_attempts=st.integers(1, 5),
        handlers=st.dictionaries(st.sampled_from(["on_failure", "on_quarantine", "on_timeout"]), st.just("note")),
    )
    def begin(self, max_attempts: int, handlers: dict[str, str]) -> None:
        self.step = step_of(max_attempts, handlers)
        self.handlers = handlers
        self.max_attempts = max_attempts
        self.charged = 0

    def ends(self, outcome: Outcome, chance: float) -> Verdict:
        """Let a try end; count what it is charged, as the store does."""
        found = decide(self.step, outcome, tried=Try(errors=self.charged, chance=chance))
        self.charged += found.charged
        return found

    def is_last(self, found: Verdict, state: State, keys: list[str]) -> None:
        """It has ended, and goes where the first of these keys says that the step has."""
        assert found.state is state
        handled = next((key for key in keys if key in self.handlers), "")
        assert (found.route, [way.to for way in found.ways]) == (handled, ["note"] if handled else [])
        assert found.delay_s == 0
        self.charged = 0

    def waits(self, found: Verdict, window_s: float, chance: float, asked_s: float | None) -> None:
        """It is tried again: after a share of the window, and not before a server wants to be asked."""
        assert (found.state, found.ways, found.output) == (State.PENDING, (), None)
        least = min(asked_s or 0.0, LONGEST_ASKED_S)
        assert least <= found.delay_s <= max(window_s, least)
        assert found.delay_s in (least, chance * window_s)

    @rule(error_class=st.sampled_from(ErrorClass), chance=CHANCE, asked_s=ASKED)
    def it_fails(self, error_class: ErrorClass, chance: float, asked_s: float | None) -> None:
        found = self.ends(Failure(error_class=error_class, message="no", retry_after_s=asked_s), chance)
        if error_class is ErrorClass.PERMANENT or self.charged >= self.max_attempts:
            timed_out = ["on_timeout"] if error_class is ErrorClass.TIMEOUT else []
            self.is_last(found, State.FAILED, [*timed_out, "on_failure"])
        else:
            self.waits(found, min(CAP_S, BASE_S * 2 ** (self.charged - 1)), chance, asked_s)

    @rule(chance=CHANCE)
    def it_gives_a_wrong_answer(self, chance: float) -> None:
        found = self.ends(Breach(rule="output_schema", message="no", retry=True), chance)
        if self.charged >= self.max_attempts:
            self.is_last(found, State.QUARANTINED, ["on_quarantine"])
        else:
            self.waits(found, min(CAP_S, BASE_S * 2 ** (self.charged - 1)), chance, None)

    @rule(chance=CHANCE)
    def its_input_is_refused(self, chance: float) -> None:
        self.is_last(self.ends(Breach(rule="rejected", message="no"), chance), State.QUARANTINED, ["on_quarantine"])

    @rule(error_class=st.sampled_from(ErrorClass), of=st.sampled_from(Outage), chance=CHANCE, asked_s=ASKED)
    def it_meets_an_outage(self, error_class: ErrorClass, of: Outage, chance: float, asked_s: float | None) -> None:
        before = self.charged
        failure: dict[str, Any] = {"error_class": error_class, "outage": of, "retry_after_s": asked_s}
        self.waits(self.ends(Failure(message="no", **failure), chance), BASE_S, chance, asked_s)
        assert self.charged == before

    @rule(chance=CHANCE)
    def it_completes(self, chance: float) -> None:
        found = self.ends(Done(output={}), chance)
        assert (found.state, [way.to for way in found.ways], found.charged) == (State.COMPLETED, ["save"], False)
        self.charged = 0

    @invariant()
    def it_never_lives_with_its_budget_spent(self) -> None:
        if hasattr(self, "charged"):
            assert self.charged < self.max_attempts


TestTried = Tried.TestCase
