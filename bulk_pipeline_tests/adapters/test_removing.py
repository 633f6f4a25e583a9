"""Laws of removing: what is named goes, and nothing behind a link."""

import os
from pathlib import Path

import pytest

from bulk_pipeline.adapters.removing import bytes_in, names_in, remove
from bulk_pipeline.core.errors import PermanentError


def test_a_folder_goes_whole_and_says_what_it_held(tmp_path: Path) -> None:
    """Folders in it, too."""
    folder = tmp_path / "batch"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(b"12345")
    (folder / "deep" / "b").write_bytes(b"678")

    assert bytes_in(folder) == 8
    assert remove(folder) == 8
    assert not folder.exists()


def test_a_file_goes_and_what_is_gone_is_no_error(tmp_path: Path) -> None:
    """Housekeeping that was cut short comes again."""
    file = tmp_path / "a.json"
    file.write_bytes(b"12")

    assert [remove(file), remove(file), remove(tmp_path / "no" / "x")] == [2, 0, 0]


def test_the_target_of_a_link_in_a_folder_stays(tmp_path: Path) -> None:
    """The link goes with its folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"1")
    folder = tmp_path / "batch"
    folder.mkdir()
    (folder / "link").symlink_to(outside, target_is_directory=True)

    remove(folder)

    assert not folder.exists()
    assert (outside / "precious").exists()


@pytest.mark.parametrize("place", ["link", "link/inside"])
def test_nothing_is_removed_behind_a_link(tmp_path: Path, place: str) -> None:
    """Neither the link itself nor a path through it."""
    outside = tmp_path / "outside"
    (outside / "inside").mkdir(parents=True)
    (tmp_path / "link").symlink_to(outside, target_is_directory=True)

    with pytest.raises(PermanentError, match=r"link is a link.*nothing behind"):
        remove(tmp_path / place)

    assert (outside / "inside").exists()


def test_the_names_behind_a_link_are_not_even_looked_at(tmp_path: Path) -> None:
    """What is not seen is not taken for a batch."""
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)

    with pytest.raises(PermanentError, match="is a link"):
        list(names_in(tmp_path / "link"))
    assert list(names_in(tmp_path / "none")) == []


def test_a_pipe_counts_no_bytes_and_is_not_opened(tmp_path: Path) -> None:
    """Opening it would wait for ever."""
    (tmp_path / "batch").mkdir()
    os.mkfifo(tmp_path / "batch" / "pipe")

    assert remove(tmp_path / "batch") == 0
    assert not (tmp_path / "batch").exists()
