"""Files that a command writes: refused by name before, whole or absent after."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.outputs import require_place, whole_file
from bulk_pipeline.core.errors import ConfigurationError

SUFFIXES = (".csv", ".xlsx")


@pytest.mark.parametrize("name", ["a.csv", "a.XLSX", "two.words.csv", ".hidden.csv"])
def test_a_free_name_with_a_known_suffix_can_be_used(tmp_path: Path, name) -> None:
    """A refusal without a reason sends people back to copying by hand."""
    require_place(tmp_path / name, SUFFIXES)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("list.ods", "list.csv or .*list.xlsx"),
        ("list", "list.csv or .*list.xlsx"),
        ("absent/list.csv", "no directory .*absent"),
        ("folder.csv", "is a directory"),
        ("there.csv", "Use another name"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_a_cure(
    tmp_path: Path, name, cure
) -> None:
    """The user learns what to type, not only that it was wrong."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(ConfigurationError, match=cure) as refusal:
        require_place(tmp_path / name, SUFFIXES)
    assert str(tmp_path / name) in str(refusal.value)


def test_no_name_at_all_is_refused_with_one_that_works() -> None:
    """An unset variable in a script must not end in a traceback."""
    with pytest.raises(ConfigurationError, match=r"Use accounts\.csv or accounts"):
        require_place(Path(), SUFFIXES)


def test_a_file_is_there_only_when_its_block_ends(tmp_path: Path) -> None:
    """A program that watches the folder must not take half a file."""
    path = tmp_path / "list.csv"
    with whole_file(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        assert partial.parent == tmp_path
        assert partial.name.startswith(".")
    assert path.read_text() == "half"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    """A full disk must not cost the file that was there before."""
    path = tmp_path / "list.csv"
    path.write_text("older")

    def breaks_off() -> None:
        with whole_file(path) as partial:
            partial.write_text("half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        breaks_off()
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]
