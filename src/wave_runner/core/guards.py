"""Guards: what the engine itself finds wrong with an input or an answer, whatever a step's own contract says.

Each guard is a rule by which reports group. Which of them a step has stands in its `Guards`: those that cannot do harm
are on from the start, and each can be turned off or bound tighter in the workflow file. Before the call, in this order:

- `empty`: `null_input` for null, `empty` for blanks,
- `placeholder`: `placeholder` for a word that stands for nothing, `unresolved_placeholder` for `{name}` and its like,
- `min_chars` of an input: `too_short`,
- `injection`: flags, and stops nothing (`wave_runner.core.injection`).

After it: `inconsistent_outcome`, and of what was asked of a model `too_fast`, `provider_error`, `refusal`, `echo` and
`repetition`. `same_text` compares the answers of many records, so whoever records them has to ask (`SameText`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from wave_runner.core import signs
from wave_runner.core.conditions import in_words
from wave_runner.core.injection import suspected
from wave_runner.core.outcome import Breach, Usage
from wave_runner.core.workflow import Guards, InputRef, Step

FREE_CHARACTERS = 40
"""A text is free when it is longer than this, has some words and is none of a list: no enum, no name, no link."""

_FREE_WORDS = 6
_SHOWN = 60
_ECHO_CHARACTERS = 60
_CHARACTERS_OF_A_TOKEN = 8  # more than in any language that we know, so that an estimate errs towards slow

_SUCCESS = frozenset({"success", "succeeded", "successful", "ok"})
_FAILURE = frozenset({"failed", "failure", "error", "errored", "timeout", "timed_out", "exception", "crashed"})
_SAY_IT = ("status", "outcome", "success", "ok")


class Asked(NamedTuple):
    """What an answer is held against. `prompt` is what was sent, `template` the words in it that are its own."""

    input: Mapping[str, Any]
    params: Mapping[str, Any]
    prompt: str = ""
    template: str = ""


def check_values(step: Step, values: Mapping[str, Any]) -> Breach | None:
    """Return the breach of the first guard that an input breaks, in the order of the inputs."""
    for name, ref in step.input.items():
        breach = _check_value(name, ref, values[name], step.guards)
        if breach is not None:
            return breach
    return None


def suspicions(guards: Guards, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the kinds of injection that are suspected in each input; inputs without a suspicion are left out."""
    if not guards.injection:
        return {}
    found = {name: {kind for _, text in texts(value) for kind in suspected(text)} for name, value in values.items()}
    return {name: sorted(kinds) for name, kinds in found.items() if kinds}


def check_answer(
    guards: Guards, output: Any, usage: Usage, asked: Asked, *, listed: Collection[str] = ()
) -> tuple[str, str] | None:
    """Return (rule, message) of the first guard that an answer breaks. `listed` are texts that its schema names."""
    found = list(texts(output)) if guards.read_texts else []
    if guards.inconsistent_outcome and (said := contradiction(output)):
        return "inconsistent_outcome", said
    if guards.too_fast and (said := _too_fast(found, usage, guards.too_fast)):
        return "too_fast", said
    for path, text in found:
        if text not in listed and (broken := _check_text(guards, text, asked)):
            rule, said = broken
            return rule, f"{path}: {said}"
    return None


def contradiction(output: Any) -> str | None:
    """Return what contradicts itself in a wrapper around a result: status success with outcome FAILED.

    Only the fields that say how it went are read, whole: a message may hold whatever words it likes.
    """
    if not isinstance(output, Mapping):
        return None
    said = {name: verdict for name in _SAY_IT if (verdict := _went_well(output.get(name))) is not None}
    if isinstance(error := output.get("error"), str) and _names_an_error(error):
        said["error"] = False
    if len(set(said.values())) < 2:
        return None
    return " and ".join(f"{name} is {in_words(output[name])}" for name in said) + " contradict each other"


def texts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text of a value that is no key, with its path (`$.a[0]`)."""
    waiting = [("$", value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, Mapping):
            waiting += [(f"{path}.{str(name)[:_SHOWN]}"[:200], member) for name, member in reversed(list(item.items()))]
        elif isinstance(item, list | tuple):
            waiting += [(f"{path}[{index}]"[:200], item[index]) for index in reversed(range(len(item)))]


def is_free(text: str) -> bool:
    """Say whether a text is written freely, so that two records have the same one only by mistake."""
    return len(text) > FREE_CHARACTERS and len(text.split(None, _FREE_WORDS)) >= _FREE_WORDS


def free_texts(output: Any, listed: Collection[str] = ()) -> dict[bytes, str]:
    """Return the paths of an answer's free texts by the hash of path and text, upper case and blanks left aside."""
    return {
        hashlib.blake2b(f"{path}\0{normalised(text)}".encode(errors="replace"), digest_size=16).digest(): path
        for path, text in texts(output)
        if text not in listed and is_free(text)
    }


def normalised(text: str) -> str:
    """Return a text as two are compared: lower case, with one blank between words."""
    return " ".join(text.lower().split())


def _check_value(name: str, ref: InputRef, value: Any, guards: Guards) -> Breach | None:
    nothing = _nothing(name, value, ref, guards)
    if nothing is not None:
        return None if ref.optional else nothing
    if ref.min_chars is None:
        return None
    if not isinstance(value, str):
        message = f"input `{name}` has min_chars {ref.min_chars} and is {in_words(value)}; only a text has a length"
        return Breach(rule="input_not_a_text", message=message)
    if len(value.strip()) < ref.min_chars:
        message = f"input `{name}` has {len(value.strip())} characters; it needs {ref.min_chars}"
        return Breach(rule="too_short", message=message)
    return None


def _nothing(name: str, value: Any, ref: InputRef, guards: Guards) -> Breach | None:
    """Return why a value is nothing. An input with `min_chars` is held to be something, whoever does the step."""
    needed = ref.min_chars is not None
    if (guards.empty or needed) and value is None:
        return Breach(rule="null_input", message=f"input `{name}` is null")
    if not isinstance(value, str):
        return None
    if (guards.empty or needed) and not value.strip():
        return Breach(rule="empty", message=f"input `{name}` is a text of {len(value)} blanks")
    if (guards.placeholder or needed) and (word := signs.stands_for_nothing(value)):
        return Breach(rule="placeholder", message=f"input `{name}` is {word!r:.60}, a word that stands for nothing")
    if (guards.placeholder or needed) and (slot := signs.unfilled_slot(value)):
        message = f"input `{name}` is {slot!r:.100}, the place of a template that nobody filled"
        return Breach(rule="unresolved_placeholder", message=message)
    return None


def _names_an_error(text: str) -> bool:
    return bool(text.strip()) and not signs.stands_for_nothing(text) and not text.strip().lower().startswith("no ")


def _went_well(value: Any) -> bool | None:
    """Return whether a field says success or failure; None where it says neither."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    return True if word in _SUCCESS else False if word in _FAILURE else None


def _too_fast(found: list[tuple[str, str]], usage: Usage, bound: int) -> str | None:
    characters = sum(len(text) for _, text in found)
    # Never more tokens than characters, whatever a server counts: what it says beside an answer may be nonsense.
    tokens = min(usage.tokens_out, characters) or characters // _CHARACTERS_OF_A_TOKEN
    if not usage.service_us or tokens * 1_000_000 <= bound * usage.service_us:
        return None
    return f"{tokens} tokens in {usage.service_us / 1000:.1f} ms are more than {bound} a second"


def _check_text(guards: Guards, text: str, asked: Asked) -> tuple[str, str] | None:
    """Return (rule, what is wrong) for one text of an answer."""
    if guards.provider_error and (sign := signs.provider_error(text)) and not _quoted(sign, asked):
        return "provider_error", f"an error stands in place of an answer: {sign!r:.100}"
    if guards.refusal and (sign := signs.refusal(text)) and not _quoted(sign, asked):
        return "refusal", f"the model does not answer: {sign!r:.100}"
    if not is_free(text):
        return None
    if guards.echo and (said := _echo(text, asked)):
        return "echo", said
    if guards.repetition and (sign := signs.repetition(text)):
        return "repetition", f"the text repeats itself: {sign}"
    return None


def _quoted(sign: str, asked: Asked) -> bool:
    """Say whether the words stand in what was asked: then the answer speaks of them and does not say them itself."""
    return sign.lower() in asked.prompt.lower().replace("\u2019", "'")


def _echo(text: str, asked: Asked) -> str | None:
    said = normalised(text)
    if said in asked.template:
        return f"the prompt's own words came back: {said!r:.100}"
    if len(said) >= _ECHO_CHARACTERS and normalised(asked.prompt[:1000]).startswith(said[:_ECHO_CHARACTERS]):
        return f"the prompt came back from its beginning: {said!r:.100}"
    return None
