"""Whether what a model server holds under a name is what was approved: weights that were pulled anew are drift."""

from __future__ import annotations

from collections.abc import Iterable

from wave_runner.core.loading import is_of_weights, name_in
from wave_runner.errors import ModelServerError
from wave_runner.runner.hold import Holder
from wave_runner.runner.limited import Rests
from wave_runner.servers.protocol import ModelServer
from wave_runner.store import waves, weights
from wave_runner.store.database import Database

LOOK_S = 5.0  # between two looks whether a server holds the approved weights again


class ApprovedWeights:
    """What a lane asks before it asks a model. A digest is "" where nobody knows it yet: the load will tell."""

    def __init__(self, database: Database, server: ModelServer, holder: Holder, *, name: str) -> None:
        self._database = database
        self._server = server
        self._name = name
        self._holder = holder
        self._looked = Rests()  # queues

    async def digest(self, model: str) -> str:
        """Return the digest of the weights that would answer.

        Not of those that were asked last: they may have been replaced since, by a file or by another lane.
        """
        try:
            return await self._server.digest(model)
        except ModelServerError:
            return ""  # nothing is there yet: the load says what is wrong

    async def may_ask(self, queue: waves.Queue, digest: str, *, loaded: bool = False) -> bool:
        """Say whether these weights may be asked for a queue, once they are `loaded`; what is not known is no drift."""
        return not is_of_weights(digest) or await weights.may_ask(
            self._database,
            queue.actor,
            digest,
            server=self._name,
            model=name_in(queue.waiting.work_key),
            loaded=loaded,
            runner_id=self._holder.runner_id,
        )

    async def look_again(self, queues: Iterable[waves.Queue]) -> None:
        """See whether the approved weights are back, for actors that wait for them: nothing of theirs is claimed."""
        self._looked.forget_those_over()
        for queue in queues:
            if queue.drifted and queue.other_weights and self._looked.is_over(queue.id):
                self._looked.put(queue.id, LOOK_S)
                await self.may_ask(queue, await self.digest(name_in(queue.waiting.work_key)))
