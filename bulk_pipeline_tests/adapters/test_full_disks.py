"""A disk without room: nothing is lost, and whoever makes room need do nothing else.

The disk is a small one in memory, which takes a superuser to mount.
"""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from bulk_pipeline.adapters.atomic import write_text
from bulk_pipeline.adapters.batches import Options, Upload, new_batch
from bulk_pipeline.adapters.chunks import write_chunk
from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    IN_PROCESS,
    counts,
    installation_in,
    write_many,
)

MEGABYTES = 16
NO_SPACE = r"No space is left in .*Free some"
DISK_IS_FULL = r"The disk is full .*Free some"


@pytest.fixture
def disk(tmp_path):
    """A folder that holds so many megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", folder)
    if shutil.which("mount") is None or called("mount", *options):
        pytest.skip("mounting a small disk takes a superuser")
    yield folder
    assert called("umount", "-l", folder) == 0


def called(program: str, *arguments: object) -> int:
    """Exit code of a program."""
    found = shutil.which(program)
    assert found is not None
    command = [found, *map(str, arguments)]
    return subprocess.run(command, check=False).returncode


def fill(disk: Path, leave: int) -> Path:
    """Take all room of a disk but so many bytes; returns the file that holds it."""
    path = disk / "somebody-else's"
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - leave)
    return path


@pytest.fixture
def many(tmp_path):
    """A file of 40,000 rows, of which a full disk takes some."""
    return write_many(tmp_path / "many.csv", range(400), range(1900, 2000))


def on_a_disk(make, disk, folder, **variables):
    """A pipeline whose home has one of its folders on a small disk."""
    made = make(ULTRA_BATCH_SIZE=5_000, **variables)
    root = made.installation.home.root
    root.mkdir(exist_ok=True)
    (disk / folder).mkdir()
    (root / folder).symlink_to(disk / folder)
    return made


def test_chunks_that_find_no_room_wait_for_it(make, disk, many) -> None:
    """The files are good: a batch that failed for this would have to be sent again."""
    pipeline = on_a_disk(make, disk, "chunks")
    batch = pipeline.land(many)
    taken = fill(disk, leave=500_000)
    folder = pipeline.installation.home.chunks("")
    with pytest.raises(TransientError, match=f"No space is left in {folder}\\."):
        pipeline.run(batch.key)
    assert list((disk / "chunks").iterdir()) == []
    taken.unlink()
    [upload] = pipeline.run(batch.key).uploads
    assert counts(upload) == (40_000, 40_000, 0, 0, 0, 0)


def test_scores_that_find_no_room_wait_for_it(make, disk, many) -> None:
    """The next attempt begins with the files again."""
    pipeline = on_a_disk(make, disk, "chunks")
    batch = pipeline.land(many)
    rows = pipeline.read(batch.key)
    taken = fill(disk, leave=100_000)
    with pytest.raises(TransientError, match=NO_SPACE):
        pipeline.score(rows)
    taken.unlink()
    [upload] = pipeline.run(batch.key).uploads
    assert upload.inserted == 40_000


@pytest.mark.parametrize("bulk_rows", [IN_PROCESS, BULK_CHILD])
def test_a_load_into_a_full_disk_waits_for_room(
    make, tmp_path, disk, many, bulk_rows
) -> None:
    """Nothing of it is there, and nothing is held against the files."""
    pipeline = make(
        bulk_rows,
        DATABASE_URL=f"sqlite:///{disk}/target.db",
        BULK_PIPELINE_RETRIES=1,
    )
    batch = pipeline.land(many)
    scores = pipeline.score(pipeline.read(batch.key))
    taken = fill(disk, leave=1_000_000)
    with pytest.raises(TransientError, match=DISK_IS_FULL):
        pipeline.publish(scores)
    assert pipeline.seen.is_sound()
    assert pipeline.predictions() == 0
    taken.unlink()
    assert called("mount", "-o", "remount,size=64m", disk) == 0
    [upload] = pipeline.run(batch.key).uploads
    assert upload.inserted == pipeline.predictions() == 40_000


def test_a_journal_without_room_says_so_and_stays_sound(disk) -> None:
    """Ticks ask it first of all: they must have a reason to show."""
    journal = Journal(disk / "journal.db")
    known = journal.home_id()
    taken = fill(disk, leave=0)
    with pytest.raises(TransientError, match=DISK_IS_FULL):
        journal.claim(_batch_of(2_000))
    taken.unlink()
    journal.claim(_batch_of(1))
    assert journal.home_id() == known
    journal.close()


def _batch_of(uploads):
    """A batch of so many uploads that nobody has landed."""
    options = Options.from_settings(Settings.from_environment({}))
    seen = [Upload("", f"{n:0200}.csv", "", 1) for n in range(uploads)]
    return new_batch(seen, options, datetime.now(UTC))


def test_copies_that_find_no_room_leave_nothing(make, disk, many) -> None:
    """Half a batch must not be taken for a whole one."""
    pipeline = on_a_disk(make, disk, "landing")
    fill(disk, leave=100_000)
    with pytest.raises(TransientError, match=NO_SPACE):
        pipeline.land(many)
    assert list((disk / "landing").iterdir()) == []
    assert pipeline.installation.journal.uploads() == []


def test_the_folder_without_room_is_named(disk) -> None:
    """There may be several disks."""
    fill(disk, leave=0)
    for write in (
        lambda: write_text(disk / "sub" / "a.txt", "text"),
        lambda: write_chunk(disk / "a.arrow", pl.DataFrame({"a": range(9_999)})),
    ):
        with pytest.raises(TransientError, match=f"No space is left in {disk}"):
            write()


def test_other_errors_of_the_system_are_left_alone(tmp_path) -> None:
    """Only room comes back by itself."""
    with pytest.raises(FileNotFoundError), room_needed(tmp_path):
        (tmp_path / "none").read_text()
    with pytest.raises(OSError, match="os error 5"), room_needed(tmp_path):
        raise OSError("Input/output error (os error 5)")


def test_a_quota_is_a_full_disk(tmp_path) -> None:
    """The shares of a company have one for each user."""
    with pytest.raises(TransientError, match=NO_SPACE), room_needed(tmp_path):
        raise OSError("Disk quota exceeded (os error 122)")


def test_a_full_disk_is_no_fault_of_the_settings(disk) -> None:
    """A home that cannot be begun says why, too."""
    fill(disk, leave=0)
    installation = installation_in(disk / "home")
    with pytest.raises(TransientError, match=DISK_IS_FULL):
        installation.database.create_tables()
    installation.close()
