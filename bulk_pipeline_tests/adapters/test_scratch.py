"""Scratch folders: nobody else's business, and swept when their process is dead."""

import os
import tempfile
from pathlib import Path

import pytest

from bulk_pipeline.adapters import scratch
from bulk_pipeline.adapters.locks import FileLock
from bulk_pipeline.adapters.scratch import LOCK, ScratchFolder, sweep_scratch
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started

HOLDING = """
import sys
from bulk_pipeline.adapters.scratch import ScratchFolder
folder = ScratchFolder()
(folder.path / "rows.arrow").write_bytes(b"x")
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that no other test uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def left_behind(here: Path) -> Path:
    """The folder of a process that was killed."""
    process = started(HOLDING, TMPDIR=str(here))
    with killed_at_the_end(process):
        path = Path(process.stdout.readline().strip())
        assert sweep_scratch() == []
        assert (path / "rows.arrow").exists()
    return path


def test_a_scratch_folder_goes_with_its_block(here: Path) -> None:
    """A long-lived process would fill the disk."""
    with ScratchFolder() as path:
        (path / "deep").mkdir()
        assert path.parent == here
    assert list(here.iterdir()) == []


def test_nobody_else_can_look_into_it() -> None:
    """It holds what strangers sent, in a place that all users share."""
    with ScratchFolder() as path:
        assert path.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_is_swept_and_not_before(left_behind: Path) -> None:
    """``kill -9`` leaves no time to clean up; while it lived nothing was taken."""
    assert sweep_scratch() == [left_behind.name]
    assert not left_behind.exists()
    assert sweep_scratch() == []


def test_a_sweep_follows_no_link(left_behind: Path, tmp_path: Path) -> None:
    """Somebody may put a link there that leads to what they want removed."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "accounts.csv").write_text("x")
    (left_behind / "link").symlink_to(precious)
    left_behind.with_name(scratch._prefix() + "link").symlink_to(precious)
    assert sweep_scratch() == [left_behind.name]
    assert (precious / "accounts.csv").exists()


@pytest.mark.parametrize("odd", ["file", "link as lock", "pipe as lock"])
def test_what_is_no_folder_of_ours_stays(here: Path, tmp_path: Path, odd: str) -> None:
    """A name alone proves nothing; and to open a pipe would wait for ever."""
    path = here / (scratch._prefix() + "odd")
    if odd == "file":
        path.write_text("x")
    else:
        path.mkdir()
        if odd == "link as lock":
            (path / LOCK).symlink_to(tmp_path / "elsewhere")
        else:
            os.mkfifo(path / LOCK)
            held = FileLock(path / LOCK)
            assert held.take()
    assert sweep_scratch() == []
    assert os.path.lexists(path)
    assert not (tmp_path / "elsewhere").exists()


def test_folders_of_other_users_stay(
    left_behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator sweeps only what their own programs left."""
    name = left_behind.name
    monkeypatch.setattr(scratch, "_prefix", lambda: name)
    monkeypatch.setattr(scratch.os, "geteuid", lambda: 12345)
    assert sweep_scratch() == []
    assert left_behind.exists()


def test_a_sweep_between_making_and_locking_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder without a lock looks like one that was left behind."""
    made, swept = tempfile.mkdtemp, []

    def made_and_swept(prefix: str) -> str:
        path = made(prefix=prefix)
        if not swept:
            swept.extend(sweep_scratch())
        return path

    monkeypatch.setattr(scratch.tempfile, "mkdtemp", made_and_swept)
    with ScratchFolder() as path:
        assert len(swept) == 1
        assert path.name not in swept
        assert sweep_scratch() == []
        assert path.exists()
