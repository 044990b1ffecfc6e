"""What somebody may say of work that is under way, and of whom."""

from __future__ import annotations

import enum


class Subject(enum.StrEnum):
    """What an order is about. A run and a runner are named by their ids."""

    RUN = "run"
    WORKFLOW = "workflow"  # all its runs, and those to come
    ACTOR = "actor"  # its steps in every run
    RUNNER = "runner"


class Told(enum.StrEnum):
    """What a runner has been told; it hears it with its next heartbeat."""

    WORK = "work"
    PAUSE = "pause"  # claim nothing until told to work
    DRAIN = "drain"  # finish what is in hand, claim nothing more, and end
    STOP = "stop"  # give back what is in hand, and end
