"""What has to be loaded for a model actor, and which actors share it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from wave_runner.core.loading import known_as, load_options, merged, model_key, name_in, shared
from wave_runner.core.workflow import ModelSpec, ServerSpec

SERVERS = {
    "near": ServerSpec(name="near", driver="ollama", url="http://127.0.0.1:11434", context=4096),
    "own": ServerSpec(name="own", driver="llama_cpp", models_dir="models"),
    "far": ServerSpec(name="far", driver="openai", url="http://far/v1"),
}


def actors(*given: tuple[str, str, dict[str, Any]], server: str = "near") -> dict[str, ModelSpec]:
    return {name: ModelSpec(name=name, server=server, model=model, options=options) for name, model, options in given}


def keys(models: dict[str, ModelSpec]) -> list[str]:
    done = merged(SERVERS, models)
    return [model_key(SERVERS[model.server], model) for model in done.values()]


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("gemma3", "gemma3:latest"),
        ("gemma3:4b", "gemma3:4b"),
        ("localhost:5000/team/gemma3", "localhost:5000/team/gemma3:latest"),
        ("hf.co/team/gemma3:q4", "hf.co/team/gemma3:q4"),
    ],
)
def test_ollama_lists_a_name_without_a_tag_as_the_latest(name: str, listed: str):
    assert known_as("ollama", name) == listed
    assert known_as("llama_cpp", name) == name


@pytest.mark.parametrize(
    ("server", "model", "listed"),
    [
        ("near", "hf.co/team/gemma3", "hf.co/team/gemma3:latest"),
        ("own", "gemma3-q4", "gemma3-q4"),
        ("far", "a:b", "a:b"),
    ],
)
def test_a_work_key_holds_the_name_by_which_its_server_lists_the_model(server: str, model: str, listed: str):
    [key] = keys(actors(("a", model, {"num_gpu": 1}), server=server))
    assert name_in(key) == listed
    assert name_in(listed) == listed
    assert name_in("model:7b") == "model:7b"


def test_what_is_sent_with_a_request_needs_no_other_load():
    assert load_options(SERVERS["near"], {"temperature": 0.5, "seed": 3, "num_gpu": 9}) == {
        "num_ctx": 4096,
        "num_gpu": 9,
    }
    one, other = keys(actors(("a", "gemma3", {"temperature": 0}), ("b", "gemma3:latest", {"temperature": 1})))
    assert one == other


@pytest.mark.parametrize(
    "other",
    [("b", "gemma3:4b", {}), ("b", "gemma3", {"num_gpu": 1}), ("b", "gemma3", {"use_mmap": False})],
)
def test_other_weights_or_another_option_of_loading_is_another_key(other: tuple[str, str, dict[str, Any]]):
    one, another = keys(actors(("a", "gemma3", {}), other))
    assert one != another


def test_the_same_weights_on_another_server_are_another_key():
    models = actors(("a", "m", {})) | actors(("b", "m", {}), server="own") | actors(("c", "m", {}), server="far")
    assert len(set(keys(models))) == 3


def test_a_server_of_our_own_is_started_with_its_context():
    wider = dataclasses.replace(SERVERS["own"], context=8192)
    model = ModelSpec(name="a", server="own", model="m")
    assert model_key(SERVERS["own"], model) != model_key(wider, model)


def test_actors_that_differ_in_the_context_alone_share_the_larger():
    models = actors(
        ("small", "gemma3", {"num_ctx": 512, "seed": 1}),
        ("unsaid", "gemma3:latest", {}),
        ("large", "gemma3", {"num_ctx": 8192}),
        ("another", "qwen3", {"num_ctx": 2048}),
    )
    done = merged(SERVERS, models)
    assert [done[name].options.get("num_ctx") for name in models] == [8192, 8192, 8192, 2048]
    assert done["small"].options["seed"] == 1
    assert done["large"] == models["large"]
    assert len(set(keys(models))) == 2
    (found,) = shared(SERVERS, models)
    assert (found.server, found.model, found.ways) == ("near", "gemma3:latest", 1)
    assert dict(zip(found.actors, found.contexts, strict=True)) == {"large": 8192, "small": 512, "unsaid": 4096}


def test_what_differs_in_more_than_the_context_is_told_and_not_merged():
    models = actors(("a", "gemma3", {"num_gpu": 1}), ("b", "gemma3", {"num_ctx": 512}))
    assert merged(SERVERS, models) == models
    (found,) = shared(SERVERS, models)
    assert (found.actors, found.ways) == (("a", "b"), 2)


def test_actors_that_ask_for_the_same_are_nothing_to_tell():
    models = actors(("a", "gemma3", {"seed": 1}), ("b", "gemma3", {"seed": 2}), ("c", "qwen3", {}))
    assert list(shared(SERVERS, models)) == []
    assert list(shared(SERVERS, actors(("a", "m", {}), ("b", "m", {}), server="far"))) == []
