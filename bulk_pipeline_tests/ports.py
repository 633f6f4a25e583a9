"""Ports for servers of tests."""

import random
import socket

OURS = range(18_000, 31_000)
"""Below those that Linux (32768) and others give to outgoing connections, of which one
could take a port between the search and the start of its server."""


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = random.choice(OURS)  # noqa: S311  (no secret)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
