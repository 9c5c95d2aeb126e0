"""The console's third-party files are those of vendor.json, unchanged, with their licences."""

from __future__ import annotations

from hashlib import sha256

from tests.vendored_files import LIST, VENDOR, listed


def test_every_file_is_listed_with_its_checksum() -> None:
    expected = {
        f"{folder}/{name}": file["sha256"]
        for folder, package in listed().items()
        for name, file in package["files"].items()
    }
    found = {
        str(file.relative_to(VENDOR)): sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file != LIST
    }
    assert found == expected


def test_every_package_has_a_version_and_its_licence() -> None:
    for folder, package in listed().items():
        assert package["version"]
        assert package["licence"]
        assert len((VENDOR / folder / "LICENSE").read_text()) > 100
