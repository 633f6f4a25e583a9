"""Keys of uploads and batches: ours, never a raw file name."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

SLUG_LENGTH = 40
_MOMENT = "%Y%m%dT%H%M%SZ"


def upload_key(now: datetime, token: str) -> str:
    """Key of one upload: the moment it was claimed (UTC) and a random token."""
    return f"{now:{_MOMENT}}-{token}"


def batch_key(now: datetime, upload_keys: Sequence[str], names: Sequence[str]) -> str:
    """Key of a batch: moment (UTC), six hex digits over its uploads, and a slug.

    Args:
        now: when the batch was claimed, UTC.
        upload_keys: keys of its uploads.
        names: their file names; one gives the slug, several give ``500-files``.
    """
    digest = hashlib.sha256("\n".join(upload_keys).encode()).hexdigest()[:6]
    label = slug(names[0]) if len(names) == 1 else f"{len(names)}-files"
    if label.endswith("refused"):
        label += "-file"  # the partition that shows a batch's refused files ends so
    return f"{now:{_MOMENT}}-{digest}-{label}"


def slug(name: str) -> str:
    """A file name as lower-case letters, digits and single hyphens, at most 40."""
    plain = unicodedata.normalize("NFKD", name.rsplit(".", 1)[0] or name)
    ascii_only = plain.encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only)[:SLUG_LENGTH].strip("-")
    return words or "file"
