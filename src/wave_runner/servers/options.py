"""The options of `[models.NAME]` that a driver understands. A name nobody reads is an error, not a no-op."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from wave_runner.errors import SettingsError

Check = Callable[[Any], bool]


def _number(low: float, high: float) -> Check:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _whole(low: int, high: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _one_of(*values: object) -> Check:
    return lambda value: any(value is known or (value == known and type(value) is type(known)) for known in values)


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) and text for text in value)


# What any OpenAI-compatible server understands; sent as they stand, and only if they are set.
PORTABLE: Mapping[str, tuple[Check, str]] = {
    "temperature": (_number(0, 2), "a number from 0 to 2"),
    "seed": (_whole(0, 2**31 - 1), "a whole number from 0 to 2147483647"),
    "max_tokens": (_whole(1, 10**6), "a whole number of at least 1"),
    "top_p": (_number(0, 1), "a number from 0 to 1"),
    "stop": (_texts, "a list of texts"),
}
OPENAI: Mapping[str, tuple[Check, str]] = {
    **PORTABLE,
    "max_completion_tokens": (_whole(1, 10**6), "a whole number of at least 1"),
    "api": (_one_of("chat", "completion"), '"chat" or "completion"'),
}
LLAMA_CPP: Mapping[str, tuple[Check, str]] = {
    **PORTABLE,
    "top_k": (_whole(0, 10**6), "a whole number, 0 for no limit"),
    "repeat_penalty": (_number(0, 10), "a number from 0 to 10"),
    "cache_prompt": (_one_of(True, False), "true or false"),
    "api": (_one_of("chat", "completion"), '"chat" or "completion"'),
    "text": (_one_of("ascii", "unicode"), '"ascii" or "unicode"'),
}
OLLAMA: Mapping[str, tuple[Check, str]] = {
    **PORTABLE,
    "top_k": (_whole(0, 10**6), "a whole number, 0 for no limit"),
    "min_p": (_number(0, 1), "a number from 0 to 1"),
    "repeat_penalty": (_number(0, 10), "a number from 0 to 10"),
    "think": (_one_of(True, False), "true or false"),
    "api": (_one_of("chat", "completion"), '"chat" or "completion"'),
    # Settled when the model is loaded (core/loading.py).
    "num_ctx": (_whole(4, 10**8), "a whole number of tokens, from 4"),
    "num_batch": (_whole(1, 10**6), "a whole number of at least 1"),
    "num_gpu": (_whole(-1, 10**4), "a whole number of layers, -1 for as many as fit"),
    "main_gpu": (_whole(0, 10**4), "a whole number"),
    "num_thread": (_whole(0, 10**4), "a whole number, 0 for what Ollama takes"),
    "use_mmap": (_one_of(True, False), "true or false"),
}
DRIVERS: Mapping[str, Mapping[str, tuple[Check, str]]] = {"openai": OPENAI, "ollama": OLLAMA, "llama_cpp": LLAMA_CPP}


def check_options(driver: str, options: Mapping[str, Any]) -> None:
    """Raise `SettingsError` for an option that `driver` does not know or a value it cannot use."""
    known = DRIVERS[driver]
    for name, value in options.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(
                f"the option {name!r} of a model is unknown to the driver {driver!r}",
                hint=(f"did you mean {near[0]!r}? " if near else "") + f"It knows {', '.join(sorted(known))}.",
            )
        check, words = known[name]
        if not check(value):
            raise SettingsError(f"the option {name!r} of a model is {value!r}", hint=f"Give it {words}.")


def portable_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `options` that mean the same on every server: for a model that is done elsewhere."""
    return {name: value for name, value in options.items() if name in PORTABLE}
