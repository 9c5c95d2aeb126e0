"""Files of a package that are not Python code: SQL, Lua."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def package_text(package: str, path: str) -> str:
    """Text of a file, by its path inside the package.

    Raises:
        FileNotFoundError: the package has no such file.
    """
    return files(package).joinpath(path).read_text(encoding="utf-8")
