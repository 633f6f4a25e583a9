"""A web server and a mail server of our own, which answer as a test tells them to."""

import base64
import shutil
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bulk_pipeline.core.alerts import Alert, AlertedUpload


def alert(*files: str, **values: Any) -> Alert:
    """An alert about these files, all of one batch."""
    members = tuple(
        AlertedUpload(f"key-{n}", file, "team-a", f"No columns in {n}.", "b")
        for n, file in enumerate(files or ("a.csv",))
    )
    known = {"kind": "failed", "batch": "b", "run_id": "run-1", "uploads": members}
    return Alert(**{**known, **values})


@dataclass
class WebServer:
    """What a web server got, and how it answers the next requests.

    Attributes:
        url: where it listens.
        answers: status of each answer; 200 once they are used up.
        location: the header of that name, "" for none.
        before: called before each answer.
        drip_seconds: pause after each byte of the answer.
        got: path and body of each request.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    location: str = ""
    before: Any = None
    drip_seconds: float = 0.0
    got: list[tuple[str, bytes]] = field(default_factory=list)


@contextmanager
def web_server(certificate: Path | None = None) -> Iterator[WebServer]:
    """A web server on this machine, with TLS where a certificate is given."""
    seen = WebServer()

    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        def do_POST(self) -> None:
            """Keep the request and answer."""
            length = int(self.headers["Content-Length"])
            seen.got.append((self.path, self.rfile.read(length)))
            if seen.before:
                seen.before()
            status = seen.answers.pop(0) if seen.answers else 200
            if seen.drip_seconds:
                self._drip()
                return
            self.send_response(status)
            if seen.location:
                self.send_header("Location", seen.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # the name that http.server looks for

        def _drip(self) -> None:
            """Answer a byte at a time."""
            for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
                try:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(seen.drip_seconds)

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    seen.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    with _served(server):
        yield seen


@dataclass
class MailServer:
    """What a mail server got, and how it answers.

    Attributes:
        port: where it listens.
        offers: what it says it can, after EHLO.
        answers: first word of a command → its answer, instead of the usual one.
        got: each message that it took, as it came.
        recipients: of each message.
        logins: user and password of each login.
        encrypted: whether each message came over TLS.
    """

    port: int = 0
    offers: tuple[str, ...] = ("AUTH PLAIN", "SMTPUTF8", "8BITMIME")
    answers: dict[str, str] = field(default_factory=dict)
    got: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    @property
    def message(self) -> EmailMessage:
        """The one message that it took."""
        [raw] = self.got
        read = message_from_bytes(raw, policy=default)
        assert isinstance(read, EmailMessage)
        return read


class _MailServer(socketserver.ThreadingTCPServer):
    """Listens; what it got and how it answers is in ``seen``."""

    daemon_threads = True
    seen: MailServer
    context: ssl.SSLContext | None
    tls_first: bool


class _MailHandler(socketserver.BaseRequestHandler):
    """One connection: SMTP as far as senders of mail use it."""

    server: _MailServer

    def handle(self) -> None:
        """Talk until the other side has gone."""
        try:
            self._talk()
        except OSError:
            return

    def _talk(self) -> None:
        """Answer commands."""
        self.seen, self.encrypted = self.server.seen, False
        self.to: list[str] = []
        self.request.settimeout(10)
        self.file = self.request.makefile("rb")
        if self.server.tls_first:
            self._encrypt()
        self._say("220 ready")
        commands = {
            "EHLO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "RCPT": self._rcpt,
            "DATA": self._data,
        }
        while line := self.file.readline().decode().strip():
            word, _, rest = line.partition(" ")
            if word.upper() in self.seen.answers:
                self._say(self.seen.answers[word.upper()])
            elif word.upper() in commands:
                commands[word.upper()](rest)
            else:
                self._say("221 bye" if word.upper() == "QUIT" else "250 fine")

    def _ehlo(self, _: str) -> None:
        """Say what is offered."""
        can = self.server.context and not self.encrypted
        lines = ["test", *self.seen.offers, *(["STARTTLS"] if can else [])]
        for offer in lines[:-1]:
            self._say(f"250-{offer}")
        self._say(f"250 {lines[-1]}")

    def _starttls(self, _: str) -> None:
        """Go on encrypted."""
        self._say("220 go on")
        self._encrypt()

    def _encrypt(self) -> None:
        """Wait for the other side to begin TLS."""
        assert self.server.context is not None
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.file = self.request.makefile("rb")
        self.encrypted = True

    def _auth(self, rest: str) -> None:
        """Take any login."""
        parts = base64.b64decode(rest.split()[1]).decode().split("\0")
        self.seen.logins.append((parts[1], parts[2]))
        self._say("235 welcome")

    def _rcpt(self, rest: str) -> None:
        """Take any recipient."""
        self.to.append(rest.split("<")[1].split(">", maxsplit=1)[0])
        self._say("250 fine")

    def _data(self, _: str) -> None:
        """Take the message."""
        self._say("354 go on")
        lines = []
        while (line := self.file.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        if "." not in self.seen.answers:
            self.seen.got.append(b"".join(lines))
            self.seen.recipients.append(self.to)
            self.seen.encrypted.append(self.encrypted)
        self._say(self.seen.answers.get(".", "250 taken"))

    def _say(self, text: str) -> None:
        """Answer one line."""
        self.request.sendall(text.encode() + b"\r\n")


@contextmanager
def mail_server(
    certificate: Path | None = None, *, tls_first: bool = False
) -> Iterator[MailServer]:
    """A mail server on this machine; with a certificate it can do STARTTLS.

    Args:
        certificate: file with key and certificate.
        tls_first: TLS from the first byte on instead.
    """
    server = _MailServer(("127.0.0.1", 0), _MailHandler)
    server.seen, server.tls_first, server.context = MailServer(), tls_first, None
    if certificate:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate)
    server.seen.port = server.server_address[1]
    with _served(server):
        yield server.seen


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    """A server that answers in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1 in one file; nobody trusts it by itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command makes the certificate, and is not here")
    folder = tmp_path_factory.mktemp("certificate")
    key, made, both = (folder / name for name in ("key.pem", "cert.pem", "both.pem"))
    command = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {made} -addext subjectAltName=DNS:localhost,IP:127.0.0.1"  # noqa: E501  # as one types it
    subprocess.run([openssl, *command.split()], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both
