"""What people are told of uploads that fail or stay away: bounded, in words, as JSON.

File names and reasons are somebody else's text. Whatever leaves here is on one line
each and holds no character that steers a terminal, a header or the order of letters.
"""

import re
import unicodedata
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bulk_pipeline.core.wording import amount

Kind = Literal["failed", "waiting", "quiet", "test"]

MOST_KEPT = 50
"""Uploads of one alert that are kept with it; of more, only the number."""
MOST_TOLD = 10
"""Uploads that a message lists, so that it fits where messages are read."""
NAME_CHARACTERS, REASON_CHARACTERS = 120, 500

_JOINER = "\N{ZERO WIDTH JOINER}"
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKS = str.maketrans({"<": "\u2039", ">": "\u203a", "@": "\uff20"})
"""What begins a link or a mention in chat programs → what only looks like it."""
_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]+@")


@dataclass(frozen=True, slots=True)
class AlertedUpload:
    """One upload that people are told of.

    Attributes:
        key: its key.
        file: the user's name for it.
        submitted_by: the inbox's subfolder it came from, "" for none.
        reason: why it failed or waits.
        batch: what it was claimed with.
    """

    key: str
    file: str
    submitted_by: str
    reason: str
    batch: str


@dataclass(frozen=True, slots=True)
class Alert:
    """Uploads that failed, or wait, told together.

    Attributes:
        kind: failed (for good), waiting (tried again by itself), quiet (no new file
            has come for too long; the upload is the last one), or test.
        batch: their batch; the oldest of several.
        run_id: the last run of it, "" for none.
        uploads: at most ``MOST_KEPT`` of them, oldest first.
        more: how many there are beyond those.
        batches: how many batches they are of.
    """

    kind: Kind
    batch: str
    run_id: str
    uploads: tuple[AlertedUpload, ...]
    more: int = 0
    batches: int = 1

    @property
    def count(self) -> int:
        """How many uploads it is about."""
        return len(self.uploads) + self.more


def sample_alert() -> Alert:
    """An alert by which an operator sees that messages arrive."""
    upload = AlertedUpload(
        "none", "test.csv", "test", "This is a test; no file has failed.", "none"
    )
    return Alert("test", "none", "", (upload,))


def bounded(alert: Alert, most: int) -> Alert:
    """An alert with at most so many uploads in it, and the number of the others."""
    dropped = max(0, len(alert.uploads) - most)
    kept = alert.uploads[:most]
    return replace(alert, uploads=kept, more=alert.more + dropped)


def one_line(text: str, most: int = REASON_CHARACTERS) -> str:
    """A text on one line of at most so many characters.

    Line breaks and tabs become blanks. Other control and direction characters become
    the replacement character, so that a name shows that it is odd.
    """
    blank = " ".join(text[: 4 * most].split())
    safe = "".join(
        "\N{REPLACEMENT CHARACTER}"
        if c != _JOINER and unicodedata.category(c) in _STEERING
        else c
        for c in blank
    )
    return safe if len(safe) <= most else safe[: most - 1] + "…"


def without_password(text: str) -> str:
    """A text in which no URL shows its password."""
    return _PASSWORD.sub(r"\1***@", text)


def headline(alert: Alert) -> str:
    """What has happened, in a few words on one line."""
    if alert.kind == "test":
        return "Test of the alerts of bulk_pipeline"
    if alert.kind == "quiet":
        return "No new file has come for longer than expected"
    files = amount(alert.count, "file")
    if alert.kind == "waiting":
        wait = amount(alert.count, "file waits", "files wait")
        return f"{wait} to be loaded; the oldest batch is {alert.batch}"
    if alert.batches > 1:
        return f"{files} of {alert.batches:,} batches failed"
    return f"{files} of batch {alert.batch} failed"


def run_link(alert: Alert, ui_url: str) -> str:
    """Where the alert's run is in the UI; "" where either is not known."""
    if not (ui_url and alert.run_id):
        return ""
    return f"{ui_url.rstrip('/')}/runs/{alert.run_id}"


def cure(alert: Alert, upload: AlertedUpload) -> str:
    """What a person does about an upload; "" where nothing is to be done yet."""
    return f"bulk-pipeline retry {upload.key}" if alert.kind == "failed" else ""


def summary(alert: Alert, ui_url: str) -> str:
    """The message that people read, a line for each upload.

    Args:
        alert: what is told.
        ui_url: address of the UI, "" for none.
    """
    told = bounded(alert, MOST_TOLD)
    lines = [f"{headline(alert)}."]
    for upload in told.uploads:
        name = one_line(upload.file, NAME_CHARACTERS)
        sender = one_line(upload.submitted_by, NAME_CHARACTERS)
        origin = f" (from {sender})" if sender else ""
        lines.append(f"- {name}{origin}: {one_line(upload.reason)}")
        if command := cure(alert, upload):
            lines.append(f"  Once corrected: {command}")
    if told.more:
        lines.append(f"- and {told.more:,} more")
    if alert.kind == "failed":
        lines.append("All of them: bulk-pipeline uploads --state failed")
    if alert.kind == "quiet":
        lines.append("Look at the sender and at the inbox: bulk-pipeline doctor")
    if alert.kind == "waiting":
        lines.append(
            "They are tried again by themselves. See: bulk-pipeline uploads --state "
            "waiting"
        )
    if link := run_link(alert, ui_url):
        lines.append(f"Run: {link}")
    return "\n".join(lines)


def document(alert: Alert, identity: str, ui_url: str) -> dict[str, Any]:
    """The message as a JSON object for programs; see docs/alerts.md.

    Args:
        alert: what is told.
        identity: the same for the same message, should it arrive twice.
        ui_url: address of the UI, "" for none.
    """
    told = bounded(alert, MOST_TOLD)
    return {
        "text": _harmless(summary(alert, ui_url)),
        "id": identity,
        "kind": alert.kind,
        "batch": alert.batch,
        "run_id": alert.run_id,
        "run_url": run_link(alert, ui_url),
        "uploads": [
            {**asdict(upload), "reason": upload.reason[:REASON_CHARACTERS]}
            for upload in told.uploads
        ],
        "more": told.more,
    }


def _harmless(text: str) -> str:
    """A text in which no chat program finds a mention, a link or mark-up of others."""
    return text.translate(_MARKS).replace("](", "] (")
