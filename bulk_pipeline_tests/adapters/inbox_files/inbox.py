"""A real home whose inbox is looked at, and what became of the files in it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bulk_pipeline.adapters.batches import Batch, batch_in
from bulk_pipeline.adapters.bringing import bring_in
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.intake import Intake, claim_settled
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
from bulk_pipeline_tests.builders import rows_of, write_csv


@dataclass
class Inbox:
    """A home with an inbox in which every file is quiet at once."""

    pipeline: Pipeline

    @property
    def home(self) -> Home:
        """The home."""
        return self.pipeline.installation.home

    @property
    def path(self) -> Path:
        """Where files are dropped."""
        return self.home.inbox

    def drop(self, name: str, content: bytes | None = None, *symbols: str) -> Path:
        """A file in the inbox: these bytes, or a good row for each symbol."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            return write_csv(path, rows_of(symbols or ("AA",), [2001]))
        path.write_bytes(content)
        return path

    def look(self) -> Intake:
        """One look, as a tick has it."""
        return claim_settled(self.pipeline.installation, datetime.now(UTC))

    def batches(self) -> list[Batch]:
        """What has landed, in the order in which it is to run."""
        if not self.home.landings.exists():
            return []
        folders = self.home.landings.glob("[!.]*")
        return sorted(map(batch_in, folders), key=lambda batch: batch.created_at)

    def claimed(self) -> dict[str, bytes]:
        """Name → content, of every file that has landed or been brought in."""
        found = {}
        for batch in self.batches():
            bring_in(self.home, batch.key)
            for upload in batch.uploads:
                path = self.home.landing(batch.key) / upload.stored_name
                found[upload.file_name] = path.read_bytes()
        return found

    def left(self) -> list[str]:
        """Names of all that lies in the inbox itself, ours included."""
        return sorted(path.name for path in self.path.iterdir())

    def states(self) -> dict[str, str]:
        """Run every landed batch; file name → what became of it."""
        for batch in self.batches():
            self.pipeline.run(batch.key)
        uploads = self.pipeline.installation.journal.uploads()
        return {upload.file: upload.state for upload in uploads}


def inbox_in(folder: Path, **variables: Any) -> Inbox:
    """A home in a folder, with settings by their variable."""
    given = {"BULK_PIPELINE_QUIET_SECONDS": 0, **variables}
    made = Inbox(Pipeline(installation_in(folder, **given)))
    made.path.mkdir(parents=True)
    return made


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    """A home with an empty inbox."""
    made = inbox_in(tmp_path / "watched")
    with closing(made.pipeline):
        yield made
