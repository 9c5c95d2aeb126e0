"""A module that cannot be loaded."""

raise RuntimeError("it cannot be loaded")
