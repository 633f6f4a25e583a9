"""A way to SQL Server that breaks where a test wants it to: a TCP proxy.

It reads the frames of TDS, the protocol of SQL Server (MS-TDS, section 2.2.3.1), so it
can tell a request to commit; what is encrypted passes as it is.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

Loss = Literal["request", "answer", "answer of a slow commit"]
DEFAULT_PORT = 1433

_CHUNK_BYTES = 65_536
_HEADER_BYTES, _TLS_HEADER_BYTES = 8, 5
_TLS_RECORDS = range(20, 24)  # types of TLS records; no type of a TDS packet
_TRANSACTION_MANAGER, _COMMIT = 14, 7
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: reset, do not close in peace


@dataclass
class _Pair:
    """One connection of a driver, and its way on to the server."""

    client: socket.socket
    server: socket.socket
    answers_dropped: bool = False
    held: bytes = b""

    def cut(self) -> None:
        """Break both sides at once, as a dead machine between them would."""
        self.cut_client()
        _break(self.server)

    def cut_client(self) -> None:
        """Break the driver's side; the server goes on with what it has."""
        _break(self.client)


class Proxy:
    """Hands bytes on between drivers and a server until it is told to cut.

    Attributes:
        sent: bytes handed on to the server since ``cut_after`` was called last.
        cuts: connections cut so far.
    """

    def __init__(self, url: sa.URL) -> None:
        """Listen on a free port.

        Args:
            url: the server; its connections must not be encrypted beyond the login.
        """
        self._target = (url.host or "localhost", url.port or DEFAULT_PORT)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = url.set(host="127.0.0.1", port=port)
        self.sent = self.cuts = 0
        self._left: int | None = None
        self._loss: tuple[Loss, Callable[[], None]] | None = None
        self._pairs: list[_Pair] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count: int | None) -> None:
        """Cut the connection on which so many more bytes to the server come together.

        Args:
            count: bytes of all connections; None for no cut.
        """
        with self._lock:
            self.sent, self._left = 0, count

    def lose_commit(self, loss: Loss, then: Callable[[], None] = lambda: None) -> None:
        """Cut the connection at its next commit.

        Args:
            loss: ``request``: the server never gets it. ``answer``: it has committed
                and nobody hears of it. ``answer of a slow commit``: the driver's side
                breaks before the server has begun.
            then: called once that is done.
        """
        with self._lock:
            self._loss = (loss, then)

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._listener.close()
        for pair in self._pairs:
            pair.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._target)
                except OSError:  # a server that is away takes no connection
                    _break(client)
                    continue
                for side in (client, server):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pair = _Pair(client, server)
                self._pairs.append(pair)
                for way in (self._requests, self._answers):
                    threading.Thread(target=way, args=(pair,), daemon=True).start()

    def _answers(self, pair: _Pair) -> None:
        for data in _received(pair.server):
            if pair.answers_dropped:
                self._count_cut()
                pair.cut()
                self._done()
                return
            with contextlib.suppress(OSError):
                pair.client.sendall(data)
        pair.cut_client()

    def _requests(self, pair: _Pair) -> None:
        for data in _received(pair.client):
            for frame in _frames(pair, data):
                if self._loss and _commits(frame):
                    if self._lost(pair, frame):
                        return
                elif not self._handed_on(pair, frame):
                    return
        if not pair.answers_dropped:
            _break(pair.server)

    def _lost(self, pair: _Pair, frame: bytes) -> bool:
        """Lose a commit as it was wanted; whether its connection is gone by now."""
        loss, _ = self._loss or ("request", None)
        if loss == "request":
            self._count_cut()
            pair.cut()
            self._done()
            return True
        pair.answers_dropped = loss == "answer"
        pair.server.sendall(frame)
        if loss == "answer":
            return False
        self._count_cut()
        pair.cut_client()
        self._done()
        return True

    def _done(self) -> None:
        with self._lock:
            _, then = self._loss or ("", lambda: None)
            self._loss = None
        then()

    def _count_cut(self) -> None:
        with self._lock:
            self.cuts += 1

    def _handed_on(self, pair: _Pair, frame: bytes) -> bool:
        """Hand a frame on, or the part of it that comes before the cut."""
        with self._lock:
            ends = self._left is not None and len(frame) >= self._left
            if ends:
                frame, self._left = frame[: self._left], None
            elif self._left is not None:
                self._left -= len(frame)
            self.sent += len(frame)
        with contextlib.suppress(OSError):
            pair.server.sendall(frame)
        if ends:
            self._count_cut()
            pair.cut()
        return not ends


def _received(side: socket.socket) -> Iterator[bytes]:
    """What comes until that side is closed or broken."""
    with contextlib.suppress(OSError):
        while data := side.recv(_CHUNK_BYTES):
            yield data


def _frames(pair: _Pair, data: bytes) -> Iterator[bytes]:
    """Whole packets of TDS or records of TLS; an unfinished one waits for more."""
    pair.held += data
    while len(pair.held) >= _TLS_HEADER_BYTES:
        if pair.held[0] in _TLS_RECORDS:
            size = _TLS_HEADER_BYTES + int.from_bytes(pair.held[3:5], "big")
        else:
            size = int.from_bytes(pair.held[2:4], "big")
        if len(pair.held) < size:
            return
        frame, pair.held = pair.held[:size], pair.held[size:]
        yield frame


def _commits(frame: bytes) -> bool:
    """Whether a packet asks the transaction manager for a commit."""
    if frame[0] != _TRANSACTION_MANAGER:
        return False
    headers = int.from_bytes(frame[_HEADER_BYTES : _HEADER_BYTES + 4], "little")
    start = _HEADER_BYTES + headers
    return int.from_bytes(frame[start : start + 2], "little") == _COMMIT


def _break(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        side.shutdown(socket.SHUT_RDWR)
    side.close()
