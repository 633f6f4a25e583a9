"""Other file systems, full disks, files of others: the files stay or come, whole."""

import errno
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import pytest

from bulk_pipeline.adapters import bringing, claiming
from bulk_pipeline.adapters.bringing import bring_in
from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline.adapters.holding import HELD_FILE, HELD_PREFIX
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests.adapters.harness import ended, started
from bulk_pipeline_tests.adapters.inbox_files.disks import link_inbox, small_disk
from bulk_pipeline_tests.adapters.inbox_files.inbox import inbox_in

BRINGING = """
import sys
from pathlib import Path
from bulk_pipeline.adapters.bringing import bring_in
from bulk_pipeline.adapters.home import Home
bring_in(Home(Path(sys.argv[1])), sys.argv[2])
"""

LOOKING = """
import logging, os, sys
from datetime import UTC, datetime
from pathlib import Path
from bulk_pipeline.adapters.intake import claim_settled
from bulk_pipeline_tests.adapters.harness import installation_in
logging.basicConfig()


def look(home):
    found = installation_in(
        Path(home), BULK_PIPELINE_QUIET_SECONDS=0, BULK_PIPELINE_QUOTA_FILES=1
    )
    return claim_settled(found, datetime.now(UTC))


look(sys.argv[2])  # imports all that is needed, while it may still be read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(look(sys.argv[1]))
"""

TICKING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bulk_pipeline.adapters.intake import claim_settled
from bulk_pipeline_tests.adapters.harness import installation_in
home = installation_in(Path(sys.argv[1]), BULK_PIPELINE_QUIET_SECONDS=0)
claim_settled(home, datetime.now(UTC))
"""

MOMENT = 1_000_000_000_000_000_001


@pytest.fixture
def afar(inbox, elsewhere):
    """A home whose inbox is another file system."""
    link_inbox(inbox.home, elsewhere)
    return inbox


def held(inbox):
    """The folders in the inbox that hold claimed files."""
    return [name for name in inbox.left() if name.startswith(HELD_PREFIX)]


def test_a_claim_in_another_file_system_only_renames(afar):
    """An eight-gigabyte file would be copied in a tick that has sixty seconds."""
    path = afar.drop("a.csv", b"a")
    before = path.stat().st_ino
    afar.drop("team/b.csv", b"b")
    afar.look()

    [batch] = afar.batches()
    [folder] = held(afar)
    assert folder == f"{HELD_PREFIX}{batch.key}"
    assert before in {p.stat().st_ino for p in (afar.path / folder).iterdir()}
    assert stat.S_IMODE((afar.path / folder).stat().st_mode) == 0o700
    assert afar.look().unfinished == 0


def test_files_are_brought_in_with_their_dates_and_nothing_stays_behind(afar):
    """The date decides which of two files wins a key."""
    os.utime(afar.drop("a.csv", b"a"), ns=(MOMENT, MOMENT))
    afar.drop("team/b.csv", b"b")
    afar.look()
    [batch] = afar.batches()
    bring_in(afar.home, batch.key)
    bring_in(afar.home, batch.key)

    folder = afar.home.landing(batch.key)
    assert afar.claimed() == {"a.csv": b"a", "b.csv": b"b"}
    assert (folder / batch.uploads[0].stored_name).stat().st_mtime_ns == MOMENT
    assert not (folder / HELD_FILE).exists()
    assert afar.left() == ["team"]
    assert not list(folder.glob("*.partial"))


def test_bringing_in_that_is_killed_goes_on_where_it_was(afar):
    """What had come is left alone, what had not comes, and once."""
    for name in ("a.csv", "b.csv", "c.csv"):
        afar.drop(name, name.encode())
    afar.look()
    [batch] = afar.batches()
    process = started(
        BRINGING, afar.home.root, batch.key, **{VARIABLE: "file brought in"}
    )
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    folder = afar.home.landing(batch.key)
    assert len(list(folder.glob("0*"))) == 1
    assert len(held(afar)) == 1

    assert ended(started(BRINGING, afar.home.root, batch.key)) == ""
    assert afar.claimed() == {n: n.encode() for n in ("a.csv", "b.csv", "c.csv")}
    assert afar.left() == []


def test_a_share_that_is_away_gives_up_no_file(afar, elsewhere):
    """An empty mount point is not the end of the files that were there."""
    afar.drop("a.csv", b"a")
    afar.look()
    [batch] = afar.batches()
    [folder] = held(afar)
    (elsewhere / folder).rename(elsewhere / "away")
    with pytest.raises(TransientError, match=folder):
        bring_in(afar.home, batch.key)

    (elsewhere / "away").rename(elsewhere / folder)
    assert afar.claimed() == {"a.csv": b"a"}


def test_a_batch_whose_landing_is_full_waits_and_is_brought_in_later(tmp_path):
    """The message names the folder; nothing half stays; the files stay."""
    with small_disk(tmp_path / "small", "1m") as disk:
        inbox = inbox_in(tmp_path / "watched")
        (disk / "landing").mkdir()
        inbox.home.landings.symlink_to(disk / "landing")
        content = os.urandom(700_000)
        inbox.drop("a.csv", content)
        inbox.look()
        filler = disk / "filler"
        filler.write_bytes(bytes(500_000))
        [batch] = inbox.batches()
        with pytest.raises(TransientError, match=f"{batch.key}.*bytes are free"):
            bring_in(inbox.home, batch.key)
        left = [path.name for path in inbox.home.landing(batch.key).iterdir()]
        assert sorted(left) == ["batch.json", HELD_FILE]

        filler.unlink()
        assert inbox.claimed() == {"a.csv": content}
        inbox.pipeline.close()


def test_a_disk_that_fills_while_files_come_leaves_no_partial(afar, monkeypatch):
    """Somebody else may take the space after it was counted."""
    afar.drop("a.csv", b"a")
    afar.look()
    [batch] = afar.batches()

    def full(source, target, size):
        """Write something, and then no more."""
        del source, size
        target.write(b"x")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        assert bringing.shutil.copyfileobj is full
        with pytest.raises(TransientError, match="Free some"):
            bring_in(afar.home, batch.key)
    assert not list(afar.home.landing(batch.key).glob(".*"))
    assert afar.claimed() == {"a.csv": b"a"}


def test_a_disk_that_is_full_while_claiming_leaves_the_files_in_the_inbox(tmp_path):
    """One sentence names the folder and what is free; the next look goes on."""
    with small_disk(tmp_path / "small", "256k") as disk:
        inbox = inbox_in(tmp_path / "watched")
        inbox.path.rmdir()
        (disk / "inbox").mkdir()
        (disk / "landing").mkdir()
        inbox.path.symlink_to(disk / "inbox")
        inbox.home.landings.symlink_to(disk / "landing")
        inbox.drop("a.csv", b"a")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            while shutil.disk_usage(disk).free:
                file.write(bytes(4096))
        [trouble] = inbox.look().trouble
        assert inbox.left() == ["a.csv"]
        assert list((disk / "landing").iterdir()) == []
        assert str(inbox.home.landings) in trouble
        assert "bytes are free" in trouble

        filler.unlink()
        assert inbox.look().trouble == ()
        assert inbox.claimed() == {"a.csv": b"a"}
        inbox.pipeline.close()


@pytest.fixture
def open_to_all():
    """A folder that everybody on the machine can reach."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_an_unreadable_file_stays_is_named_and_starves_nobody(open_to_all, tmp_path):
    """Nor does it use up the quota of its folder."""
    inbox = inbox_in(open_to_all / "home")
    os.utime(inbox.drop("closed.csv", b"c"), (0, 0))
    (inbox.path / "closed.csv").chmod(0)
    inbox.drop("open.csv", b"o")
    for path in (inbox.home.root, inbox.path, inbox.path / "open.csv"):
        os.chown(path, 65534, 65534)
    inbox_in(tmp_path / "other").drop("a.csv", b"a")
    process = started(LOOKING, inbox.home.root, tmp_path / "other")
    out, errors = process.communicate()

    assert process.returncode == 0, errors
    assert "1 file may not be read or moved: 'closed.csv'" in out
    assert errors.count("closed.csv") == 1
    assert inbox.left() == ["closed.csv"]
    assert inbox.claimed() == {"open.csv": b"o"}
    inbox.pipeline.close()


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize(
    "point", ["claim begun", "file claimed", "claim landed", "claim entered"]
)
def test_a_tick_that_is_killed_at_any_instant_loses_and_doubles_nothing(
    request, inbox, point, far
):
    """The next tick finishes its claim; every file is loaded, and once."""
    if far:
        link_inbox(inbox.home, request.getfixturevalue("elsewhere"))
    inbox.drop("a.csv", None, "AA")
    inbox.drop("team/b.csv", None, "BB")
    process = started(TICKING, inbox.home.root, **{VARIABLE: point})
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors

    for _ in range(2):
        assert inbox.look().trouble == ()
    for batch in inbox.batches():
        inbox.pipeline.installation.journal.claim(batch)  # as the sensor enters them
        bring_in(inbox.home, batch.key)
    assert inbox.states() == {"a.csv": "loaded", "b.csv": "loaded"}
    assert inbox.pipeline.predictions() == 2
    assert held(inbox) == []


def test_an_empty_folder_of_a_dead_claim_is_swept_and_one_with_files_is_not(
    inbox, caplog
):
    """A user's file is never deleted, whoever put it there."""
    (inbox.path / f"{HELD_PREFIX}dead").mkdir()
    inbox.drop(f"{HELD_PREFIX}other/a.csv", b"a")
    inbox.look()

    assert inbox.left() == [f"{HELD_PREFIX}other"]
    assert f"{HELD_PREFIX}other" in caplog.text


def test_a_claims_folder_without_a_list_keeps_what_is_not_ours(inbox, caplog):
    """Only our own unfinished lists are removed."""
    folder = inbox.home.claim("dead")
    folder.mkdir(parents=True)
    (folder / ".batch.json.x7.partial").write_bytes(b"{")
    (folder / "00000-a").write_bytes(b"a")
    assert claiming.finish_claims(inbox.home) == []

    assert [path.name for path in folder.iterdir()] == ["00000-a"]
    assert str(folder) in caplog.text
