"""Files and folders appear whole or not at all."""

import json
import math
import os
import re
import stat
from pathlib import Path

import pytest

from bulk_pipeline.adapters.atomic import (
    PARTIAL,
    whole_directory,
    write_json,
    write_text,
)


def test_a_text_replaces_the_one_before(tmp_path) -> None:
    """A reader must find the old text or the new one, and no third file."""
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "one\n")
    write_text(path, "zwei, ü\n")
    assert path.read_text(encoding="utf-8") == "zwei, ü\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("document", [math.nan, object(), {"a": {1, 2}}, "\udcff" * 2])
def test_a_failed_write_leaves_the_old_file(tmp_path, document) -> None:
    """Half a manifest would be read as a damaged batch."""
    path = tmp_path / "a.json"
    write_json(path, {"old": True})
    if isinstance(document, str):
        with pytest.raises(UnicodeEncodeError):
            write_text(path, document)
    else:
        with pytest.raises((TypeError, ValueError)):
            write_json(path, document)
    assert json.loads(path.read_text()) == {"old": True}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_long_name_can_be_written(tmp_path) -> None:
    """A temporary name must not be longer than a folder allows."""
    path = tmp_path / ("x" * 255)
    write_text(path, "text")
    assert path.read_text() == "text"


def test_a_folder_appears_when_it_is_whole(tmp_path) -> None:
    """A step that looks while another writes must see nothing of it."""
    path = tmp_path / "batches" / "one"
    with whole_directory(path) as fresh:
        (fresh / "rows").write_text("rows")
        assert not path.exists()
    assert [entry.name for entry in path.iterdir()] == ["rows"]
    assert [entry.name for entry in path.parent.iterdir()] == ["one"]
    assert stat.S_ISDIR(path.stat().st_mode)


def test_a_folder_takes_the_place_of_the_one_before(tmp_path) -> None:
    """Left-overs of an earlier attempt would count twice."""
    path = tmp_path / "one"
    for name in ("old", "new"):
        with whole_directory(path) as fresh:
            (fresh / name).write_text(name)
    assert [entry.name for entry in path.iterdir()] == ["new"]


@pytest.mark.parametrize("begun", [False, True])
def test_work_that_was_done_twice_keeps_what_came_first(tmp_path, *, begun) -> None:
    """What follows has begun with the first; the second would take it away."""
    path = tmp_path / "folder"
    if begun:
        path.mkdir()
        (path / "of").write_text("before")
    with whole_directory(path, first_stays=True) as late:
        (late / "of").write_text("late")
        with whole_directory(path, first_stays=True) as first:
            (first / "of").write_text("first")
    assert (path / "of").read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_folder_that_fails_leaves_the_one_before(tmp_path, error) -> None:
    """Whoever stops a run must find what was there before it."""
    path = tmp_path / "one"
    with whole_directory(path) as fresh:
        (fresh / "old").write_text("old")

    def fails() -> None:
        """Half a folder, then an error."""
        with whole_directory(path) as fresh:
            (fresh / "new").write_text("new")
            raise error

    with pytest.raises(error):
        fails()
    assert [entry.name for entry in path.iterdir()] == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("lasting", [True, False])
def test_what_must_last_is_brought_to_the_disk_before_it_is_named(
    tmp_path, monkeypatch, lasting
) -> None:
    """A name without its content, or content without its name, is a lost file."""
    done = []
    real = os.fsync

    def noted(descriptor):
        """The path of what is brought to the disk, as it is called then."""
        done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with whole_directory(tmp_path / "new" / "one", lasting=lasting) as fresh:
        (fresh / "rows").write_text("rows")
    new = str(tmp_path / "new")
    wanted = [str(tmp_path), f"{fresh}/rows", str(fresh), new] if lasting else []
    assert done == wanted
    done.clear()
    write_text(tmp_path / "other" / "a.txt", "text", lasting=lasting)
    assert len(done) == (3 if lasting else 1)
    assert done[-1].endswith("/other") is lasting


def test_half_a_folder_of_a_killed_process_is_told_by_its_name(tmp_path) -> None:
    """Whoever sweeps must know whose it was."""
    path = tmp_path / "20260101-abc"
    with whole_directory(path) as fresh:
        assert re.fullmatch(r"\.20260101-abc\.\w{8}\.partial", fresh.name)


def test_the_folder_before_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path, monkeypatch
) -> None:
    """Between the two renames there is none; an error must not leave it so."""
    path = tmp_path / "one"
    with whole_directory(path) as fresh:
        (fresh / "old").write_text("old")
    rename = Path.rename

    def refused(source, target):
        """Nothing new comes in."""
        if source.name.endswith(PARTIAL):
            raise PermissionError(13, "Permission denied", str(source))
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(PermissionError), whole_directory(path) as fresh:
        (fresh / "new").write_text("new")
    assert [entry.name for entry in path.iterdir()] == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]
