"""The process behind ``proxy.Proxy``: it hands bytes on until it is told to cut.

It reads the frames of TDS, the protocol of SQL Server (MS-TDS, section 2.2.3.1), so it
can tell a request to commit; what is encrypted passes as it is. Its arguments are host
and port of the server. It takes a JSON object per line on its standard input and
answers each with its state; it ends with its input.
"""

import contextlib
import json
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
        sent: bytes handed on to the server since ``cut_after`` was set last.
        cuts: connections cut so far.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen on a free port, on the way to a server."""
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.sent = self.cuts = 0
        self._left: int | None = None
        self._loss: str | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def told(self, **wanted: object) -> dict[str, object]:
        """Do what is wanted, as ``proxy.Proxy`` says it, and give the state."""
        with self._lock:
            if "cut_after" in wanted:
                self.sent, self._left = 0, wanted["cut_after"]  # type: ignore[assignment]
            if "lose_commit" in wanted:
                self._loss = str(wanted["lose_commit"])
            port = self._listener.getsockname()[1]
            return {"port": port, "sent": self.sent, "cuts": self.cuts}

    def _accept(self) -> None:
        """Join each client to the server by a connection of its own."""
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
            for way in (self._requests, self._answers):
                threading.Thread(target=way, args=(pair,), daemon=True).start()

    def _answers(self, pair: _Pair) -> None:
        """Hand on what the server says."""
        for data in _received(pair.server):
            if pair.answers_dropped:
                self._cut(pair.cut)
                return
            with contextlib.suppress(OSError):
                pair.client.sendall(data)
        pair.cut_client()

    def _requests(self, pair: _Pair) -> None:
        """Hand on what the client says, until a cut."""
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
        loss, self._loss = self._loss, None
        if loss == "request":
            self._cut(pair.cut)
            return True
        pair.answers_dropped = loss == "answer"
        pair.server.sendall(frame)
        if loss != "answer":
            self._cut(pair.cut_client)
        return loss != "answer"

    def _cut(self, cut: Callable[[], None]) -> None:
        """Cut a connection and count it."""
        cut()
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
            self._cut(pair.cut)
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
    """Close one side with a reset, as a machine that dies does."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        side.shutdown(socket.SHUT_RDWR)
    side.close()


def main() -> None:
    """Serve until the input ends."""
    proxy = Proxy(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(proxy.told(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
