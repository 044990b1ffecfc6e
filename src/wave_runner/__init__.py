"""Wave Runner: records through AI models, scripts and people, on PostgreSQL, in waves, with proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wave_runner.actors.script_actor import Context as Context
    from wave_runner.actors.script_actor import Promote as Promote
    from wave_runner.actors.script_actor import Reject as Reject
    from wave_runner.actors.script_actor import Rejection as Rejection
    from wave_runner.actors.script_actor import ScriptActor as ScriptActor
    from wave_runner.errors import WaveError as WaveError

__version__ = "0.1.0"

__all__ = ["Context", "Promote", "Reject", "Rejection", "ScriptActor", "WaveError", "__version__"]


def __getattr__(name: str) -> Any:
    # On demand: a command line that only prints its help must not pay for pydantic.
    if name == "WaveError":
        from wave_runner import errors

        return errors.WaveError
    if name in __all__:
        from wave_runner.actors import script_actor

        return getattr(script_actor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
