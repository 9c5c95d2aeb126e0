import os


def forget_width() -> None:
    """Removes the width that readline, which pytest-xdist loads, sets for a terminal that does not exist."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)


forget_width()  # before all imports, because consoles keep the width that they find when they are created
