"""A `ScriptActor` class, found in its file and kept warm, and the contract around its `process`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

import orjson

from wave_runner.actors import result
from wave_runner.actors.sandbox import Walls
from wave_runner.actors.script_actor import Context, Rejection, ScriptActor
from wave_runner.core.canonical import JsonError, dumps

if TYPE_CHECKING:
    import pydantic


class UnusableScript(Exception):
    """The file holds no script that can be run."""


class LoadedScript:
    """One instance of a user's actor. Everything it does wrong with an item comes back as an encoded result."""

    def __init__(self, actor: ScriptActor, max_output_bytes: int, walls: Walls) -> None:
        self.actor = actor
        self._walls = walls
        self.takes_waves = _overrides(actor, "process_wave")
        self._cap = max_output_bytes

    def perform(self, item: Any, context: Context) -> bytes:
        """Do one item and return its encoded result."""
        try:
            returned = self.actor.process(self._input(item), context)
        except BaseException as error:  # noqa: BLE001  # whatever a script raises is a result, sys.exit too
            return self._accept(error, context)
        return self._accept(returned, context)

    def perform_wave(self, items: Sequence[Any], contexts: Sequence[Context]) -> list[bytes]:
        """Do all items in one call. An item with a wrong input is left out of the call and fails by itself."""
        inputs = [self._input_or_error(item) for item in items]
        good = [index for index, item in enumerate(inputs) if not isinstance(item, Exception)]
        returned: dict[int, Any] = dict(enumerate(inputs))
        returned.update(zip(good, self._call([inputs[i] for i in good], [contexts[i] for i in good]), strict=True))
        return [self._accept(returned[index], context) for index, context in enumerate(contexts)]

    def _call(self, items: list[Any], contexts: list[Context]) -> Sequence[Any]:
        if not items:
            return []
        try:
            returned = self.actor.process_wave(items, contexts)
            if not isinstance(returned, list | tuple) or len(returned) != len(items):
                raise TypeError(f"process_wave must return a list of {len(items)} results, not {_shape(returned)}")
        except BaseException as error:  # noqa: BLE001  # whatever a script raises is a result, sys.exit too
            if isinstance(error, Rejection):
                # One record's rejection must not reject the whole wave for good.
                error = RuntimeError(f"process_wave let a rejection out ({error}); return it as that item's result")
            return [error] * len(items)
        return returned

    def _input_or_error(self, item: Any) -> Any:
        try:
            return self._input(item)
        except _WrongInput as error:
            return error

    def _input(self, item: Any) -> Any:
        model = self.actor.Input
        if model is None:
            return item
        try:
            return _validate(model, orjson.dumps(item))
        except Exception as error:
            if _is_refused(error):
                raise _WrongInput("invalid_input", _summary(error)) from error
            raise

    def _accept(self, returned: Any, context: Context) -> bytes:
        """Check what came of an item against the contract and encode it, whatever it is."""
        try:
            if isinstance(returned, BaseException):
                raise returned
            data = result.done(self._output(returned), context.writes, context.effects)
        except Rejection as error:
            return result.breach(error.rule, str(error))
        except _WrongInput as error:
            return result.breach(error.rule, str(error))
        except (_WrongOutput, JsonError) as error:
            return result.breach(error.rule, str(error), evidence=[("answer", "text/plain", _safe_repr(returned))])
        except BaseException as error:  # noqa: BLE001  # see perform
            if _is_refused(error) and self._is_of_output(error):
                return result.breach("invalid_output", _summary(error), evidence=[_trace(error)])
            return result.raised(error, self._walls.refused(error))
        if len(data) > self._cap:
            said = f"the result has {len(data):,} bytes, {self._cap:,} are allowed; {result.MORE_OUTPUT}"
            return result.breach("output_too_large", said)
        return data

    def _is_of_output(self, error: pydantic.ValidationError) -> bool:
        """Did the script fail to build its own `Output`? Then its answer is wrong, however often it is tried."""
        return self.actor.Output is not None and error.title == self.actor.Output.__name__

    def _output(self, returned: Any) -> Any:
        """Return the JSON object of what `process` returned, in the form its `Output` gives it."""
        if returned is None:
            raise _WrongOutput("no_output", "process returned None; return a dict or an Output")
        if not (isinstance(returned, Mapping) or result.is_model(returned)):
            raise _WrongOutput("invalid_output", f"process returned {_shape(returned)}, not a dict or an Output")
        model = self.actor.Output
        if model is None:
            return returned
        try:
            return _validate(model, dumps(returned, default=result.plain)).model_dump(mode="json")
        except Exception as error:
            if _is_refused(error):
                raise _WrongOutput("invalid_output", _summary(error)) from error
            raise


class _Wrong(Exception):
    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class _WrongInput(_Wrong):
    pass


class _WrongOutput(_Wrong):
    pass


def load(root: Path, entry: str, max_output_bytes: int, walls: Walls) -> LoadedScript:
    """Import `entry` from below `root` and build the one `ScriptActor` in it."""
    sys.path.insert(0, str(root))
    name = entry.removesuffix(".py").replace("/", ".")
    module = importlib.import_module(name)
    if module.__file__ is None or not Path(module.__file__).is_relative_to(root):
        raise UnusableScript(f"{name} is also the name of an installed package ({module.__file__}); rename the folder")
    return LoadedScript(_only_actor(module, entry)(), max_output_bytes, walls)


def _only_actor(module: ModuleType, entry: str) -> type[ScriptActor]:
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, ScriptActor) and value.__module__ == module.__name__
    ]
    # A base class in the same file is there to be derived from.
    found = [one for one in own if not any(other is not one and issubclass(other, one) for other in own)]
    if len(found) != 1:
        names = ", ".join(one.__name__ for one in found) or "none"
        raise UnusableScript(f"{entry} must hold exactly one subclass of wave_runner.ScriptActor; found: {names}")
    verbs = [getattr(found[0], name) for name in ("process", "process_wave") if _overrides(found[0], name)]
    if not verbs:
        raise UnusableScript(f"{found[0].__name__} in {entry} has neither `process` nor `process_wave`")
    if any(inspect.iscoroutinefunction(verb) or inspect.isgeneratorfunction(verb) for verb in verbs):
        raise UnusableScript(
            f"`process` of {found[0].__name__} in {entry} must be a plain function, not async or yield"
        )
    return found[0]


def _overrides(actor: ScriptActor | type[ScriptActor], name: str) -> bool:
    owner = actor if isinstance(actor, type) else type(actor)
    return getattr(owner, name) is not getattr(ScriptActor, name)


def _validate(model: type[pydantic.BaseModel], document: bytes) -> pydantic.BaseModel:
    """Check strictly, and refuse unknown fields unless the model says what to do with them."""
    extra = None if "extra" in model.model_config else "forbid"
    return model.model_validate_json(document, strict=True, extra=extra)  # type: ignore[arg-type]  # a literal, or None


def _is_refused(error: BaseException) -> TypeGuard[pydantic.ValidationError]:
    """Whether a model has refused what it was given. Who has models has imported pydantic."""
    found = sys.modules.get("pydantic")
    return found is not None and isinstance(error, found.ValidationError)


def _summary(error: pydantic.ValidationError) -> str:
    """Name each wrong field and what is wrong with it, without pydantic's links."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}" for one in error.errors(include_url=False)
    )


def _shape(returned: Any) -> str:
    size = f" of {len(returned)}" if isinstance(returned, list | tuple) else ""
    return f"a {type(returned).__name__}{size}"


def _trace(error: BaseException) -> result.Exhibit:
    return "error", "text/plain", result.script_traceback(error)


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # the object is the script's, its repr may do anything
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
