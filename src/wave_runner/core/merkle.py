"""The Merkle tree of RFC 6962: one hash for all entries of a log, and short proofs about them.

A proof is made from nodes: `node(level, index)` gives the hash of the leaves `index * 2**level` up to the next one's,
all of them there. Checking one needs nothing but the proof (RFC 9162, sections 2.1.3.2 and 2.1.4.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node = Callable[[int, int], bytes]
"""Gives a node of the tree by its level (0: a leaf's hash) and its index in that level."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf. The byte before it keeps a leaf from passing for two nodes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two nodes together."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(kw_only=True)
class Frontier:
    """What must be kept to go on with a tree: the hashes of its complete subtrees, from large to small.

    There is one for each bit that is set in `size`, so at most 63 for a tree of any size.
    """

    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes, emit: Callable[[int, int, bytes], None] | None = None) -> None:
        """Add a leaf's hash. `emit` is told every node that it completes, as (level, index, hash), the leaf first."""
        self.extend((leaf,), emit)

    def extend(self, leaves: Iterable[bytes], emit: Callable[[int, int, bytes], None] | None = None) -> None:
        """Add the hashes of leaves, one after the other, as `append` does."""
        hashes, size = self.hashes, self.size
        for leaf in leaves:
            level, index, whole = 0, size, leaf
            if emit is not None:
                emit(level, index, whole)
            while index & 1:
                level, index, whole = level + 1, index >> 1, node_hash(hashes.pop(), whole)
                if emit is not None:
                    emit(level, index, whole)
            hashes.append(whole)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """Return the hash of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        *rest, root = self.hashes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """Return the node above neighbours of one level; there must be a power of two of them."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def root(node: Node, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return _hash_of(node, 0, size) if size else EMPTY_ROOT


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Return what shows that a leaf is in the tree of `size` leaves: its neighbours, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return _path(node, index, 0, size)


def consistency_proof(node: Node, old: int, new: int) -> list[bytes]:
    """Return what shows that the tree of `old` leaves is the beginning of the one of `new` leaves."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not begin with one of {old}")
    return [] if old in (0, new) else _subproof(node, old, 0, new, whole=True)


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether a proof shows that the leaf with this hash stands at `index` of the tree with this root."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Say whether a proof shows that the tree of `new` leaves begins with exactly that of `old` leaves."""
    if old > new:
        return False
    if old in (0, new):
        return not proof and old_root == (new_root if old == new else EMPTY_ROOT)
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """Return the largest power of two that is smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _hash_of(node: Node, first: int, end: int) -> bytes:
    size = end - first
    if size & (size - 1) == 0 and first % size == 0:
        return node(size.bit_length() - 1, first // size)
    middle = first + _split(size)
    return node_hash(_hash_of(node, first, middle), _hash_of(node, middle, end))


def _path(node: Node, index: int, first: int, end: int) -> list[bytes]:
    if end - first == 1:
        return []
    middle = first + _split(end - first)
    if index < middle:
        return [*_path(node, index, first, middle), _hash_of(node, middle, end)]
    return [*_path(node, index, middle, end), _hash_of(node, first, middle)]


def _subproof(node: Node, old: int, first: int, end: int, *, whole: bool) -> list[bytes]:
    if old == end - first:
        return [] if whole else [_hash_of(node, first, end)]
    size = _split(end - first)
    middle = first + size
    if old <= size:
        return [*_subproof(node, old, first, middle, whole=whole), _hash_of(node, middle, end)]
    return [*_subproof(node, old - size, middle, end, whole=False), _hash_of(node, first, middle)]
