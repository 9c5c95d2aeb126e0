"""Names and contents of files with control sequences, shown by real commands on a real terminal."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
from collections.abc import Iterator

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.base.telemetry.logs import JsonFormatter, TextFormatter
from orders_pipeline.base.text.printable import json_text, printable
from tests.import_bench import ImportBench, Line, many_orders
from tests.stores import open_test_engine
from tests.warm_processes import warm_orders

# Sequences that set the title, clear the screen, and reverse the text: in C0, in C1 and as a mark.
HOSTILE = "\x1b]0;pwned\x07\x1b[2J\x9b2J\u202e"
# What rich itself writes to a terminal: styles, the cursor's state, and the clearing of a line.
OF_RICH = re.compile("\x1b\\[([0-9;]*m|\\?25[hl]|2K|[0-9]*A)|\x1b\\]8;[^\x1b]*\x1b\\\\")
NAME = f"a{HOSTILE}.csv"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImportBench]:
    """A home with the import of a hostile file: an order, and rejected lines."""
    folder = tmp_path_factory.mktemp("hostile")
    engine = open_test_engine(f"sqlite:///{folder / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, folder)
    bad = [Line(f"2{HOSTILE}", name=HOSTILE, quantity=f"x{HOSTILE}"), f'3,"{HOSTILE}"{HOSTILE},x']
    # A file with many control characters would count as binary.
    good = [Line("1", name=HOSTILE, product=HOSTILE), *many_orders(200)]
    bench.settle(bench.stage(bench.write(*good, *bad, name=NAME)))
    yield bench
    engine.dispose()


def on_terminal(bench: ImportBench, *arguments: str) -> str:
    """What a command writes to a terminal, on stdout and stderr."""
    mine, theirs = pty.openpty()
    environment = os.environ | {"ORDERS_HOME": str(bench.settings.home), "COLUMNS": "400", "TERM": "xterm"}
    with subprocess.Popen(
        [warm_orders(), *arguments],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        env=environment,
        cwd=PROJECT_ROOT,
    ):
        os.close(theirs)
        written = b"".join(_read(mine))
    os.close(mine)
    return written.decode(errors="surrogateescape")


def _read(terminal: int) -> Iterator[bytes]:
    try:
        while part := os.read(terminal, 65536):
            yield part
    except OSError:  # the other end is closed
        return


@pytest.mark.parametrize(
    "arguments",
    [
        ("files", "KEY"),
        ("files", "--json"),
        ("rejects", "KEY"),
        ("rejects", "KEY", "--csv"),
        ("show", "1"),
        ("import", "FILE", "--dry-run"),
        ("import", f"missing{HOSTILE}.csv"),
        ("show", "1", HOSTILE),
        ("profile", "new", "FILE"),
    ],
    ids=lambda arguments: "-".join(arguments).replace(HOSTILE, ""),
)
def test_no_control_sequence_of_a_file_reaches_the_terminal(
    bench: ImportBench, arguments: tuple[str, ...]
) -> None:
    (key,) = set(bench.keys().values())
    given = {"KEY": key, "FILE": str(bench.folder / NAME)}
    written = on_terminal(bench, *(given.get(one, one) for one in arguments))
    bare = OF_RICH.sub("", written).replace("\r\n", "\n").replace("\r", "")
    assert bare
    assert bare == printable(bare)


def test_what_is_printed_names_the_characters_that_were_there() -> None:
    assert printable("a\x1b[2J\x9b\u202e\udcff\tb\nc") == "a\\x1b[2J\\x9b\\u202e\\udcff\tb\nc"
    assert printable("Zoë, 東京, 👍") == "Zoë, 東京, 👍"


def test_json_says_the_same_in_ascii() -> None:
    value = {"name": f"Zoë {HOSTILE}\udcff\n"}
    text = json_text(value)
    assert text == printable(text)
    assert "Zoë" in text
    assert json.loads(text) == value


def test_a_log_line_is_printable() -> None:
    record = logging.makeLogRecord({"msg": "read %s", "args": (HOSTILE,), "file": HOSTILE})
    for form in (JsonFormatter(), TextFormatter()):
        assert form.format(record) == printable(form.format(record))
