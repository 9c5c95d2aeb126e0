"""What a handful of orders waits for: `orders import` by package, the loading of its modules, and each step.

`python -m benchmarks.small_path FILE`, in a home where `orders up` runs, prints the listing that is stored in
`small_path.txt`.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import pstats
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT, load_settings

SHOWN = 12
WAITS = ("poll", "select", "sleep", "acquire", "wait4")
Function = tuple[str, int, str]


def command_profile(file: Path) -> pstats.Stats:
    """Wall-clock profile of the main thread of `orders import FILE`, from the loading of the command on."""
    sys.argv = ["orders", "import", str(file), "--json"]
    profile = cProfile.Profile(timer=time.perf_counter)
    profile.enable()
    with redirect_stdout(io.StringIO()), suppress(SystemExit):
        from cli.main import app  # noqa: PLC0415 that it loads is part of it

        app()
    profile.disable()
    return pstats.Stats(profile)


def by_package(stats: pstats.Stats) -> Counter[str]:
    """Seconds by package; what is built in counts to the package that called it, unless it only waits."""
    spent: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if function[0] != "~":
            spent[_package(function)] += own
        elif any(wait in function[2] for wait in WAITS):
            spent["(waiting)"] += own
        else:
            for caller, (_, _, part, _) in callers.items():
                spent[_package(caller)] += part
    return spent


def _package(function: Function) -> str:
    path = Path(function[0])
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1].removesuffix(".py")
    if path.is_relative_to(PROJECT_ROOT):
        return "this project"
    return "Python: loading modules" if "importlib" in function[0] else "Python"


def loading() -> Counter[str]:
    """Seconds that Python takes to load the definitions, by package."""
    command = [sys.executable, "-X", "importtime", "-c", "import definitions"]
    report = subprocess.run(command, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True, check=True).stderr  # noqa: S603
    spent: Counter[str] = Counter()
    for own, module in re.findall(r"^import time: +(\d+) \| +\d+ \| +([\w.]+)$", report, re.MULTILINE):
        package = module.partition(".")[0]
        spent["this project" if (PROJECT_ROOT / package).exists() else package] += int(own) / 1e6
    return spent


def steps(logs: Path, file: Path) -> Iterator[tuple[str, float]]:
    """Each step of the file's import with its seconds, as the workers logged them."""
    for log in sorted(logs.glob("worker*.log")):
        for line in log.read_text().splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("message") == "step ended" and entry["file"].startswith(file.name):
                yield entry["step"], entry["seconds"]


def main() -> None:
    """Imports the file named on the command line under the profiler."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    packages, modules = by_package(command_profile(file)), loading()
    taken = dict(steps(load_settings().home / "logs", file))
    sys.stdout.write(
        f"{file.name}, workers running, seconds. The profiler makes Python calls dearer.\n\n"
        f"The command, the publishing of the figures included, by package\n{_listing(packages)}\n"
        f"Of it the loading of modules, without the profiler, by package\n{_listing(modules)}\n"
        f"Steps on the workers, for which the command waits\n{_listing(Counter(taken))}"
    )


def _listing(spent: Counter[str]) -> str:
    rows = [("all", spent.total()), *spent.most_common(SHOWN)]
    return "".join(f"{seconds:7.2f}  {name}\n" for name, seconds in rows)


if __name__ == "__main__":
    main()
