"""The ways by which an alert leaves: which are set up, and what sending one may raise.

No error of a channel holds an address, a login or what the other side wrote: a webhook
URL is a password, and a mail server may repeat one.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.alerts import Alert
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    ConfigurationError,
    PermanentError,
    TransientError,
)

WEBHOOK, MAIL, UI = "webhook", "mail", "ui"
SOCKET_SECONDS = 10.0
"""Wait for one answer of the other side."""
SEND_SECONDS = 20.0
"""Wait for a whole message, below the minute that Dagster gives a tick."""


class Channel(Protocol):
    """One way to tell people."""

    @property
    def name(self) -> str:
        """What the outbox calls it."""

    def send(self, alert: Alert, identity: str) -> None:
        """Tell; returns once the other side has said that it took the message.

        Args:
            alert: what is told.
            identity: the same for the same message, should it be sent twice.

        Raises:
            TransientError: the other side is not there, or takes nothing now.
            PermanentError: it does not take this message, or not from us.
        """


def wanted(settings: Settings) -> tuple[str, ...]:
    """Channels that messages are kept for: the UI, and what is set up, even in part."""
    mail = (settings.alert_smtp_url, settings.alert_from, settings.alert_to)
    return (
        UI,
        *([WEBHOOK] if settings.alert_webhook else []),
        *([MAIL] if any(mail) else []),
    )


@dataclass(frozen=True, slots=True)
class Unusable:
    """A channel whose settings cannot be: whatever is sent through it says so."""

    name: str
    reason: str

    def send(self, alert: Alert, identity: str) -> None:
        """Send nothing.

        Raises:
            ConfigurationError: always; names the setting.
        """
        del alert, identity
        raise ConfigurationError(self.reason)


def channels(settings: Settings) -> list[Channel]:
    """The channels that leave this machine, as the settings have them."""
    # Ticks that have nothing to send need neither of them.
    from bulk_pipeline.adapters.alert_mail import Mail  # noqa: PLC0415
    from bulk_pipeline.adapters.alert_webhook import Webhook  # noqa: PLC0415

    makers: dict[str, Callable[[Settings], Channel]] = {
        WEBHOOK: Webhook.of,
        MAIL: Mail.of,
    }
    found: list[Channel] = []
    for name in wanted(settings):
        if name not in makers:
            continue
        try:
            _require_link(settings.ui_url)
            found.append(makers[name](settings))
        except ConfigurationError as error:
            found.append(Unusable(name, str(error)))
    return found


def _require_link(url: str) -> None:
    if url and not (url.startswith(("http://", "https://")) and url.isprintable()):
        raise ConfigurationError(
            "BULK_PIPELINE_UI_URL is no http or https URL. Set it to the address "
            "under which people open the UI, such as https://dagster.example.com."
        )


def within(seconds: float, call: Callable[[], None]) -> None:
    """Do something that must be over by then; what comes too late is left behind.

    A time-out of a socket counts anew with each byte, so a server that sends one byte
    at a time could hold a tick for hours.

    Raises:
        TransientError: it took too long; it may have been done all the same.
        PermanentError: it ended with an error that is none of ours.
    """
    work = _Call(call)
    threading.Thread(target=work.run, daemon=True).start()
    if not work.ended.wait(seconds):
        raise TransientError(f"No clear answer came within {seconds:g} s.")
    if work.error is not None:
        raise work.error
    if not work.succeeded:
        raise PermanentError("Sending broke off; the log has the trace.")


@dataclass
class _Call:
    """A call in a thread of its own, and what became of it."""

    call: Callable[[], None]
    error: BulkPipelineError | None = None
    succeeded: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Do it; any error but ours goes to the log of the process."""
        try:
            self.call()
            self.succeeded = True
        except BulkPipelineError as error:
            self.error = error
        finally:
            self.ended.set()
