"""DO. One module per kind of actor; ``pool`` keeps warm worker processes."""
