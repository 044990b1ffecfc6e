"""What must be in memory for a model actor, and which actors share it.

A server holds weights in one way at a time: with one size of context, so many layers on the GPU. A request that asks
for the same weights in another way makes it load them again. So what an actor asks for is part of what is loaded, and
actors that differ in nothing but the size of the context share the larger one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wave_runner.core.canonical import canonical
from wave_runner.core.workflow import ModelSpec, ServerSpec

CONTEXT = "num_ctx"

# What stands for weights that nobody can name: where they are asked, and as what.
BY_NAME = "name:"

# The options of a model that are settled when it is loaded, for each driver. A `llama-server` is started with all of
# them, and who is asked by URL alone has settled them before.
LOAD_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "llama_cpp": (),
    "ollama": (CONTEXT, "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap"),
    "openai": (),
}


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Actors for which one server has to hold the same weights. `contexts` are the sizes they ask for, in tokens.

    `ways` is how many loads they need between them: one, unless they differ in more than the context.
    """

    server: str
    model: str
    actors: tuple[str, ...]
    contexts: tuple[int, ...]
    ways: int


def known_as(driver: str, model: str) -> str:
    """Return the one name by which a server lists a model. Ollama takes `:latest` for granted where no tag is said."""
    if driver == "ollama" and ":" not in model.rpartition("/")[2]:
        return f"{model}:latest"
    return model


def load_options(server: ServerSpec, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a model's options that are settled when it is loaded, the size of the context among them."""
    told = {name: options[name] for name in LOAD_OPTIONS[server.driver] if name in options}
    return {CONTEXT: server.context, **told} if CONTEXT in LOAD_OPTIONS[server.driver] else told


def merged(servers: Mapping[str, ServerSpec], models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    """Return the actors as they are done: those that differ in the context alone have the larger one."""
    done = dict(models)
    for group in _sharing(servers, models).values():
        largest = max((_context(servers, model) for model in group), default=0)
        for model in group:
            if largest != _context(servers, model):
                done[model.name] = replace(model, options={**model.options, CONTEXT: largest})
    return done


def model_key(server: ServerSpec, model: ModelSpec) -> str:
    """Return what must be loaded, as a work key: the server, the model, and every option that is settled by loading.

    Two actors with one key need one load. The digest of the weights is not in it: a run must be able to start while the
    server is away. The driver compares the digest at each load, and the visit records it.
    """
    told = {"context": server.context} if server.driver == "llama_cpp" else load_options(server, model.options)
    return f"model:{server.name}:{known_as(server.driver, model.model)}:{canonical(told).decode()}"


def name_in(work_key: str) -> str:
    """Return the name by which its server lists the model of a work key; a text that is none is its own name."""
    kind, _, rest = work_key.partition(":")
    name, told, _ = rest.partition(":")[2].partition(":{")
    return name if kind == "model" and told else work_key


def shared(servers: Mapping[str, ServerSpec], models: Mapping[str, ModelSpec]) -> Iterator[Shared]:
    """Yield the weights that several actors ask for in more than one way."""
    by_weights: dict[tuple[str, str], list[list[ModelSpec]]] = defaultdict(list)
    for (server, name, _), group in _sharing(servers, models).items():
        by_weights[server, name].append(group)
    for (server, name), groups in by_weights.items():
        actors = sorted((model for group in groups for model in group), key=lambda model: model.name)
        contexts = tuple(_context(servers, model) for model in actors)
        if len(groups) > 1 or len(set(contexts)) > 1:
            names = tuple(model.name for model in actors)
            yield Shared(server=server, model=name, actors=names, contexts=contexts, ways=len(groups))


def _sharing(
    servers: Mapping[str, ServerSpec], models: Mapping[str, ModelSpec]
) -> dict[tuple[str, str, str], list[ModelSpec]]:
    """Return the actors by what they ask for, the context left aside."""
    groups: dict[tuple[str, str, str], list[ModelSpec]] = defaultdict(list)
    for model in models.values():
        server = servers[model.server]
        rest = {name: value for name, value in load_options(server, model.options).items() if name != CONTEXT}
        groups[server.name, known_as(server.driver, model.model), canonical(rest).decode()].append(model)
    return groups


def _context(servers: Mapping[str, ServerSpec], model: ModelSpec) -> int:
    size = load_options(servers[model.server], model.options).get(CONTEXT, 0)
    return size if isinstance(size, int) else 0


def is_of_weights(digest: str) -> bool:
    """Say whether a digest is that of weights; a server that cannot say which it has is known by its name alone."""
    return bool(digest) and not digest.startswith(BY_NAME)
