"""Alerts as JSON to a URL: chat programs and incident tools take them so."""

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from bulk_pipeline.adapters.alert_channels import (
    SEND_SECONDS,
    SOCKET_SECONDS,
    WEBHOOK,
    within,
)
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.alerts import Alert, document
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
    TransientError,
)

VARIABLE = "BULK_PIPELINE_ALERT_WEBHOOK"
MOST_BYTES = 100_000
_LATER = frozenset({408, 425, 429})
"""Client errors that mean "not now"."""
_FIRST_ERROR, _FIRST_SERVER_ERROR = 400, 500


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The secret in the URL, and what is told, go to the host that was named."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        """Never; the caller sees the answer as it came."""
        del arguments, named


@dataclass(frozen=True, slots=True)
class Webhook:
    """Sends to one URL; proxies are those of the environment. ``repr`` hides it."""

    url: str = field(repr=False)
    ui_url: str = ""
    socket_seconds: float = SOCKET_SECONDS
    send_seconds: float = SEND_SECONDS
    name: str = WEBHOOK

    @classmethod
    def of(cls, settings: Settings) -> "Webhook":
        """The webhook of the settings.

        Raises:
            ConfigurationError: the URL is none that can be sent to; it is not shown.
        """
        secret = settings.alert_webhook
        url = secret.get_secret_value().strip() if secret else ""
        try:
            parts = urllib.parse.urlsplit(url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname)
            sound = sound and (parts.port is None or parts.port > 0)
        except ValueError:
            sound = False
        if not sound or not url.isprintable() or " " in url or not url.isascii():
            raise ConfigurationError(
                f"{VARIABLE} is no http or https URL. Copy it again from the program "
                "that gives it, such as https://chat.example.com/hooks/..."
            )
        return cls(url, settings.ui_url)

    def send(self, alert: Alert, identity: str) -> None:
        """Post the message once; a redirect counts as a refusal.

        Raises:
            TransientError: nobody answers, or the answer is 408, 425, 429 or 5xx.
            PermanentError: any other answer than 2xx.
        """
        message = document(alert, identity, self.ui_url)
        body = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
        if len(body) > MOST_BYTES:
            raise PermanentError(f"The message is longer than {MOST_BYTES:,} bytes.")
        within(self.send_seconds, lambda: self._post(body))

    def _post(self, body: bytes) -> None:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "bulk_pipeline",
        }
        request = urllib.request.Request(  # noqa: S310  # the scheme was checked
            self.url, body, headers, method="POST"
        )
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=self.socket_seconds):
                return
        except urllib.error.HTTPError as error:
            code = error.code
            error.close()
        except (OSError, http.client.HTTPException) as error:
            # From None, and in our words: theirs may hold the URL.
            raise TransientError(_unreached(error)) from None
        if code in _LATER or code >= _FIRST_SERVER_ERROR:
            raise TransientError(f"The webhook answered {code}.")
        if code < _FIRST_ERROR:
            raise PermanentError(
                f"The webhook answered {code}, a redirect, which is not followed. Set "
                f"{VARIABLE} to the URL that it leads to."
            )
        raise PermanentError(
            f"The webhook answered {code}. Check {VARIABLE}, or make a new URL there."
        )


def _unreached(error: BaseException) -> str:
    """Why nobody could be asked."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The webhook's certificate is not trusted: {cause.verify_message}."
    if isinstance(cause, TimeoutError):
        return "The webhook did not answer in time."
    if isinstance(cause, OSError) and cause.strerror:
        return f"The webhook cannot be reached: {cause.strerror}."
    return f"The webhook broke the connection off ({type(cause).__name__})."
