"""Fetches the console's third-party files: `make vendor`, after you change a version in vendor.json.

The packages come from npm, which checks what it downloads. Whatever is not listed in vendor.json is left out.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orders_pipeline.console.rendering.static_files import STATIC

VENDOR = STATIC / "vendor"
LIST = VENDOR / "vendor.json"


def listed() -> dict[str, Any]:
    """The packages by their folder: name, version, licence, and their files with source and checksum."""
    packages: dict[str, Any] = json.loads(LIST.read_text(encoding="utf-8"))
    return packages


def fetch() -> None:
    """Writes all files, and their checksums into the list."""
    packages = listed()
    for folder, package in packages.items():
        with TemporaryDirectory() as work:
            _pack(package, Path(work))
            for name, file in package["files"].items():
                target = VENDOR / folder / name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes((Path(work) / "package" / file["from"]).read_bytes())
                file["sha256"] = sha256(target.read_bytes()).hexdigest()
    LIST.write_text(json.dumps(packages, indent=2) + "\n", encoding="utf-8")


def _pack(package: dict[str, Any], work: Path) -> None:
    name = f"{package['package']}@{package['version']}"
    subprocess.run(["npm", "pack", "--silent", name], cwd=work, check=True, stdout=subprocess.DEVNULL)
    (packed,) = work.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(work, filter="data")


if __name__ == "__main__":
    fetch()
