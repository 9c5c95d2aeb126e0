import os


def forget_width() -> None:
    """Readline, which pytest-xdist loads, sets the width of a terminal that is not there."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)


forget_width()  # before anything is imported: consoles keep the width that they find when they are made
