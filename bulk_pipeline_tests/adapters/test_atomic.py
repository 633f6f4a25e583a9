"""Files and folders appear whole or not at all."""

import json
import math
import stat

import pytest

from bulk_pipeline.adapters.atomic import whole_directory, write_json, write_text


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
