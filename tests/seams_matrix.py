"""Runs the contract tests of the seams on other releases of Dagster and Celery than the locked ones.

    python -m tests.seams_matrix                          # the oldest and newest that pyproject.toml allows
    python -m tests.seams_matrix celery==5.7.1 ...        # these together, before pyproject.toml allows them

Each set gets an environment of its own in a temporary folder: the locked packages, then the set, whatever it
says that it depends on, because a release of dagster-celery allows a single release of Dagster.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

PROJECT_ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = "tests/orchestration/dagster_seams"
DAGSTER = ("dagster", "dagster-celery", "dagster-postgres", "dagster-webserver")
# Packages with the same version as `dagster`; pyproject.toml need not list them.
WITH_DAGSTER = ("dagster-graphql", "dagster-pipes", "dagster-shared")
CELERY = ("celery", "kombu")
# Dagster warns if its packages are of different releases, as they are in some sets.
UNEQUAL = "ignore:Found version mismatch:UserWarning"


def main() -> None:
    """Prints a line for each set; exits with 1 if a set failed."""
    sets = [sys.argv[1:]] if sys.argv[1:] else list(_bounds())
    results = {", ".join(pins): _passes(pins) for pins in sets}
    for pins, passed in results.items():
        print("passed" if passed else "FAILED", pins)  # noqa: T201
    sys.exit(not all(results.values()))


def _bounds() -> Iterator[list[str]]:
    """The oldest and newest allowed release of each family, with the locked releases of the other family."""
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    allowed = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    for operator in (">=", "<="):
        bound = {
            name: next(one.version for one in allowed[name] if one.operator == operator)
            for name in (*DAGSTER, *CELERY)
        }
        bound |= dict.fromkeys(WITH_DAGSTER, bound["dagster"])
        for family in ((*DAGSTER, *WITH_DAGSTER), CELERY):
            # All other tests run on the locked releases.
            if any(version(name) != bound[name] for name in family):
                yield [f"{name}=={bound[name]}" for name in family]


def _passes(pins: list[str]) -> bool:
    with tempfile.TemporaryDirectory(prefix="seams-") as folder:
        python = Path(folder) / "bin" / "python"
        uv = Path(sys.executable).with_name("uv")
        install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python]
        steps: list[list[str | Path]] = [
            [uv, "venv", "--quiet", "--python", sys.executable, folder],
            [*install, "-r", PROJECT_ROOT / "requirements.lock"],
            [*install, "--no-deps", *pins],
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", UNEQUAL, CONTRACTS],
        ]
        return all(subprocess.run(step, cwd=PROJECT_ROOT, check=False).returncode == 0 for step in steps)


if __name__ == "__main__":
    main()
