"""Laws of alerts as JSON to a URL, against a real server."""

import json
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bulk_pipeline.adapters.alert_channels import SOCKET_SECONDS
from bulk_pipeline.adapters.alert_webhook import Webhook
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    ConfigurationError,
    PermanentError,
    TransientError,
)
from bulk_pipeline_tests.adapters.alert_servers import (
    alert,
    certificate,  # noqa: F401  # a fixture
    web_server,
)

SECRET = "T0/B0/s3cr3t-t0ken"  # noqa: S105  # of nobody


def webhook(url: str, **variables: str) -> Webhook:
    """The webhook of the settings with this URL."""
    given = {"BULK_PIPELINE_ALERT_WEBHOOK": f"{url}/{SECRET}", **variables}
    return Webhook.of(Settings.from_environment(given))


def test_the_message_is_posted_as_the_document_says() -> None:
    """Programs are written against docs/alerts.md."""
    with web_server() as server:
        found = webhook(server.url, BULK_PIPELINE_UI_URL="https://ui.example.com")
        found.send(alert("übersicht.csv"), "id-1")
        [(path, body)] = server.got

    message = json.loads(body)
    assert path == f"/{SECRET}"
    assert set(message) == {
        "text", "id", "kind", "batch", "run_id", "run_url", "uploads", "more",
    }  # fmt: skip
    assert message["uploads"] == [
        {
            "key": "key-0",
            "file": "übersicht.csv",
            "submitted_by": "team-a",
            "reason": "No columns in 0.",
            "batch": "b",
        }
    ]
    assert "übersicht.csv (from team-a): No columns in 0." in message["text"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, TransientError),
        (503, TransientError),
        (429, TransientError),
        (408, TransientError),
        (400, PermanentError),
        (404, PermanentError),
        (410, PermanentError),
    ],
)
def test_an_answer_that_is_not_yes_is_an_error(
    status: int, error: type[BulkPipelineError]
) -> None:
    """What is not taken must be sent again; a busy server holds all others back."""
    with web_server() as server:
        server.answers = [status]
        with pytest.raises(error, match=str(status)) as caught:
            webhook(server.url).send(alert(), "id")

    assert type(caught.value) is error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """Another host must get neither the file names nor the path with the token."""
    with web_server() as server, web_server() as other:
        server.answers, server.location = [status], f"{other.url}/{SECRET}"
        with pytest.raises(PermanentError, match="redirect"):
            webhook(server.url).send(alert(), "id")

    assert (len(server.got), other.got) == (1, [])


def test_a_server_that_does_not_answer_is_left_in_time() -> None:
    """A tick has a minute, for everything."""
    with web_server() as server:
        held = threading.Event()
        server.before = lambda: held.wait(20)
        found = replace(webhook(server.url), socket_seconds=0.3)
        before = time.monotonic()
        with pytest.raises(TransientError, match="in time"):
            found.send(alert(), "id")
        took = time.monotonic() - before
        held.set()

    assert took < SOCKET_SECONDS / 2


def test_a_server_that_sends_a_byte_at_a_time_is_left_in_time() -> None:
    """Each byte starts the time-out of a socket anew."""
    with web_server() as server:
        server.drip_seconds = 0.05
        found = replace(webhook(server.url), send_seconds=0.5)
        before = time.monotonic()
        with pytest.raises(TransientError, match=r"within 0\.5 s"):
            found.send(alert(), "id")
        took = time.monotonic() - before

    assert took < SOCKET_SECONDS / 2


def test_nobody_there_is_an_error_that_may_pass() -> None:
    """A chat program is restarted, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(TransientError, match="Connection refused") as caught:
            webhook(url).send(alert(), "id")

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_server_that_hangs_up_is_an_error_that_may_pass() -> None:
    """What became of the message nobody knows, so it is sent again."""
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        listener.accept()[0].close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(TransientError) as caught:
        webhook(f"http://127.0.0.1:{listener.getsockname()[1]}").send(alert(), "id")
    thread.join()
    listener.close()

    assert SECRET not in str(caught.value)


def test_a_certificate_is_checked(
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever sits in between would get the token."""
    with web_server(certificate) as server:
        with pytest.raises(TransientError, match="certificate is not trusted"):
            webhook(server.url).send(alert(), "id")
        assert server.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        webhook(server.url).send(alert(), "id")
        assert len(server.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/s3cr3t",
        "file:///etc/s3cr3t",
        "//host/s3cr3t",
        "http:///s3cr3t",
        "http://host:s3cr3t/",
        "http://host:99999/s3cr3t",
        "http://[::1/s3cr3t",
        "http://host/s3cr3t\r\nX-Evil: 1",
        "http://host/s3cr3t two",
        "http://höst/s3cr3t",
        "s3cr3t",
    ],
)
def test_an_url_that_cannot_be_is_refused_without_being_shown(url: str) -> None:
    """It is a password."""
    settings = Settings.from_environment({"BULK_PIPELINE_ALERT_WEBHOOK": url})
    with pytest.raises(ConfigurationError, match="ALERT_WEBHOOK") as caught:
        Webhook.of(settings)

    assert "s3cr3t" not in str(caught.value)


def test_nothing_shows_the_url() -> None:
    """Logs and traces quote objects."""
    found = webhook("https://chat.example.com")
    settings = Settings.from_environment(
        {"BULK_PIPELINE_ALERT_WEBHOOK": f"https://chat.example.com/{SECRET}"}
    )

    assert SECRET not in repr(found) + str(found)
    assert SECRET not in repr(settings) + str(settings)


def test_a_message_stays_small_whatever_people_call_their_files() -> None:
    """Chat programs refuse what is long."""
    huge = alert(*(["😀" * 255] * 50), more=450)
    with web_server() as server:
        webhook(server.url).send(huge, "id")
        [(_, body)] = server.got

    assert len(body) < 28_000
