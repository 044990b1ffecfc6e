"""KEEPS GOING. One file per loop; ``loop`` is the lifecycle they share."""
