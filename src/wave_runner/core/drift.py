"""Drift: what happens when something is no longer what was approved."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Policy(enum.StrEnum):
    """What a change does until somebody approves it, from the most lenient to the strictest."""

    WARN = "warn"  # new runs take the newest; an event and an alert say so
    PIN = "pin"  # new runs take what is approved, and runs under way go on with what they have pinned
    APPROVE = "approve"  # no new run begins; runs under way go on with what they have pinned
    BLOCK = "block"  # nothing of it begins any more, whatever run it is for


REFUSES_NEW_RUNS = frozenset({Policy.APPROVE, Policy.BLOCK})
EVERY_OTHER = "*"


def stricter(one: Policy, other: Policy) -> Policy:
    """Return the stricter of two policies.

    What is in force is the stricter of that which was approved and that which a folder says: whoever can change a
    folder cannot loosen, by the same change, what guards it.
    """
    order = list(Policy)
    return max(one, other, key=order.index)


@dataclass(frozen=True, kw_only=True)
class Policies:
    """What a folder says of its actors and of its workflows, by name; `EVERY_OTHER` stands for those without a word."""

    actors: Mapping[str, Policy] = field(default_factory=dict)
    workflows: Mapping[str, Policy] = field(default_factory=dict)

    def of_actor(self, name: str) -> Policy:
        return self.actors.get(name) or self.actors.get(EVERY_OTHER, Policy.BLOCK)

    def of_workflow(self, name: str) -> Policy:
        return self.workflows.get(name) or self.workflows.get(EVERY_OTHER, Policy.WARN)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What somebody has looked at before they approve it: a hash in hex, and the weights that a model's server held."""

    sha256: str
    weights: str | None = None


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What is not as it was approved, by name, with the policy that is in force.

    `weights` are the actors whose model server holds other weights than those that were approved.
    """

    actors: Mapping[str, Policy] = field(default_factory=dict)
    workflows: Mapping[str, Policy] = field(default_factory=dict)
    weights: Mapping[str, Policy] = field(default_factory=dict)

    def refused(self, workflow: str, actors: set[str]) -> list[str]:
        """Return what keeps a run of a workflow with these actors from beginning, in words."""
        said = {f"workflow {name}": policy for name, policy in self.workflows.items() if name == workflow}
        said |= {name: policy for of in (self.actors, self.weights) for name, policy in of.items() if name in actors}
        return sorted(name for name, policy in said.items() if policy in REFUSES_NEW_RUNS)

    def pinned(self, actors: set[str]) -> list[str]:
        """Return which of these actors a new run takes as they were approved."""
        return sorted(name for name in actors if self.actors.get(name) is Policy.PIN)
