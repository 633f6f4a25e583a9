"""Whether an upload is read at all: withdrawn ones and repeats are passed over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.reports import ReadState
from bulk_pipeline.adapters.upload_report import shown

_ANEW = "Load the file anew as a new upload if it should be stored."


class KnownUploads:
    """What the database and this batch so far know of a batch's files."""

    def __init__(self, database: Database, batch: Batch) -> None:
        self._database = database
        self._batch = batch
        self._seen: dict[str, str] = {}
        self._receipts: dict[str, list[sa.Row[Any]]] = {}

    def ask(self, digests: Sequence[str]) -> None:
        """Ask the database about the files of the batch, all at once.

        Args:
            digests: hex SHA-256 of each.

        Raises:
            TransientError: it does not answer.
        """
        for receipt in self._database.receipts(digests):
            self._receipts.setdefault(receipt.sha256, []).append(receipt)

    def state(self, key: str, digest: str) -> tuple[ReadState, str]:
        """Whether to read an upload, and if not, why not.

        A withdrawn upload is never read again, since a back-fill must not undo a
        withdrawal; nor is a copy of it that was there when it was withdrawn. A file
        that arrives later is read.

        Args:
            key: the upload.
            digest: hex SHA-256 of its file, one of those that ``ask`` was given.
        """
        receipts = self._receipts.get(digest, [])
        own = [receipt for receipt in receipts if receipt.upload_key == key]
        if own and own[0].withdrawn_at is not None:
            return "withdrawn", f"Withdrawn on {shown(own[0].withdrawn_at)}. {_ANEW}"
        if self._batch.options.force:
            return "read", ""
        if digest in self._seen:
            other = self._seen[digest]
            return "repeated", f"The same content as upload {other} of this batch."
        if own:
            return "read", ""  # it counts already; what came after it is the repeat
        message = self._repeats(receipts)
        return ("repeated", message) if message else ("read", "")

    def was_read(self, key: str, digest: str) -> None:
        """Note an upload that later copies in this batch repeat."""
        self._seen[digest] = key

    def _repeats(self, receipts: Sequence[sa.Row[Any]]) -> str:
        """What an upload with these receipts of its content repeats, if it does."""
        options = self._batch.options.text()
        claimed_at = datetime.fromisoformat(self._batch.created_at)
        same = [receipt for receipt in receipts if receipt.options == options]
        for receipt in same:
            if receipt.withdrawn_at is None:
                return (
                    f"The same content was loaded before as upload "
                    f"{receipt.upload_key} ({receipt.file_name}). Nothing to do; "
                    "--force loads it all the same."
                )
        for receipt in same:
            if claimed_at <= receipt.withdrawn_at:
                return (
                    f"The same content was loaded before as upload "
                    f"{receipt.upload_key} ({receipt.file_name}), which was withdrawn "
                    f"on {shown(receipt.withdrawn_at)}. {_ANEW}"
                )
        return ""
