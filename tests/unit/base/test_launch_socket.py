"""The socket of the launcher."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread

from orders_pipeline.base.launch_socket import listening


def test_a_thread_that_waits_for_connections_ends_with_the_socket(tmp_path: Path) -> None:
    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            server.accept()

    with listening(tmp_path) as server:
        waiting = Thread(target=accept, args=(server,), daemon=True)
        waiting.start()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
