"""Laws of a folder as a store: no put is whole by itself, and links lead out."""

import subprocess
import sys
from pathlib import Path

import pytest

from bulk_pipeline.adapters.exchange.folder import FolderStore
from bulk_pipeline.core.errors import (
    ConfigurationError,
    TransientError,
)
from bulk_pipeline_tests.adapters.exchange.conftest import exchange_at

HALF_WRITTEN = """
import os, signal, sys
from pathlib import Path
from bulk_pipeline.adapters.exchange.folder import FolderStore
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
FolderStore(Path(sys.argv[1])).write("a/b", b"new")
"""


def test_a_killed_writer_leaves_the_old_object(tmp_path: Path) -> None:
    """A folder has no put that is whole by itself."""
    FolderStore(tmp_path).write("a/b", b"old")
    done = subprocess.run(
        [sys.executable, "-c", HALF_WRITTEN, str(tmp_path)], check=False
    )

    assert done.returncode == -9
    assert FolderStore(tmp_path).read("a/b") == b"old"
    [left] = [name for name in FolderStore(tmp_path).sizes("") if name != "a/b"]
    assert left.startswith("a/.b.")
    assert left.endswith(".partial")


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Below a mount that is missing it would fill the disk, and nobody would read."""
    with pytest.raises(ConfigurationError, match=r"no folder on this machine.*Mount"):
        exchange_at(f"file://{tmp_path / 'mount'}")
    assert not (tmp_path / "mount").exists()


def test_folders_that_are_empty_go_and_the_exchange_stays(tmp_path: Path) -> None:
    """Years of batches would leave a folder each."""
    store = FolderStore(tmp_path)
    store.write("a/b/c", b"x")
    store.write("a/d", b"x")
    store.remove(["a/b/c"])
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["d"]
    store.remove(["a/d"])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """Whoever makes room clears it for all batches."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    (tmp_path / "a").mkdir()
    store = FolderStore(tmp_path)

    def no_room(*_: object) -> int:
        with Path("/dev/full").open("wb", buffering=0) as full:
            return full.write(b"x")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", no_room)
        with pytest.raises(TransientError, match="No space is left"):
            store.write("a/b", b"x")
    assert store.sizes("") == {}


def test_a_file_behind_another_name_is_not_followed(tmp_path: Path) -> None:
    """A link in the exchange must not lead housekeeping out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"x")
    inside = tmp_path / "exchange"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "file").symlink_to(outside / "file")
    store = FolderStore(inside)

    assert set(store.sizes("")) == {"file"}
    store.remove(["file"])
    assert (outside / "file").read_bytes() == b"x"
