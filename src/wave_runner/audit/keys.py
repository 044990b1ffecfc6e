"""The file of the keys that a log is signed with: only its owner may read it, and it is made at first use.

It holds the key in force, and after a rotation the one before it, until the time up to which that one signs too.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wave_runner.core.note import SEED_BYTES, SignerKey
from wave_runner.errors import SettingsError

OWNER_ONLY = 0o600


@dataclass(frozen=True, kw_only=True)
class HeldKey:
    """A key, and when it stops signing (microseconds since 1970 UTC); None: when another takes its place."""

    key: SignerKey
    until_us: int | None = None


@dataclass(frozen=True, kw_only=True)
class KeyFile:
    """Where the keys lie."""

    path: Path

    def load(self) -> list[HeldKey]:
        """Return the keys; none where there is no file. Raises `SettingsError` for one that cannot be used."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    hint = f"chmod 600 {self.path}, and if somebody may have read it: wave audit rotate-key"
                    raise SettingsError(f"{self.path}: others can read the key that signs the log", hint=hint)
                said = json.loads(file.read())
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise self._damaged(error) from error
        try:
            return [HeldKey(key=_key(one["seed"]), until_us=one["until_us"]) for one in said["keys"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(error) from error

    def held(self, public: bytes) -> SignerKey | None:
        """Return the key with this public half, if it lies here."""
        return next((one.key for one in self.load() if one.key.public == public), None)

    def signers(self, public: bytes, *, at_us: int) -> list[SignerKey]:
        """Return who signs at a time: the key in force, and one replaced a while ago. Nobody without the first."""
        held = self.load()
        first = [one.key for one in held if one.key.public == public]
        others = [one.key for one in held if one.until_us is not None and one.until_us > at_us]
        return [*first, *(key for key in others if key.public != public)] if first else []

    def first_key(self) -> SignerKey:
        """Return the key that lies here; where none does, a new one that does now. Safe from two processes at once."""
        if not self.load():
            temporary = self._written([HeldKey(key=new_key())])
            try:
                os.link(temporary, self.path)
            except FileExistsError:
                pass  # somebody else was first
            finally:
                temporary.unlink()
        return self.load()[0].key

    def put(self, keys: Sequence[HeldKey]) -> None:
        """Put other keys in the place of what lies here, all of them or none."""
        self._written(keys).replace(self.path)

    def _written(self, keys: Sequence[HeldKey]) -> Path:
        said = [{"seed": base64.b64encode(one.key.seed).decode(), "until_us": one.until_us} for one in keys]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps({"keys": said}) + "\n")
                file.flush()
                os.fsync(descriptor)
        except OSError:
            temporary.unlink()  # half a key is none
            raise
        return temporary

    def _damaged(self, error: Exception) -> SettingsError:
        hint = "bring it back from a backup; without it, a new key begins a new epoch: wave audit new-epoch"
        return SettingsError(f"{self.path}: it is no file of keys ({error})", hint=hint)


def new_key() -> SignerKey:
    """Return a key that nobody has had before."""
    return SignerKey(seed=secrets.token_bytes(SEED_BYTES))


def _key(encoded: str) -> SignerKey:
    seed = base64.b64decode(encoded, validate=True)
    if len(seed) != SEED_BYTES:
        raise binascii.Error(f"a key is made from {SEED_BYTES} bytes")
    return SignerKey(seed=seed)
