"""The real server: what arrives half, never ends or is too much, and its own end."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from bulk_pipeline.adapters.api_tokens import Tokens
from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.reservations import reserved
from bulk_pipeline.api import serving as server
from bulk_pipeline.api.guard import HEADER_BYTES
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.api.serving import PATIENCE_SECONDS, Served, serving
from bulk_pipeline_tests.api.site import GOOD, SEND, UPLOADS, part
from bulk_pipeline_tests.cli.command import bulk_pipeline

HALF = part(GOOD * 4000, last=True)[:-100_000]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests that do not end it."""
    with serving(tmp_path_factory.mktemp("served") / "home") as found:
        yield found


def promised(home: Path) -> list[str]:
    """Keys that are promised."""
    with closing(Journal(Home(home).journal)) as journal:
        return [one.key for one in reserved(journal)]


def test_a_body_in_chunks_without_a_length_is_taken(shared: Served) -> None:
    """Programs that make a file while they send it do not know its size."""

    def body() -> Iterator[bytes]:
        """A form in small pieces."""
        whole = part()
        for start in range(0, len(whole), 7):
            yield whole[start : start + 7]

    kind = {"Content-Type": "multipart/form-data; boundary=a-boundary"}
    answer = httpx.post(shared.url + SEND, content=body(), headers=kind)
    assert answer.status_code == 202, answer.text
    assert answer.json()["bytes"] == len(GOOD)
    [name] = shared.files()
    [path] = (shared.home / "inbox").glob("*/*")
    assert path.read_bytes() == GOOD
    path.unlink()
    assert not name.startswith(".")


def test_a_client_that_goes_away_leaves_nothing(shared: Served) -> None:
    """A laptop is closed; half of its file must not be loaded as the whole."""
    before = promised(shared.home)
    for length in (len(HALF) + 100_000, None):
        with closing(shared.begin(length)) as client:
            piece = HALF if length else b"%x\r\n%b\r\n" % (len(HALF), HALF)
            client.send(piece)
            [name] = shared.until_files(1)
            assert name.startswith(".upload-")
        assert shared.until_files(0) == []
    assert promised(shared.home) == before


def test_a_file_that_says_it_is_too_large_is_refused_before_it_comes(
    shared: Served,
) -> None:
    """Its sender hears so in a second, not after an hour."""
    with closing(shared.begin(2**40, "Expect", "100-continue")) as client:
        answer = client.getresponse()
        assert answer.status == 413
        assert "cure" in json.load(answer)
    assert shared.files() == []


def test_a_sender_that_does_not_wait_hears_the_refusal(shared: Served) -> None:
    """A connection that is closed with unread bytes is reset, and the answer lost."""
    answer = httpx.post(
        shared.url + SEND, files={"other": ("a.csv", b"x" * 5_000_000)}, timeout=30
    )
    assert answer.status_code == 422
    assert "'file'" in answer.json()["detail"]


def test_headers_beyond_the_limit_are_refused(shared: Served) -> None:
    """They are kept in memory before anybody knows who sends them."""
    with closing(shared.wire()) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * (2 * HEADER_BYTES))
        assert wire.recv(100).startswith(b"HTTP/1.1 400")
    for path, value in (("/", "x" * HEADER_BYTES), ("/" + "x" * HEADER_BYTES, "")):
        assert shared.get(path, headers={"X": value}).status_code == 431


def test_two_ends_of_one_body_are_refused(shared: Served) -> None:
    """A proxy that goes by the other one takes the rest for a second request."""
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(part()), part())
    length = str(len(chunked))
    with closing(shared.begin(None, "Content-Length", length)) as client:
        client.send(chunked)
        answer = client.getresponse()
        assert answer.status == 400
        assert answer.getheader("Connection") == "close"
    assert shared.files() == []


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"no request\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
def test_odd_requests_are_refused_and_harm_nothing(
    shared: Served, request_line: bytes
) -> None:
    """A scanner of ports comes by every day."""
    with closing(shared.wire()) as wire:
        wire.sendall(request_line)
        assert wire.recv(100).split()[1] in (b"400", b"403")
    assert shared.get("/openapi.json").status_code == 200


def test_no_file_means_no_page_of_scripts_from_elsewhere(shared: Served) -> None:
    """The page must work where there is no internet, and ask nobody else."""
    text = shared.get("/").text
    assert "https://" not in text
    assert shared.get("/docs").status_code == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_what_still_arrives(
    tmp_path, monkeypatch, number
) -> None:
    """A service that must be killed leaves half files behind."""
    home = tmp_path / "home"
    hurried(monkeypatch, serving="STOP_SECONDS = 0.2")
    with serving(home) as served, closing(served.begin(len(HALF) + 100_000)) as client:
        client.send(HALF)
        served.until_files(1)
        assert served.stop(number) == 0
        assert "Stopped." in served.log.read_text()
        assert served.files() == []
        assert "Traceback" not in served.log.read_text()
        assert client.getresponse().status == 503
    assert promised(home) == []


def test_a_kill_in_the_middle_leaves_nothing_that_is_loaded(tmp_path) -> None:
    """Half a file is a file that looks whole."""
    home = tmp_path / "home"
    with serving(home) as served, closing(served.begin(len(HALF) + 100_000)) as client:
        client.send(HALF)
        [name] = served.until_files(1)
        served.stop(signal.SIGKILL)
        assert served.files() == [name]
        assert name.startswith(".")
    assert promised(home) == []


def test_a_kill_after_the_promise_leaves_no_file(tmp_path) -> None:
    """The key was told to nobody; the promise is swept when it is old."""
    home = tmp_path / "home"
    with serving(home, **{VARIABLE: "upload promised"}) as served:
        with pytest.raises(httpx.HTTPError):
            httpx.post(served.url + SEND, files={"file": ("a.csv", GOOD)})
        served.process.wait(30)
        [name] = served.files()
        assert name.startswith(".")
    assert len(promised(home)) == 1


def test_a_token_is_in_no_log_and_is_needed_from_elsewhere(tmp_path) -> None:
    """Whoever reads the log of a service is not its user."""
    home = tmp_path / "home"
    token = Tokens(Home(home)).add("anna")
    level = {"BULK_PIPELINE_LOG_LEVEL": "DEBUG"}
    with serving(home, "--host", "0.0.0.0", **level) as served:  # noqa: S104
        given = {"Authorization": f"Bearer {token}"}
        assert served.get(UPLOADS).status_code == 401
        assert served.get(f"{UPLOADS}?x={token}", headers=given).status_code == 200
        assert served.stop() == 0
        assert token not in served.log.read_text()


def test_an_open_address_without_a_token_is_refused() -> None:
    """Anybody in the network could load files."""
    refused = bulk_pipeline("serve-api", "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    assert refused.returncode == 2
    assert "tokens add" in refused.stderr
    assert refused.stdout == ""


def test_an_address_that_cannot_be_had_is_said(shared: Served) -> None:
    """A second server on the port is the usual mistake."""
    taken = bulk_pipeline("serve-api", "--port", shared.port)
    assert taken.returncode == 2
    assert str(shared.port) in taken.stderr
    with pytest.raises(ConfigurationError, match="--host"):
        server.listening("no.such.host.invalid", 0)


def test_without_the_extra_the_command_says_what_to_install(tmp_path) -> None:
    """It is the first thing that somebody meets who did not read the docs."""
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError(name='uvicorn')")
    refused = bulk_pipeline("serve-api", PYTHONPATH=str(tmp_path))
    assert refused.returncode == 2
    assert "pip install 'bulk-pipeline[api]'" in refused.stderr


def test_a_client_that_takes_nothing_is_ended(monkeypatch, tmp_path) -> None:
    """It would keep a file on the disk, and one of all connections, for ever."""
    hurried(
        monkeypatch,
        serving="TAKING_SECONDS = 0.3",
        pages='_page = lambda: {"index.html": (b"x" * 2**24, "text/html")}',
    )
    with serving(tmp_path / "home") as served, closing(served.wire()) as wire:
        host = f"Host: 127.0.0.1:{served.port}".encode()
        wire.sendall(b"GET / HTTP/1.1\r\n" + host + b"\r\n\r\n")
        process = psutil.Process(served.process.pid)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not wire.recv(1, socket.MSG_PEEK):
            assert time.monotonic() < deadline
        while any(c.status == "ESTABLISHED" for c in process.net_connections("tcp")):
            assert time.monotonic() < deadline, "it still waits"
            time.sleep(0.05)
        assert "Traceback" not in served.log.read_text()


def test_a_connection_that_says_nothing_is_ended(monkeypatch, tmp_path) -> None:
    """A thousand of them would be all that the server has."""
    hurried(
        monkeypatch,
        serving="HEADER_SECONDS = 0.3",
        bodies="PATIENCE_SECONDS = bodies.DRAINED_SECONDS = 0.3",
    )
    with serving(tmp_path / "home") as served:
        for beginning in (b"", b"GET / HTTP/1.1\r\nHost:"):
            with closing(served.wire()) as wire:
                wire.sendall(beginning)
                assert ended(wire)
        with closing(served.begin(10**6)) as client:
            client.send(part(last=False))
            assert client.getresponse().status == 408
        assert served.files() == []


def hurried(monkeypatch: pytest.MonkeyPatch, **assignments: str) -> None:
    """Have the servers of a test wait for less; module of the API → assignment."""
    lines = [
        f"import bulk_pipeline.api.{module} as {module}; {module}.{text}"
        for module, text in assignments.items()
    ]
    program = "\n".join([*lines, "from bulk_pipeline.cli import main; main()"])
    monkeypatch.setattr("bulk_pipeline_tests.api.serving.PROGRAM", program)


def ended(wire: socket.socket) -> bool:
    """Whether the other side ends a connection, at once or some time later."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if wire.recv(1000) == b"":
            return True
    return False
