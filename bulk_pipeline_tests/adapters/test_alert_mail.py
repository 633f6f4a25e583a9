"""Laws of alerts by e-mail, against a real server."""

import time
from dataclasses import replace
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import quote

import pytest

from bulk_pipeline.adapters.alert_channels import SOCKET_SECONDS
from bulk_pipeline.adapters.alert_mail import Mail
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
    mail_server,
)

PASSWORD = "s3cr3t p@ss/w?rd%"  # noqa: S105  # of nobody
LOGIN = f"alerts%40example.com:{quote(PASSWORD, safe='')}@"
HOSTILE = "a.csv\r\nBcc: all@example.com\r\n\r\nHello\u2028X-Evil: 1"


def mail(url: str, **variables: str) -> Mail:
    """The e-mail of the settings with this URL."""
    given = {
        "BULK_PIPELINE_ALERT_SMTP_URL": url,
        "BULK_PIPELINE_ALERT_FROM": "bulk@example.com",
        "BULK_PIPELINE_ALERT_TO": "one@example.com, Two Büro <two@example.com>",
        **variables,
    }
    return Mail.of(Settings.from_environment(given))


def plain(port: int, login: str = "") -> str:
    """The URL of a server on this machine, without encryption."""
    return f"smtp://{login}127.0.0.1:{port}?starttls=no"


def test_everybody_gets_the_message_with_names_as_they_are() -> None:
    """Whoever dropped Übersicht.xlsx looks for that name."""
    with mail_server() as server:
        mail(plain(server.port)).send(alert("Übersicht 決算 😀.xlsx"), "id-1")

    message = server.message
    assert server.recipients == [["one@example.com", "two@example.com"]]
    assert message["Subject"] == "[bulk_pipeline] 1 file of batch b failed"
    assert getaddresses([message["To"]])[1] == ("Two Büro", "two@example.com")
    assert message["Message-ID"] == "<id-1@bulk-pipeline.invalid>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo is not None
    text = message.get_content()
    assert "Übersicht 決算 😀.xlsx (from team-a): No columns in 0." in text
    assert "bulk-pipeline retry key-0" in text
    assert all(len(line) < 1000 for line in server.got[0].split(b"\r\n"))


def test_no_name_can_add_a_header_or_a_recipient() -> None:
    """Anybody may name a file anything."""
    hostile = alert(HOSTILE, batch=HOSTILE, kind="waiting")
    with mail_server() as server:
        mail(plain(server.port)).send(hostile, "id-1")

    message = server.message
    assert "Bcc" not in message
    assert "X-Evil" not in message
    assert server.recipients == [["one@example.com", "two@example.com"]]
    head = server.got[0].split(b"\r\n\r\n")[0]
    assert b"\r\nBcc" not in head
    assert "Hello" in message["Subject"]


def test_a_line_with_a_dot_does_not_end_the_message() -> None:
    """The rest of it would be read as commands."""
    hostile = alert("a.csv", uploads=alert(".", "..\r\n.\r\nRSET").uploads)
    with mail_server() as server:
        mail(plain(server.port)).send(hostile, "id-1")

    assert "All of them" in server.message.get_content()


def test_the_way_is_encrypted_and_the_server_proves_its_name(
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever sits in between would get the password."""
    with mail_server(certificate) as server:
        found = mail(f"smtp://{LOGIN}127.0.0.1:{server.port}")
        with pytest.raises(TransientError, match="certificate is not trusted"):
            found.send(alert(), "id")
        assert (server.logins, server.got) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        found.send(alert(), "id")

    assert server.logins == [("alerts@example.com", PASSWORD)]
    assert server.encrypted == [True]


def test_smtps_is_encrypted_from_the_first_byte(
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many providers offer port 465 only."""
    with mail_server(certificate, tls_first=True) as server:
        found = mail(f"smtps://{LOGIN}127.0.0.1:{server.port}")
        with pytest.raises(TransientError, match="certificate is not trusted"):
            found.send(alert(), "id")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        found.send(alert(), "id")

    assert server.encrypted == [True]


def test_a_server_without_encryption_gets_neither_login_nor_message() -> None:
    """Somebody in between only needs to leave STARTTLS out of the answer."""
    with (
        mail_server() as server,
        pytest.raises(PermanentError, match="offers no STARTTLS"),
    ):
        mail(f"smtp://{LOGIN}127.0.0.1:{server.port}").send(alert(), "id")

    assert (server.logins, server.got) == ([], [])


@pytest.mark.parametrize(
    ("word", "answer", "error", "said"),
    [
        ("AUTH", f"535 no: {PASSWORD}", PermanentError, "the login (535)"),
        ("MAIL", "550 not you", PermanentError, "the sender (550)"),
        ("RCPT", "550 unknown", PermanentError, "every recipient (550)"),
        ("RCPT", "450 later", TransientError, "every recipient (450)"),
        ("DATA", "451 later", TransientError, "the message (451)"),
        (".", "554 spam", PermanentError, "the message (554)"),
        ("EHLO", "421 busy", TransientError, "(421)"),
    ],
)
def test_what_a_server_refuses_is_said_by_its_number(
    word: str, answer: str, error: type[BulkPipelineError], said: str
) -> None:
    """Its words may repeat the password."""
    with mail_server() as server:
        server.answers = {word: answer, **({"HELO": answer} if word == "EHLO" else {})}
        with pytest.raises(BulkPipelineError) as caught:
            mail(plain(server.port, LOGIN)).send(alert(), "id")

    assert type(caught.value) is error
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert server.got == []


def test_a_message_that_was_taken_is_sent_whatever_follows() -> None:
    """A rude farewell must not send it to everybody twice."""
    with mail_server() as server:
        server.answers = {"QUIT": "500 what"}
        mail(plain(server.port)).send(alert(), "id")

    assert len(server.got) == 1


def test_a_server_that_is_silent_is_left_in_time() -> None:
    """A tick has a minute, for everything."""
    with mail_server() as server:
        server.answers = {"MAIL": "250-one more line follows"}
        found = replace(mail(plain(server.port)), socket_seconds=0.3)
        before = time.monotonic()
        with pytest.raises(TransientError):
            found.send(alert(), "id")

    assert time.monotonic() - before < SOCKET_SECONDS / 2


def test_nobody_there_is_an_error_that_may_pass() -> None:
    """Mail servers are restarted, too."""
    with mail_server() as server:
        port = server.port
    with pytest.raises(TransientError, match="Connection refused"):
        mail(plain(port, LOGIN)).send(alert(), "id")


def test_a_password_that_no_server_takes_is_not_shown() -> None:
    """Python's own error would end in a trace."""
    with (
        mail_server() as server,
        pytest.raises(PermanentError, match="characters") as caught,
    ):
        mail(plain(server.port, "user:s3cr3t%C3%A4@")).send(alert(), "id")

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "missing",
    [
        "BULK_PIPELINE_ALERT_SMTP_URL",
        "BULK_PIPELINE_ALERT_FROM",
        "BULK_PIPELINE_ALERT_TO",
    ],
)
def test_a_setting_that_is_missing_is_named(missing: str) -> None:
    """Two of three say nothing about the third."""
    with pytest.raises(ConfigurationError, match=f"need {missing}"):
        mail("smtp://host", **{missing: ""})


@pytest.mark.parametrize(
    "url",
    [
        "http://u:s3cr3t@host",
        "smtp://",
        "smtp://u:s3cr3t@host:port",
        "smtp://u:s3cr3t@host?starttls=maybe",
        "smtps://u:s3cr3t@host?starttls=no",
        "smtp://u:s3cr3t@host?tls=no",
        "s3cr3t",
        "smtp://[::1",
    ],
)
def test_an_url_that_cannot_be_is_refused_without_being_shown(url: str) -> None:
    """A word that is not understood must not mean "without encryption"."""
    with pytest.raises(ConfigurationError, match="ALERT_SMTP_URL") as caught:
        mail(url)

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("BULK_PIPELINE_ALERT_FROM", "somebody"),
        ("BULK_PIPELINE_ALERT_FROM", "a@example.com, b@example.com"),
        ("BULK_PIPELINE_ALERT_FROM", "a@example.com\nBcc: b@example.com"),
        ("BULK_PIPELINE_ALERT_TO", "a@example.com; b@example.com"),
        ("BULK_PIPELINE_ALERT_TO", "a@example.com, ,"),
        ("BULK_PIPELINE_ALERT_TO", "a@example.com\r\nSubject: x"),
    ],
)
def test_what_is_no_address_is_refused_by_name(variable: str, text: str) -> None:
    """A server that takes the message and drops it says nothing."""
    with pytest.raises(ConfigurationError, match=variable):
        mail("smtp://host", **{variable: text})


def test_nothing_shows_the_login() -> None:
    """Logs and traces quote objects."""
    url = "smtp://user:s3cr3t@host:25"
    settings = Settings.from_environment({"BULK_PIPELINE_ALERT_SMTP_URL": url})

    assert "s3cr3t" not in repr(mail(url)) + repr(settings)
    assert mail(url).server.port == 25
    assert mail("smtp://host").server.port == 587
    assert mail("smtps://host").server.port == 465
