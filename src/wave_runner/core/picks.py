"""Picks: what a person can order about interactions that they have picked from a list."""

from __future__ import annotations

import enum


class Order(enum.StrEnum):
    """What is carried out chunk by chunk. A rerun is one transaction, and no order of this kind."""

    RETRY = "retry"  # as `wave retry`
    CANCEL = "cancel"  # as `wave cancel`, of single interactions
    DECIDE = "decide"  # as `wave tasks decide`, the same of each
