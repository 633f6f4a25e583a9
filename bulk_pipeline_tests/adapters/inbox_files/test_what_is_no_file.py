"""Links, pipes, sockets, devices, folders stay, and nothing outside is touched."""

import os
import socket
import stat
from datetime import UTC, datetime

import pytest

from bulk_pipeline.adapters import claiming, looking
from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.claiming import claim
from bulk_pipeline.adapters.looking import look

SECRET = b"secret"


@pytest.fixture
def outside(tmp_path):
    """A folder that is none of ours, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "a.csv").write_bytes(SECRET)
    yield folder
    assert [path.name for path in folder.iterdir()] == ["a.csv"]
    assert (folder / "a.csv").read_bytes() == SECRET


def taken(inbox, stamps):
    """The names that a claim of these stamps takes."""
    settings = inbox.pipeline.installation.settings
    options = Options.from_settings(settings)
    batch = claim(inbox.home, stamps, options, datetime.now(UTC))
    return [upload.file_name for upload in batch.uploads] if batch else []


def fifo(path, outside):
    """A pipe that nobody writes to."""
    del outside
    os.mkfifo(path)


def unix_socket(path, outside):
    """A socket that somebody listened to."""
    del outside
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def device(path, outside):
    """A device node."""
    del outside
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root may make a device")


def link_to_a_file(path, outside):
    """A link to a file outside."""
    path.symlink_to(outside / "a.csv")


def link_to_a_folder(path, outside):
    """A link to a folder outside."""
    path.symlink_to(outside)


def dangling_link(path, outside):
    """A link to nothing."""
    path.symlink_to(outside / "none.csv")


def folder(path, outside):
    """A folder that is called like a file."""
    del outside
    path.mkdir()


KINDS = [
    fifo,
    unix_socket,
    device,
    link_to_a_file,
    link_to_a_folder,
    dangling_link,
    folder,
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_left_alone(inbox, outside, kind, monkeypatch):
    """A pipe never ends, a device may do anything, a link may name any file."""
    inbox.drop("good.csv", b"good")
    monkeypatch.chdir(inbox.path)
    kind(inbox.path / "odd.csv", outside)
    before = (inbox.path / "odd.csv").lstat().st_ino
    inbox.look()

    assert inbox.claimed() == {"good.csv": b"good"}
    assert inbox.left() == ["odd.csv"]
    assert (inbox.path / "odd.csv").lstat().st_ino == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_took_a_files_place_since_the_look_is_left_alone(
    inbox, outside, kind, monkeypatch
):
    """Whoever may write to the inbox must not have the machine's files moved."""
    inbox.drop("good.csv", b"good")
    path = inbox.drop("odd.csv", b"odd")
    stamps = look(inbox.path)
    path.unlink()
    monkeypatch.chdir(inbox.path)
    kind(path, outside)

    assert taken(inbox, stamps) == ["good.csv"]
    assert inbox.left() == ["odd.csv"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [False, True])
def test_what_took_a_files_place_at_the_last_moment_goes_back(
    inbox, outside, kind, monkeypatch, *, again
):
    """Between the last check and the rename; nothing in its place is replaced."""
    inbox.drop("good.csv", b"good")
    path = inbox.drop("odd.csv", b"odd")
    stamps = look(inbox.path)
    monkeypatch.chdir(inbox.path)
    real = claiming._move

    def move(source, target):
        """Swap the file, rename what is there, and drop another of its name."""
        if source.name == path.name:
            path.unlink()
            kind(path, outside)
        real(source, target)
        if source.name == path.name and again:
            path.write_bytes(b"newer")

    monkeypatch.setattr(claiming, "_move", move)

    assert taken(inbox, stamps) == ["good.csv"]
    if again:
        assert inbox.left() == ["odd.csv", "returned-1-odd.csv"]
        assert path.read_bytes() == b"newer"
        kept = (inbox.path / "returned-1-odd.csv").lstat()
        assert not stat.S_ISREG(kept.st_mode)
    else:
        assert inbox.left() == ["odd.csv"]
        assert not stat.S_ISREG(path.lstat().st_mode)


def test_a_subfolder_that_became_a_link_since_the_look_leads_nowhere(inbox, outside):
    """By its path, the files of another folder would be moved."""
    inbox.drop("good.csv", b"good")
    path = inbox.drop("team/a.csv", SECRET)
    stamps = look(inbox.path)
    path.rename(inbox.path / "a.away")
    path.parent.rmdir()
    path.parent.symlink_to(outside)

    assert taken(inbox, stamps) == ["good.csv"]


def test_a_subfolder_that_became_a_link_while_it_was_listed_leads_nowhere(
    inbox, outside, monkeypatch
):
    """Between the listing of the inbox and that of the folder."""
    (inbox.path / "team").mkdir()
    real = looking.opened_in

    def opened_in(around, name):
        """Swap the folder before it is opened."""
        (inbox.path / name).rmdir()
        (inbox.path / name).symlink_to(outside)
        return real(around, name)

    monkeypatch.setattr(looking, "opened_in", opened_in)

    assert look(inbox.path) == []


def test_a_replaced_file_of_the_same_size_and_date_is_not_the_one_that_was_seen(inbox):
    """Another inode: it may still grow, and nobody has waited for it."""
    path = inbox.drop("a.csv", b"old")
    stamps = look(inbox.path)
    inbox.drop("new.csv", b"new").rename(path)
    os.utime(path, ns=(stamps[0].modified_ns, stamps[0].modified_ns))

    assert taken(inbox, stamps) == []
    assert path.read_bytes() == b"new"


def test_a_hard_link_is_taken_and_its_other_name_stays(inbox, tmp_path):
    """Whoever made two names of a file keeps the other one."""
    other = tmp_path / "other.csv"
    path = inbox.drop("a.csv", b"a")
    os.link(path, other)
    inbox.look()

    assert inbox.claimed() == {"a.csv": b"a"}
    assert inbox.left() == []
    assert other.read_bytes() == b"a"


def test_an_inbox_that_is_a_link_of_the_operators_is_used(inbox, tmp_path):
    """A share is mounted elsewhere and linked here."""
    inbox.path.rmdir()
    real = tmp_path / "share"
    real.mkdir()
    inbox.path.symlink_to(real)
    inbox.drop("a.csv", b"a")
    inbox.drop("team/b.csv", b"b")
    inbox.look()

    assert inbox.claimed() == {"a.csv": b"a", "b.csv": b"b"}
