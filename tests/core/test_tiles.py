"""Tiles: a tree that grows in any steps gives the same full ones, and everything about it follows from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_merkle import naive, some

from wave_runner.core import merkle, tiles
from wave_runner.core.merkle import Frontier, subtree_root
from wave_runner.core.tiles import Tile, Tiler

LEAVES = some(70_000)  # more than one full tile of level 1


def grown(sizes: list[int]) -> tuple[Frontier, dict[tuple[int, int], Tile]]:
    """Grow a tree in these steps, keeping nothing between them but its frontier and its full tiles."""
    kept: dict[tuple[int, int], Tile] = {}
    hashes: list[bytes] = []
    size = 0
    for new in sizes:
        frontier = Frontier(size=size, hashes=hashes)
        levels = tiles.completed_levels(size, new)
        tiler = Tiler(partial={level: partial(size, level, kept) for level in levels})
        frontier.extend(LEAVES[size:new], tiler.emit)
        kept |= {(tile.level, tile.tile_index): tile for tile in tiler.full}
        size, hashes = frontier.size, frontier.hashes
    return Frontier(size=size, hashes=hashes), kept


def partial(size: int, level: int, kept: dict[tuple[int, int], Tile]) -> list[bytes]:
    first, n = tiles.begin(size, level), tiles.width(size, level)
    if level == 0:
        return LEAVES[first : first + n]
    return [kept[level - 1, index].root for index in range(first, first + n)]


def check(sizes: list[int]) -> None:
    frontier, kept = grown(sizes)
    size = sizes[-1]
    assert sorted(kept) == [(level, index) for level in (0, 1, 2) for index in range(size >> 8 * (level + 1))]
    for tile in kept.values():
        each = [tile.hashes[at : at + 32] for at in range(0, len(tile.hashes), 32)]
        assert len(each) == 256
        assert subtree_root(each) == tile.root
    assert frontier.root() == naive(LEAVES[:size])
    again = tiles.frontier(size, {level: partial(size, level, kept) for level in tiles.LEVELS})
    assert again == frontier


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_a_tree_that_grows_in_any_steps_gives_its_full_tiles_and_its_frontier(steps: list[int]):
    check([sum(steps[: n + 1]) for n in range(len(steps))])


@pytest.mark.parametrize("sizes", [[65_536], [65_535, 65_536, 65_537], [300, 65_000, 69_999], [256, 512, 65_536 + 256]])
def test_a_tile_of_level_one_becomes_full(sizes: list[int]):
    check(sizes)


@given(st.integers(1, 2000), st.data())
def test_proofs_can_be_made_from_tiles(size: int, data: st.DataObject):
    _, kept = grown([size])
    given_tiles = {(level, tiles.begin(size, level) >> 8): b"".join(partial(size, level, kept)) for level in (0, 1)} | {
        place: tile.hashes for place, tile in kept.items()
    }
    node = tiles.nodes(given_tiles)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    root = naive(LEAVES[:size])
    assert merkle.is_included(LEAVES[index], index, size, merkle.inclusion_proof(node, index, size), root)
    proof = merkle.consistency_proof(node, old, size)
    assert merkle.is_consistent(old, size, proof, naive(LEAVES[:old]), root)


def test_a_frontier_of_too_few_hashes_is_refused():
    with pytest.raises(ValueError, match="of 5 leaves the last tile of level 0 has 5 hashes"):
        tiles.frontier(5, {0: LEAVES[:4]})


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (1, 1_234_067, 256, "tile/1/x001/x234/067"),
        (0, 1000, 7, "tile/0/x001/000.p/7"),
        (2, 273, 112, "tile/2/273.p/112"),
    ],
)
def test_paths_of_tiles(level: int, index: int, width: int, path: str):
    assert tiles.path(level, index, width) == path
    assert tiles.entries_path(index, width) == path.replace(f"tile/{level}/", "tile/entries/")


@pytest.mark.parametrize("width", [0, 257])
def test_no_tile_is_empty_or_too_wide(width: int):
    with pytest.raises(ValueError, match="no tile has"):
        tiles.path(0, 0, width)
