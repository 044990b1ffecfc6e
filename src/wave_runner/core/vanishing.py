"""What has vanished from a source: believed of a batch that is whole, up to a share of what the source had before."""

from __future__ import annotations

DEFAULT_SHARE = 0.05
"""Of the records that a source had; if more are gone at once, the source is more likely broken than they are."""


def is_held(*, known: int, vanished: int, hold_above: float) -> bool:
    """Say whether a person has to confirm that so many of the known records have vanished."""
    return vanished > known * hold_above
