"""Other machines, as far as one machine can have them: own network, no home."""

import contextlib
import os
import secrets
import selectors
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

IP = shutil.which("ip")
FIRST, NETWORKS = 64, 128
"""Networks of machines are 10.N.NUMBER.0/30, N by the process that makes them: two runs
of the tests on one machine do not meet."""


@dataclass(frozen=True)
class Machine:
    """Where a worker runs.

    Attributes:
        inside: the command that starts a program there.
        host: address at which the stores of this machine are reached from there.
    """

    inside: Sequence[str]
    host: str


def can_be_made() -> bool:
    """Whether namespaces with a network of their own can be made here."""
    if IP is None or os.geteuid() != 0:
        return False
    name = f"bp{secrets.token_hex(3)}"
    made = subprocess.run([IP, "netns", "add", name], capture_output=True, check=False)
    subprocess.run([IP, "netns", "delete", name], capture_output=True, check=False)
    return made.returncode == 0


@contextmanager
def machine(
    number: int, hidden: Sequence[Path], ports: Sequence[int]
) -> Iterator[Machine]:
    """A network of its own, joined by a cable, in which folders are empty.

    Args:
        number: of the machine, from 0.
        hidden: folders that it does not have.
        ports: of this machine's loopback that are reached from there.
    """
    assert IP is not None
    name, cable = f"bp{secrets.token_hex(3)}", f"bp{secrets.token_hex(3)}"
    network = f"10.{FIRST + os.getpid() % NETWORKS}.{number}"
    host, guest = f"{network}.1", f"{network}.2"
    with contextlib.ExitStack() as made:
        _ip("netns", "add", name)
        made.callback(_ip, "netns", "delete", name)
        _ip(
            "link",
            "add",
            f"{cable}h",
            "type",
            "veth",
            "peer",
            f"{cable}g",
            "netns",
            name,
        )
        made.callback(
            subprocess.run,
            [IP, "link", "delete", f"{cable}h"],
            capture_output=True,
            check=False,
        )
        _ip("address", "add", f"{host}/30", "dev", f"{cable}h")
        _ip("link", "set", f"{cable}h", "up")
        _ip("-n", name, "address", "add", f"{guest}/30", "dev", f"{cable}g")
        for link in (f"{cable}g", "lo"):
            _ip("-n", name, "link", "set", link, "up")
        for port in ports:
            made.enter_context(_passed_on(host, port))
        # `ip netns exec` gives the program mounts of its own; these are in there alone.
        hide = "".join(f"mount -t tmpfs none '{folder}' && " for folder in hidden)
        inside = [IP, "netns", "exec", name, "sh", "-c", f'{hide}exec "$@"', "sh"]
        yield Machine(inside, host)


def _ip(*arguments: str) -> None:
    """Run a command of iproute2, which must succeed."""
    subprocess.run([str(IP), *arguments], check=True, capture_output=True)


@contextmanager
def _passed_on(host: str, port: int) -> Iterator[None]:
    """Pass connections at an address on to the same port of the loopback."""
    ended = threading.Event()
    with socket.create_server((host, port)) as server:
        server.settimeout(0.2)

        def serve() -> None:
            """Take connections until the end of the block."""
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    one, _ = server.accept()
                    threading.Thread(
                        target=_joined, args=(one, port), daemon=True
                    ).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        ended.set()
        thread.join()


def _joined(one: socket.socket, port: int) -> None:
    """Carry bytes both ways until one side ends."""
    with (
        one,
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port)) as other,
        selectors.DefaultSelector() as either,
    ):
        one.settimeout(None)
        either.register(one, selectors.EVENT_READ, other)
        either.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in either.select():
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not data:
                    return
                key.data.sendall(data)
