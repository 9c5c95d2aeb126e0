"""PostgreSQL, Redis and RabbitMQ with passwords and TLS, under a certificate authority of their own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2

from tests.services import (
    Account,
    accepts,
    free_port,
    require_service,
    running_postgres,
    running_process,
    running_rabbitmq,
    system_program,
    temporary_folder,
    wait_until,
)

# Each character has a meaning in URLs, in configuration files or in shells.
PASSWORD = "p@ss:w/rd?#%25&+ $x"  # noqa: S105
ESCAPED = quote(PASSWORD, safe="")
EVERYBODY = "host postgres orders 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority, and the certificate of `localhost` that it has signed."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"


def make_authority(folder: Path, name: str = "localhost") -> Authority:
    """A new authority and its certificate for a host."""
    made = Authority(folder)
    folder.mkdir(parents=True, exist_ok=True)
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2"]
    _run(folder, *new, "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem")
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    _run(folder, *new, *subject, *signed, "-keyout", "server.key", "-out", "server.pem")
    return made


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@contextmanager
def tls_postgres(authority: Authority) -> Iterator[str]:
    """URL, without a database, of a server that accepts the user `shop` only over TLS."""
    account = Account.unprivileged()
    with temporary_folder("tls", account) as folder:
        for file in (authority.certificate, authority.key):
            shutil.copy(file, folder)
            shutil.chown(folder / file.name, account.uid or -1)
            (folder / file.name).chmod(0o600)
        (folder / "pg_hba.conf").write_text(EVERYBODY)
        files = {"ssl_cert_file": "server.pem", "ssl_key_file": "server.key", "hba_file": "pg_hba.conf"}
        settings = [f"{name}={folder / file}" for name, file in files.items()]
        with running_postgres("ssl=on", *settings) as server:
            connection = psycopg2.connect(server.replace("+psycopg2", "") + "/postgres")
            connection.autocommit = True
            connection.cursor().execute("CREATE ROLE shop LOGIN CREATEDB PASSWORD %s", (PASSWORD,))
            for name in ("orders_tls", "dagster_tls"):
                connection.cursor().execute(f"CREATE DATABASE {name} OWNER shop")
            connection.close()
            yield f"postgresql+psycopg2://shop:{ESCAPED}@localhost:{server.rpartition(':')[2]}"


@contextmanager
def tls_redis(authority: Authority) -> Iterator[str]:
    """URL, without options, of a Redis that accepts only TLS."""
    program = system_program("redis-server")
    require_service("Redis", program, "redis-server is not installed")
    with temporary_folder("tls-redis", Account(None)) as folder:
        port = free_port()
        lines = [
            "port 0",
            f"tls-port {port}",
            "bind 127.0.0.1",
            f'requirepass "{PASSWORD}"',
            f"tls-cert-file {authority.certificate}",
            f"tls-key-file {authority.key}",
            f"tls-ca-cert-file {authority.ca}",
            "tls-auth-clients no",
            'save ""',
        ]
        (folder / "redis.conf").write_text("\n".join(lines))
        with running_process([str(program), folder / "redis.conf"], folder, Account(None)) as alive:
            wait_until(lambda: accepts(port), alive, folder / "log")
            yield f"rediss://:{ESCAPED}@localhost:{port}/0"


@contextmanager
def tls_rabbitmq(authority: Authority) -> Iterator[str]:
    """URL, without options, of a RabbitMQ with a TLS listener."""
    port = free_port()
    lines = [
        f"listeners.ssl.default = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {authority.ca}",
        f"ssl_options.certfile = {authority.certificate}",
        f"ssl_options.keyfile = {authority.key}",
        "ssl_options.verify = verify_none",
    ]
    with running_rabbitmq("\n".join(lines)) as server:
        server.control("add_user", "shop", PASSWORD)
        server.control("set_permissions", "shop", ".*", ".*", ".*")
        yield f"amqps://shop:{ESCAPED}@localhost:{port}//"
