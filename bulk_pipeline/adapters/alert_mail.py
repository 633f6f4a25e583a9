"""Alerts by e-mail."""

import logging
import smtplib
import socket
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from bulk_pipeline.adapters.alert_channels import (
    MAIL,
    SEND_SECONDS,
    SOCKET_SECONDS,
    within,
)
from bulk_pipeline.adapters.alert_mail_server import (
    VARIABLE,
    Server,
    require_addresses,
    server_of,
)
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.alerts import Alert, headline, one_line, summary
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
    TransientError,
)

logger = logging.getLogger(__name__)
_FIRST_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends to all recipients in one message."""

    server: Server
    sender: str
    recipients: str
    ui_url: str = ""
    socket_seconds: float = SOCKET_SECONDS
    send_seconds: float = SEND_SECONDS
    name: str = MAIL

    @classmethod
    def of(cls, settings: Settings) -> "Mail":
        """The e-mail of the settings.

        Raises:
            ConfigurationError: one of the three settings is missing or cannot be; the
                URL is not shown.
        """
        given = {
            VARIABLE: settings.alert_smtp_url is not None,
            "BULK_PIPELINE_ALERT_FROM": bool(settings.alert_from),
            "BULK_PIPELINE_ALERT_TO": bool(settings.alert_to),
        }
        if missing := [name for name, there in given.items() if not there]:
            raise ConfigurationError(
                f"Alerts by e-mail need {' and '.join(missing)}, too. Set all three of "
                f"{', '.join(given)}, or none."
            )
        require_addresses("BULK_PIPELINE_ALERT_FROM", settings.alert_from, most=1)
        require_addresses("BULK_PIPELINE_ALERT_TO", settings.alert_to, most=100)
        secret = settings.alert_smtp_url
        server = server_of(secret.get_secret_value() if secret else "")
        return cls(server, settings.alert_from, settings.alert_to, settings.ui_url)

    def send(self, alert: Alert, identity: str) -> None:
        """Hand the message to the server, over TLS with a certificate it can prove.

        Raises:
            TransientError: the server is not there, or says that it cannot now (4xx).
            PermanentError: it refused the login, the sender or every recipient.
        """
        message = self.message(alert, identity)
        within(self.send_seconds, lambda: self._deliver(message))

    def message(self, alert: Alert, identity: str) -> EmailMessage:
        """The e-mail; names of files cannot add a line to its header."""
        made = EmailMessage(policy=SMTP)
        made["Subject"] = one_line(f"[bulk_pipeline] {headline(alert)}")
        made["From"] = self.sender
        made["To"] = self.recipients
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = f"<{identity}@bulk-pipeline.invalid>"
        made["Auto-Submitted"] = "auto-generated"
        made.set_content(summary(alert, self.ui_url), charset="utf-8")
        return made

    def _deliver(self, message: EmailMessage) -> None:
        try:
            with ExitStack() as stack:
                server = self._connected(stack)
                refused = server.send_message(message)
                # The message is theirs by now, however they take the farewell.
                with suppress(OSError):
                    server.quit()
        except smtplib.SMTPException as error:
            raise _told(error) from None
        except OSError as error:
            raise TransientError(_unreached(error)) from None
        except UnicodeError:
            raise PermanentError(
                f"The host, the user or the password in {VARIABLE} holds characters "
                "that mail servers do not take."
            ) from None
        if refused:
            logger.warning("The mail server refused %d recipients.", len(refused))

    def _connected(self, stack: ExitStack) -> smtplib.SMTP:
        """A connection that is encrypted and logged in as the settings want it."""
        found, timeout = self.server, self.socket_seconds
        context = ssl.create_default_context()
        # Not the full name, for which smtplib would ask a name server.
        us = socket.gethostname()
        server: smtplib.SMTP
        if found.tls == "smtps":
            server = smtplib.SMTP_SSL(
                found.host, found.port, us, timeout=timeout, context=context
            )
        else:
            server = smtplib.SMTP(found.host, found.port, us, timeout=timeout)
        stack.callback(server.close)
        if found.tls == "starttls":
            server.starttls(context=context)
        if found.user:
            server.login(found.user, found.password)
        return server


def _unreached(error: OSError) -> str:
    """Why the server could not be talked to."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The mail server's certificate is not trusted: {error.verify_message}."
    if isinstance(error, TimeoutError) or not error.strerror:
        return "The mail server did not answer in time."
    return f"The mail server cannot be reached: {error.strerror}."


def _told(error: smtplib.SMTPException) -> PermanentError | TransientError:
    """Our error for what a mail server said: its number, never its words."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return PermanentError(
            "The mail server offers no STARTTLS, no login or no UTF-8 addresses. Use "
            f"smtps:// in {VARIABLE}, or ?starttls=no where the way there is safe."
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        what, code = "every recipient", codes[0]
    elif isinstance(error, smtplib.SMTPAuthenticationError):
        what, code = "the login", error.smtp_code
    elif isinstance(error, smtplib.SMTPSenderRefused):
        what, code = "the sender", error.smtp_code
    elif isinstance(error, smtplib.SMTPResponseException):
        what, code = "the message", error.smtp_code
    else:
        return TransientError("The mail server broke the connection off.")
    text = f"The mail server refused {what} ({code})."
    if code >= _FIRST_PERMANENT:
        return PermanentError(f"{text} Check BULK_PIPELINE_ALERT_ settings.")
    return TransientError(text)
