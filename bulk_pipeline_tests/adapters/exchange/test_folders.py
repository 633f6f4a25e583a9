"""A folder as an exchange: what a file system does that no bucket does."""

import errno
import os
from pathlib import Path

import pytest

from bulk_pipeline.adapters.exchange.folder import FolderStore
from bulk_pipeline.adapters.exchange.store import StoreBusy


def test_a_folder_behind_a_link_is_not_listed(tmp_path: Path) -> None:
    """What is listed is removed, and it is somebody else's."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"x")
    inside = tmp_path / "exchange"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "outside")

    assert FolderStore(inside).sizes("link") == {}


def test_a_folder_that_can_no_longer_be_listed_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Housekeeping would say for years that there is nothing to remove."""
    store = FolderStore(tmp_path)
    store.write("a/b", b"x")

    def stale(path: object) -> object:
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    assert store.sizes("not-there") == {}
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", stale)
        with pytest.raises(StoreBusy, match="Stale file handle"):
            store.sizes("")


def test_what_a_file_system_refuses_is_named(tmp_path: Path) -> None:
    """A step on a worker shows our message, or only a trace."""
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(StoreBusy, match=r"a/b in the exchange cannot be used"):
        FolderStore(tmp_path).write("a/b", b"x")
