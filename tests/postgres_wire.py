"""A wire to a PostgreSQL server that can be cut around a COMMIT: just before the server reads it, or just after it
answered.

It is a real connection over loopback. Only a COMMIT that is sent as the ledger's writer sends it counts.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

_COMMIT_ASKED: Final = b"\x00COMMIT\x00"
"""What a Parse message of an unnamed statement begins with."""

_COMMIT_DONE: Final = b"COMMIT\x00"
"""What a CommandComplete message says."""

_BLOCK = 65536


class Wire:
    """Connections to a server's socket. Thread by thread, each way of each connection."""

    def __init__(self, server: Path) -> None:
        """Take the socket of the server."""
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._cut_before = self._cut_after = False
        self.cuts = 0
        """How many COMMITs were cut off."""
        self._run(self._accept)

    def url(self, store: str) -> str:
        """Give the URL of a database that leads through the wire."""
        query = {"sslmode": "disable", "gssencmode": "disable"}
        host, port = self._listener.getsockname()
        return make_url(store).set(host=host, port=port, query=query).render_as_string(hide_password=False)

    def cut_before_commit(self) -> None:
        """Cut the next COMMIT off before the server gets it."""
        self._cut_before = True

    def cut_after_commit(self) -> None:
        """Cut the answer to the next COMMIT off before the client gets it."""
        self._cut_after = True

    def close(self) -> None:
        """Cut everything."""
        for end in (self._listener, *self._ends):
            _hang_up(end)
        for thread in self._threads:
            thread.join()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a message is passed on at once
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                self._ends += [client, server]
                self._run(self._ask, client, server)
                self._run(self._answer, server, client)

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what the client says, until a COMMIT is to be cut off."""
        with _both_hung_up(client, server):
            for message in _messages(client, first=True):
                if self._cut_before and message[:1] == b"P" and message[5:].startswith(_COMMIT_ASKED):
                    self._cut_before = False
                    self.cuts += 1
                    return
                server.sendall(message)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        """Pass on what the server says, until it says that a COMMIT is done, and that is to be cut off."""
        with _both_hung_up(server, client):
            for message in _messages(server, first=False):
                if self._cut_after and message[:1] == b"C" and message[5:] == _COMMIT_DONE:
                    self._cut_after = False
                    self.cuts += 1
                    return
                client.sendall(message)


def _messages(end: socket.socket, *, first: bool) -> Iterator[bytes]:
    """Read whole messages: a type, except in the first, and a length that counts itself."""
    kept = b""
    while block := end.recv(_BLOCK):
        kept += block
        while len(kept) >= (head := 4 if first else 5):
            size = head - 4 + struct.unpack_from("!I", kept, head - 4)[0]
            if len(kept) < size:
                break
            yield kept[:size]
            kept, first = kept[size:], False


@contextmanager
def _both_hung_up(one: socket.socket, other: socket.socket) -> Iterator[None]:
    with suppress(OSError):
        yield
    _hang_up(one)
    _hang_up(other)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
