"""Claiming: a dropped file is in the inbox or in a landed batch, never nowhere."""

import os
import signal
from datetime import UTC, datetime

import pytest

from bulk_pipeline.adapters import claiming, looking
from bulk_pipeline.adapters.batches import Options, batch_in, read_batch
from bulk_pipeline.adapters.bringing import bring_in
from bulk_pipeline.adapters.claiming import CLAIM_PREFIX, claim, finish_claims, look
from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.core.inbox import FileStamp
from bulk_pipeline_tests.adapters.harness import ended, started
from bulk_pipeline_tests.adapters.inbox_files.disks import (  # noqa: F401  # a fixture
    elsewhere,
    link_inbox,
)

OPTIONS = Options("skip", "keep", "Q4", "percent")
NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

CLAIMING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.claiming import claim, look
from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline.adapters.home import Home
home = Home(Path(sys.argv[1]))
options = Options("skip", "keep", "Q4", "percent")
claim(home, look(home.inbox), options, datetime.now(UTC))
"""


@pytest.fixture
def home(tmp_path) -> Home:
    """A home with an empty inbox."""
    made = Home(tmp_path / "home")
    made.inbox.mkdir(parents=True)
    return made


def drop(home, *names):
    """Files in the inbox, each with its own name in it."""
    for name in names:
        path = home.inbox / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.fsencode(name))


def contents(home):
    """What lies in the inbox and in whole landed batches, by content."""
    files = [f for f in home.inbox.rglob("*") if f.is_file()]
    for folder in home.landings.glob("[!.]*"):
        bring_in(home, folder.name)
        batch = batch_in(folder)
        files += [folder / upload.stored_name for upload in batch.uploads]
    there = {file for file in files if file.exists()}
    return sorted(os.fsdecode(file.read_bytes()) for file in there)


def hidden(home):
    """Folders of ours that are left in the inbox."""
    return [f.name for f in home.inbox.rglob(".*")]


def claimed(home):
    """A batch of all that is in the inbox."""
    return claim(home, look(home.inbox), OPTIONS, NOW)


def test_a_claim_moves_files_and_keeps_their_names_and_senders(home) -> None:
    """The name is for people, the stored name for us; both are needed later."""
    drop(home, "a.csv", "team/b.csv")
    batch = claimed(home)

    assert batch is not None
    found = {(u.file_name, u.submitted_by) for u in batch.uploads}
    assert found == {("a.csv", ""), ("b.csv", "team")}
    for upload in batch.uploads:
        path = home.landing(batch.key) / upload.stored_name
        assert path.read_text().endswith(upload.file_name)
        assert upload.bytes == path.stat().st_size
        assert upload.modified_ns == path.stat().st_mtime_ns
    assert read_batch(home, batch.key) == batch
    assert look(home.inbox) == []


def test_an_inbox_that_is_missing_is_made(tmp_path) -> None:
    """Somebody tidied up; the next drop must find its folder."""
    inbox = tmp_path / "home" / "inbox"

    assert look(inbox) == []
    assert inbox.is_dir()


def test_a_file_that_is_gone_by_then_is_left_out(home) -> None:
    """A user may take a file back between the look and the claim."""
    drop(home, "a.csv", "b.csv")
    stamps = look(home.inbox)
    (home.inbox / "a.csv").unlink()
    batch = claim(home, stamps, OPTIONS, NOW)

    assert batch is not None
    assert [upload.file_name for upload in batch.uploads] == ["b.csv"]
    assert claim(home, stamps, OPTIONS, NOW) is None
    assert [folder.name for folder in home.landings.iterdir()] == [batch.key]


@pytest.mark.parametrize("point", ["claim begun", "file claimed", "claim landed"])
@pytest.mark.parametrize("inbox", ["here", "elsewhere"])
def test_a_claim_killed_anywhere_loses_nothing(request, home, point, inbox) -> None:
    """Each file is in the inbox or in a batch after the next tick, and once."""
    if inbox == "elsewhere":
        link_inbox(home, request.getfixturevalue("elsewhere"))
    names = ["a.csv", "b.csv", "team/c.csv"]
    drop(home, *names)
    process = started(CLAIMING, home.root, **{VARIABLE: point})
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors

    finish_claims(home)
    assert contents(home) == names
    assert not list(home.landings.glob(f"{CLAIM_PREFIX}*"))
    claimed(home)
    assert contents(home) == names
    assert look(home.inbox) == []
    assert hidden(home) == []


def test_a_claim_killed_while_its_list_was_written_is_cleared_away(home) -> None:
    """The half-written list would otherwise stop every tick from now on."""
    folder = home.landings / f"{CLAIM_PREFIX}key"
    folder.mkdir(parents=True)
    (folder / ".batch.json.x7").write_text("{")

    assert finish_claims(home) == []
    assert not folder.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"two\nlines.csv",
        b"-rf.csv",
        "Übung 財務.csv".encode(),
        b"x" * 251 + b".csv",
        b"\xff" * 255,
        b"batch.json",
        b"REASON.txt",
        b"$(touch x);'\".csv",
    ],
)
def test_odd_names_are_claimed_under_names_of_ours(home, name) -> None:
    """A user's name never becomes a path, and never ends a batch."""
    drop(home, os.fsdecode(name))
    batch = claimed(home)

    assert batch is not None
    [upload] = batch.uploads
    upload.file_name.encode("utf-8")
    assert upload.stored_name.isascii()
    assert len(upload.stored_name) < 60
    path = home.landing(batch.key) / upload.stored_name
    assert path.read_bytes() == name
    assert read_batch(home, batch.key) == batch


def test_a_look_passes_over_what_is_no_file(home, tmp_path) -> None:
    """Nothing outside the inbox is ever read, and a pipe would never end."""
    drop(home, "a.csv", "team/b.csv", ".hidden/c.csv")
    (home.inbox / "team" / "deep").mkdir()
    (home.inbox / "team" / "deep" / "d.csv").write_text("d")
    (home.inbox / "link.csv").symlink_to(home.inbox / "a.csv")
    (home.inbox / "team-link").symlink_to(tmp_path)
    os.mkfifo(home.inbox / "pipe.csv")

    found = {(stamp.folder, stamp.name) for stamp in look(home.inbox)}
    assert found == {("", "a.csv"), ("team", "b.csv")}


def test_a_file_that_may_not_be_moved_keeps_no_other_waiting(
    home, monkeypatch, caplog
) -> None:
    """One team's file permissions must not stop the files of all the others."""
    drop(home, "a.csv", "b.csv", "c.csv")
    real = claiming._move

    def move(source, target) -> None:
        """Refuse one file, as the file system would."""
        if source.name == "b.csv":
            raise PermissionError(1, "Operation not permitted", str(source))
        real(source, target)

    monkeypatch.setattr(claiming, "_move", move)
    batch = claimed(home)

    assert batch is not None
    assert {upload.file_name for upload in batch.uploads} == {"a.csv", "c.csv"}
    assert [stamp.name for stamp in look(home.inbox)] == ["b.csv"]
    assert "b.csv" in caplog.text


def test_a_folder_that_may_not_be_read_keeps_no_other_waiting(
    home, monkeypatch, caplog
) -> None:
    """One team's folder permissions must not stop the files of all the others."""
    drop(home, "closed/a.csv", "open/b.csv")
    real = looking._files

    def files(folder, name):
        """Refuse one folder, as the file system would."""
        if name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder, name)

    monkeypatch.setattr(looking, "_files", files)

    assert [stamp.name for stamp in look(home.inbox)] == ["b.csv"]
    assert "closed" in caplog.text


def test_a_link_put_in_a_files_place_since_the_look_is_never_followed(
    home, tmp_path
) -> None:
    """Whoever may write to the inbox must not read the machine's files through it."""
    drop(home, "a.csv", "b.csv")
    stamps = look(home.inbox)
    secret = tmp_path / "secret.csv"
    secret.write_text("secret")
    (home.inbox / "a.csv").unlink()
    (home.inbox / "a.csv").symlink_to(secret)

    batch = claim(home, stamps, OPTIONS, NOW)

    assert batch is not None
    assert [upload.file_name for upload in batch.uploads] == ["b.csv"]
    assert not any(path.is_symlink() for path in home.landing(batch.key).iterdir())
    assert secret.read_text() == "secret"


def test_two_claims_of_one_look_share_no_file(home) -> None:
    """Should two ticks ever run at once, a file still lands once."""
    drop(home, "a.csv", "b.csv")
    stamps: list[FileStamp] = look(home.inbox)
    first, second = (claim(home, stamps, OPTIONS, NOW) for _ in range(2))

    assert first is not None
    assert second is None
    assert contents(home) == ["a.csv", "b.csv"]


def test_the_process_that_is_killed_in_these_tests_claims_when_it_is_not(home) -> None:
    """Otherwise the test of the kill would pass for the wrong reason."""
    drop(home, "a.csv")
    ended(started(CLAIMING, home.root))

    assert contents(home) == ["a.csv"]
    assert look(home.inbox) == []
