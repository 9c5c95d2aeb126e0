"""The shipped nginx configuration on free ports, in front of a real API and real Dagster webservers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.servers.api_server import running_server
from tests.services import (
    Account,
    accepts,
    free_port,
    require_service,
    running_process,
    system_program,
    wait_until,
)

PROXY = PROJECT_ROOT / "deploy" / "proxy"
PASSWORD = "correct horse battery staple"  # noqa: S105
MAIN = """\
{user}
daemon off;
pid nginx.pid;
events {{}}
http {{
    include {types};
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxied;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The address of the proxy, and the certificate that its clients trust."""

    http: int
    api: int
    dagster: int
    flower: int
    certificate: Path
    folder: Path

    def url(self, port: int, path: str = "") -> str:
        """An address behind the proxy."""
        return f"https://localhost:{port}{path}"


@contextmanager
def running_proxy(settings: Settings, folder: Path) -> Iterator[Proxy]:
    """The proxy, with the operator `olga` and the viewer `victor`."""
    program = system_program("nginx")
    require_service("nginx", program, "nginx is not installed")
    proxy = Proxy(*(free_port() for _ in range(4)), folder / "orders" / "cert.pem", folder)
    behind = {3000: free_port(), 3001: free_port(), 5555: free_port()}
    with ExitStack() as running:
        behind[8000] = int(running.enter_context(running_server(settings)).rpartition(":")[2])
        running.enter_context(_webserver(folder / "full", behind[3000], "cli.webserver.serve", "open"))
        running.enter_context(_webserver(folder / "viewer", behind[3001], "dagster_webserver", "--read-only"))
        _set_up(proxy, behind)
        command = [
            str(program),
            "-p",
            str(folder),
            "-c",
            str(folder / "nginx.conf"),
            "-e",
            str(folder / "log"),
        ]
        alive = running.enter_context(running_process([*command], folder, Account(None)))
        wait_until(lambda: accepts(proxy.api), alive, folder / "log")
        yield proxy


def _set_up(proxy: Proxy, behind: dict[int, int]) -> None:
    for name in ("localhost", "Orders.example.com"):
        _run(proxy.folder, "install.sh", name)
    for name, role in (("olga", "operator"), ("victor", "viewer")):
        _run(proxy.folder, "user.sh", name, role)
    listening = {80: proxy.http, 443: proxy.api, 3443: proxy.dagster, 5443: proxy.flower}
    shipped = proxy.folder / "conf.d" / "orders.conf"
    text = shipped.read_text()
    for port, chosen in listening.items():
        text = text.replace(f"listen {port}", f"listen 127.0.0.1:{chosen}")
    for port, chosen in behind.items():
        text = text.replace(f"127.0.0.1:{port};", f"127.0.0.1:{chosen};")
    shipped.write_text(text)
    # nginx's workers must be able to read what the test created.
    user = "user root;" if os.geteuid() == 0 else ""
    types = "/etc/nginx/mime.types"
    (proxy.folder / "nginx.conf").write_text(MAIN.format(user=user, types=types))


def _run(folder: Path, script: str, *arguments: str) -> None:
    environment = os.environ | {"NGINX_FOLDER": str(folder)}
    subprocess.run(
        [PROXY / script, *arguments],
        check=True,
        input=f"{PASSWORD}\n",
        text=True,
        env=environment,
        capture_output=True,
    )


@contextmanager
def _webserver(home: Path, port: int, *module: str) -> Iterator[None]:
    """A Dagster webserver without definitions: that of `orders up`, or Dagster's own."""
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    (home / "workspace.yaml").write_text(json.dumps({"load_from": []}))
    listen = ["-h", "127.0.0.1", "-p", str(port), "-w", str(home / "workspace.yaml")]
    command = [sys.executable, "-m", *module, *listen]
    environment = os.environ | {"DAGSTER_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)}
    with running_process([*command], home, Account(None), env=environment) as alive:
        wait_until(lambda: accepts(port), alive, home / "log")
        yield
