"""What who has nothing else to go by may believe of a log: its own keys."""

from __future__ import annotations

from wave_runner.core.log_entry import replaced_keys
from wave_runner.core.note import Checkpoint, VerifierKey
from wave_runner.store import sealed
from wave_runner.store.database import Connection


async def own_policy(connection: Connection, signed: sealed.Signed) -> str:
    """Return a policy with the key in force, and with those before it: older checkpoints of the epoch bear theirs."""
    assert signed.public_key is not None, "what is signed has a key"
    origin = Checkpoint.parse(signed.note).origin
    key = str(VerifierKey(name=origin, public=bytes(signed.public_key)))
    keys = dict.fromkeys([key, *replaced_keys(await sealed.anchors(connection), origin)])
    return "".join(f"log {one}\n" for one in keys) + "quorum none\n"
