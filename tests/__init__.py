import os

# Readline, which a worker of pytest-xdist loads, sets the width of a terminal that is not there. Consoles
# keep the width that they find when they are made, so it goes before anything is imported.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
