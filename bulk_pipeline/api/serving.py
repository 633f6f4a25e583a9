"""The server: one process, one event loop, limits on what clients may keep busy."""

import asyncio
import ipaddress
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.api.app import build_app
from bulk_pipeline.api.door import Door
from bulk_pipeline.api.guard import HEADER_BYTES
from bulk_pipeline.core.errors import ConfigurationError

logger = logging.getLogger(__name__)
HEADER_SECONDS = 20.0
"""From the connection, or from the answer before, to the end of a request's headers."""
TAKING_SECONDS = 60.0
"""For a client to take a quarter of a megabyte of an answer: 4 KiB a second."""
IDLE_SECONDS = 15
STOP_SECONDS = 5
"""What still arrives after a signal is ended then."""
MOST_CONNECTIONS = 512
BACKLOG = 256


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose clients may not hold a connection by doing nothing.

    Their headers must end, and they must take what they asked for.
    """

    _hurry: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._hurry = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._relax()
        self._taken()

    def pause_writing(self) -> None:
        super().pause_writing()
        # Closing would wait for what the client does not take.
        self._taking = self.loop.call_later(TAKING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        idle = self.cycle is None or self.cycle.response_complete
        if self.cycle is not before or not idle:
            self._relax()
        elif self._hurry is None:
            self._hurry = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _relax(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _give_up(self) -> None:
        self.transport.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections; port 0 for any free one.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(found[0], found[1])
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(found[4])
        made.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"Port {port} of {host} cannot be used ({error}). Choose others with "
            "--host and --port."
        ) from error
    return made


def door_at(installation: Installation, server: socket.socket) -> Door:
    """The door of an installation at an address.

    Raises:
        ConfigurationError: others can reach the address, and there is no token.
        PermanentError: the journal cannot be opened.
    """
    address, port = server.getsockname()[:2]
    loopback = ipaddress.ip_address(address).is_loopback
    door = Door.of(installation, loopback=loopback, port=port)
    if not door.tokens.all() and not loopback:
        raise ConfigurationError(
            f"{address} can be reached from other machines, and there is no token. "
            "Make one with `bulk-pipeline tokens add USER`, or use --host 127.0.0.1."
        )
    # Both engines are made here, before two threads could each make one.
    home_id, engine = installation.journal.home_id(), installation.database.engine
    logger.info("Serving home %s with %s.", home_id, engine.dialect.name)
    return door


def serve(door: Door, server: socket.socket) -> None:
    """Answer until a signal comes."""
    options: dict[str, Any] = {
        "access_log": False,  # the guard's own line has no query in it
        "h11_max_incomplete_event_size": HEADER_BYTES,
        "http": PatientProtocol,
        "interface": "asgi3",
        "lifespan": "off",
        "limit_concurrency": MOST_CONNECTIONS,
        "log_config": None,
        "proxy_headers": False,
        "server_header": False,
        "timeout_graceful_shutdown": STOP_SECONDS,
        "timeout_keep_alive": IDLE_SECONDS,
        "ws": "none",
    }
    made = uvicorn.Server(uvicorn.Config(build_app(door), **options))
    with _ended_by_signals(made):
        made.run(sockets=[server])


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Have a signal end the server and not the process.

    The server has handlers of its own while it answers; before that ours are needed,
    and afterwards, when it sends the signal that it obeyed once more.
    """

    def stop(number: int, frame: object) -> None:
        del number, frame
        server.should_exit = True

    ours = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
