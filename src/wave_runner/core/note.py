"""Signed notes and checkpoints as C2SP has them: a text that people can read, with lines of signatures below.

A checkpoint is such a text of three lines: the origin, which names the log, the size of its tree, and the root. Keys
are Ed25519, told apart by their name and the first four bytes of a hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE = "— "
ED25519 = b"\x01"
SEED_BYTES = 32
MOST_SIGNATURES = 100


class NoteError(ValueError):
    """A text is no note, key or checkpoint, or nobody who is known has signed it."""


@dataclass(frozen=True, kw_only=True)
class VerifierKey:
    """A public key with the name that it signs by."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(character.isspace() for character in self.name):
            raise NoteError(f"{self.name!r} cannot name a key: it is empty, or has a space or a plus in it")

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the form that `str` gives, `name+id+key`."""
        try:
            # The name and the id have no plus in them; the base64 may.
            name, key_id, encoded = text.split("+", 2)
            data = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise NoteError(f"{text!r} is no key: it looks like name+id+base64") from None
        if data[:1] != ED25519 or len(data) != 1 + SEED_BYTES:
            raise NoteError(f"the key {text!r} is not one of Ed25519")
        key = cls(name=name, public=data[1:])
        if key.id.hex() != key_id:
            raise NoteError(f"the key {text!r} has another id than its bytes: {key.id.hex()}")
        return key

    @property
    def id(self) -> bytes:
        """Four bytes by which signatures say whose they are."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def accepts(self, signature: bytes, text: str) -> bool:
        """Say whether a signature of 64 bytes is this key's, over exactly this text."""
        # Loading it takes longer than most commands do: only who checks or signs pays for it.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class SignerKey:
    """A private key, by the 32 bytes that it is made from. It signs under the name that it is told."""

    seed: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._private().public_key().public_bytes_raw()

    def verifier(self, name: str) -> VerifierKey:
        """Return what others check this key's signatures by."""
        return VerifierKey(name=name, public=self.public)

    def sign(self, text: str, name: str) -> str:
        """Return the line of a signature over a text. The same text gives the same line."""
        data = self.verifier(name).id + self._private().sign(text.encode())
        return f"{SIGNATURE}{name} {base64.b64encode(data).decode()}\n"

    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A line below a note: the name, the id of the key, and the signature proper."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class Note:
    """A text, which ends in a line feed, and its signatures, which nobody has checked yet."""

    text: str
    signatures: Sequence[Signature]

    @classmethod
    def parse(cls, text: str) -> Note:
        """Read a note; raises `NoteError` where it is none."""
        if any(character < " " and character != "\n" for character in text):
            raise NoteError("a note has no control characters")
        head, empty, tail = text.rpartition("\n\n")
        if not empty or not tail.endswith("\n"):
            raise NoteError("a note ends in an empty line and lines of signatures")
        lines = tail[:-1].split("\n")
        if len(lines) > MOST_SIGNATURES:
            raise NoteError(f"a note has {MOST_SIGNATURES} signatures at most, not {len(lines)}")
        return cls(text=head + "\n", signatures=[_signature(line) for line in lines])

    def verified(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Return the known keys that have signed. A bad signature of a known key, or none at all, raises `NoteError`.

        Signatures of unknown keys say nothing, for or against.
        """
        known = {(key.name, key.id): key for key in keys}
        found = []
        for one in self.signatures:
            key = known.get((one.name, one.key_id))
            if key is None:
                continue
            if not key.accepts(one.signature, self.text):
                raise NoteError(f"the signature of {key.name} is not over this text")
            found.append(key)
        if not found:
            raise NoteError("nobody who is known has signed this")
        return found


def signed(text: str, keys: Sequence[SignerKey], name: str) -> str:
    """Return a text as a note, signed by each of the keys under one name."""
    return text + "\n" + "".join(key.sign(text, name) for key in keys)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What is signed of a log: which one, how many leaves it has, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a note, three lines or more; raises `NoteError` where it is no checkpoint."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or not lines[1].isdecimal() or str(int(lines[1])) != lines[1]:
            raise NoteError("a checkpoint has an origin, a size and a root")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except binascii.Error:
            root = b""
        if len(root) != hashlib.sha256().digest_size:
            raise NoteError(f"{lines[2]!r} is no root")
        return cls(origin=lines[0], size=int(lines[1]), root=root)


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(SIGNATURE).partition(" ")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if not line.startswith(SIGNATURE) or not name or len(data) < 5:
        raise NoteError(f"{line!r} is no line of a signature")
    return Signature(name=name, key_id=data[:4], signature=data[4:])
