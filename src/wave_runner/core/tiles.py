"""A Merkle tree in tiles of 256 hashes, as C2SP's tlog-tiles has them: what is full never changes any more.

A tile of level 0 holds the hashes of 256 leaves, one of level L the roots of 256 tiles of the level below. Only full
tiles are kept. What is not full yet follows from what is below: entries, or the roots of tiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wave_runner.core.merkle import Frontier, Node, subtree_root

HEIGHT = 8
WIDTH = 1 << HEIGHT
LEVELS = range(64 // HEIGHT)


class Tile(NamedTuple):
    """A full tile: its place, its hashes one behind the other, and the node above them."""

    level: int
    tile_index: int
    hashes: bytes
    root: bytes


def width(size: int, level: int) -> int:
    """Return how many hashes the last tile of a level has in a tree of `size` leaves; 0 where all of them are full."""
    return size >> (HEIGHT * level) & (WIDTH - 1)


def begin(size: int, level: int) -> int:
    """Return the index, in its level, of the first hash of the last tile: so many hashes stand in full ones."""
    return (size >> (HEIGHT * level)) - width(size, level)


def completed_levels(size: int, new_size: int) -> list[int]:
    """Return the levels in which a tile becomes full while a tree grows, and the one above, which takes their roots."""
    full = [level for level in LEVELS if size >> (HEIGHT * (level + 1)) != new_size >> (HEIGHT * (level + 1))]
    return [*full, len(full)] if full else []


@dataclass(kw_only=True)
class Tiler:
    """Collects the tiles that become full while leaves are added to a frontier: give its `emit` to `append`.

    `partial` has, for each level of `completed_levels`, the hashes that its last tile held before.
    """

    partial: Mapping[int, Sequence[bytes]]
    full: list[Tile] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._open = {level: list(hashes) for level, hashes in self.partial.items()}

    def emit(self, level: int, index: int, hash: bytes) -> None:
        """Take a node that was completed."""
        if level % HEIGHT:
            return
        above = level // HEIGHT
        if above and above - 1 in self._open:
            below = self._open[above - 1]
            self.full.append(Tile(above - 1, index, b"".join(below), hash))
            below.clear()
        if above in self._open:
            self._open[above].append(hash)


def frontier(size: int, partial: Mapping[int, Sequence[bytes]]) -> Frontier:
    """Return the frontier of a tree from the last tile of each level, where that is not full."""
    hashes: list[bytes] = []
    for level in reversed(LEVELS):
        rest = list(partial.get(level, ()))
        if len(rest) != width(size, level):
            raise ValueError(f"of {size} leaves the last tile of level {level} has {width(size, level)} hashes")
        for bit in reversed(range(HEIGHT)):
            if len(rest) >> bit & 1:
                # The larger ones come first, and each is aligned to its own size.
                begin = sum(1 << higher for higher in range(bit + 1, HEIGHT) if len(rest) >> higher & 1)
                hashes.append(subtree_root(rest[begin : begin + (1 << bit)]))
    return Frontier(size=size, hashes=hashes)


def nodes(tiles: Mapping[tuple[int, int], bytes]) -> Node:
    """Return the nodes that tiles have, full or not, given by level and index: hashes one behind the other."""

    def node(level: int, index: int) -> bytes:
        tile_level, up = divmod(level, HEIGHT)
        tile, place = divmod(index << up, WIDTH)
        hashes = tiles[tile_level, tile]
        return subtree_root([hashes[at * 32 : at * 32 + 32] for at in range(place, place + (1 << up))])

    return node


def path(level: int, index: int, width: int = WIDTH) -> str:
    """Return where a tile lies in the layout of C2SP: `tile/0/x001/234`, with `.p/7` where it has 7 hashes yet."""
    return f"tile/{level}/{_number(index)}{_part(width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """Return where the entries behind a tile of level 0 lie."""
    return f"tile/entries/{_number(index)}{_part(width)}"


def _part(width: int) -> str:
    if not 0 < width <= WIDTH:
        raise ValueError(f"no tile has {width} hashes")
    return "" if width == WIDTH else f".p/{width}"


def _number(index: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *before, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    return "/".join([*(f"x{part}" for part in before), last])
