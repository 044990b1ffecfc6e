"""The tree of RFC 6962: its vectors, and every proof of trees that a naive one agrees with."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core import merkle
from wave_runner.core.merkle import Frontier, leaf_hash, node_hash

# The leaves and roots of the Certificate Transparency vectors.
LEAVES = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
INCLUSION_5_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
CONSISTENCY_6_8 = ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", *INCLUSION_5_8[1:]]


def naive(hashes: list[bytes]) -> bytes:
    """The definition, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(naive(hashes[:k]), naive(hashes[k:]))


def nodes_of(hashes: list[bytes]) -> merkle.Node:
    def node(level: int, index: int) -> bytes:
        part = hashes[index << level : (index + 1) << level]
        assert len(part) == 1 << level, "a node that is not complete was asked for"
        return naive(part)

    return node


def some(n: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(n)]


def flipped(hash: bytes) -> bytes:
    return bytes([hash[0] ^ 1]) + hash[1:]


@pytest.mark.parametrize("size", ROOTS)
def test_the_roots_of_the_published_vectors(size: int):
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf_hash(leaf))
    assert frontier.root().hex() == ROOTS[size]
    assert merkle.root(nodes_of([leaf_hash(leaf) for leaf in LEAVES]), size).hex() == ROOTS[size]


def test_the_proofs_of_the_published_vectors():
    node = nodes_of([leaf_hash(leaf) for leaf in LEAVES])
    assert [one.hex() for one in merkle.inclusion_proof(node, 5, 8)] == INCLUSION_5_8
    assert [one.hex() for one in merkle.consistency_proof(node, 6, 8)] == CONSISTENCY_6_8


def test_every_proof_of_every_small_tree_holds_and_no_changed_one_does():
    for n in range(1, 41):
        hashes = some(n)
        node, root = nodes_of(hashes), naive(hashes)
        for index in range(n):
            proof = merkle.inclusion_proof(node, index, n)
            assert merkle.is_included(hashes[index], index, n, proof, root)
            assert not merkle.is_included(flipped(hashes[index]), index, n, proof, root)
            assert not merkle.is_included(hashes[index], index, n, [*proof, root], root)
            assert not merkle.is_included(hashes[index], index + n, n, proof, root)
            for at in range(len(proof)):
                changed = [*proof[:at], flipped(proof[at]), *proof[at + 1 :]]
                assert not merkle.is_included(hashes[index], index, n, changed, root)
                assert not merkle.is_included(hashes[index], index, n, [*proof[:at], *proof[at + 1 :]], root)


def test_every_consistency_of_every_small_tree_holds_and_no_changed_one_does():
    for new in range(1, 33):
        hashes = some(new)
        node, root = nodes_of(hashes), naive(hashes)
        for old in range(new + 1):
            proof, old_root = merkle.consistency_proof(node, old, new), naive(hashes[:old])
            assert merkle.is_consistent(old, new, proof, old_root, root)
            assert not merkle.is_consistent(old, new, proof, flipped(old_root), root)
            assert not merkle.is_consistent(old, new, [*proof, root], old_root, root)
            if 0 < old < new:
                assert not merkle.is_consistent(old, new, proof, old_root, flipped(root))
                for at in range(len(proof)):
                    changed = [*proof[:at], flipped(proof[at]), *proof[at + 1 :]]
                    assert not merkle.is_consistent(old, new, changed, old_root, root)
    assert not merkle.is_consistent(3, 2, [], naive(some(3)), naive(some(2)))
    assert not merkle.is_consistent(3, 5, [], naive(some(3)), naive(some(5)))


@given(st.integers(0, 3000), st.data())
def test_a_frontier_that_is_kept_and_taken_up_gives_the_naive_root(n: int, data: st.DataObject):
    hashes = some(n)
    pause = data.draw(st.integers(0, n))
    frontier = Frontier()
    for one in hashes[:pause]:
        frontier.append(one)
    again = Frontier(size=frontier.size, hashes=list(frontier.hashes))
    for one in hashes[pause:]:
        again.append(one)
    assert again.root() == naive(hashes)
    assert len(again.hashes) == n.bit_count()


@pytest.mark.parametrize(
    "ask", [lambda node: merkle.inclusion_proof(node, 3, 3), lambda node: merkle.consistency_proof(node, 4, 3)]
)
def test_what_the_tree_does_not_have_has_no_proof(ask):
    with pytest.raises(ValueError, match="a tree of 3 leaves"):
        ask(nodes_of(some(3)))
