"""Workbooks parsed ahead: in order, once, within bounds, and the same as without."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import ahead as module
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.ahead import FILES, Ahead
from bulk_pipeline.adapters.readers.base import TextSource
from bulk_pipeline.adapters.readers.workbooks.spreadsheet import Parsing
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import book_of

LIMITS = Limits()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all workbooks for which a child was asked, in order."""
    names: list[str] = []

    class Counted(Parsing):
        """Leaves its name."""

        def __init__(self, path: Path, *arguments: object, **named: object) -> None:
            names.append(path.name)
            super().__init__(path, *arguments, **named)

    monkeypatch.setattr("bulk_pipeline.adapters.readers.Parsing", Counted)
    monkeypatch.setattr(
        "bulk_pipeline.adapters.readers.workbooks.spreadsheet.Parsing", Counted
    )
    return names


def books(folder: Path, count: int) -> list[Path]:
    """Workbooks of one row, each with its number in it."""
    paths = [folder / f"{number}.xlsx" for number in range(count)]
    for number, path in enumerate(paths):
        book_of(Data=[["symbol", "year"], ["A", number]]).save(path)
    return paths


def looked(ahead: Ahead, path: Path) -> TextSource:
    """A file as a batch opens it: with a look at those behind it first."""
    ahead.look()
    return ahead.open(path)


def test_every_file_is_what_it_would_be_without(tmp_path: Path) -> None:
    """Text files and damaged ones among them; to be early changes no outcome."""
    paths = books(tmp_path, 3)
    paths.insert(1, tmp_path / "a.csv")
    paths[1].write_text("symbol,year\nA,77\n")
    paths.insert(2, tmp_path / "damaged.xlsx")
    paths[2].write_bytes(paths[0].read_bytes()[:-40])
    paths.insert(3, tmp_path / "gone.xlsx")
    outcomes = []
    with Ahead(paths, LIMITS) as ahead:
        for path in paths:
            found = []
            for opened in (lambda path: looked(ahead, path), open_text):
                try:
                    found.append(str(rows_of(opened(path))))
                except UnreadableFile as refusal:
                    found.append(str(refusal))
            assert found[0] == found[1]
            outcomes.append(found[0])
    assert len(set(outcomes)) == len(paths)


def test_no_workbook_is_parsed_twice(tmp_path: Path, parsed: list[str]) -> None:
    """Twice the work would undo what was gained."""
    paths = books(tmp_path, 12)
    with Ahead(paths, LIMITS) as ahead:
        for number, path in enumerate(paths):
            assert rows_of(looked(ahead, path))[0] == [("A", str(number))]
    assert parsed == [path.name for path in paths]


def test_files_are_asked_for_as_their_turn_comes(tmp_path: Path) -> None:
    """Whether one is read at all may depend on those before it."""
    paths = books(tmp_path, 12)
    asked: list[Path] = []

    def wanted() -> Iterator[Path]:
        for path in paths:
            asked.append(path)
            yield path

    with Ahead(wanted(), LIMITS) as ahead:
        assert asked == []
        for number, path in enumerate(paths):
            looked(ahead, path)
            assert asked == paths[: number + FILES]


def test_what_is_passed_over_is_let_go(
    tmp_path: Path, parsed: list[str], scratch: Path
) -> None:
    """An upload may turn out not to be read after all."""
    paths = books(tmp_path, 4)
    with Ahead(paths, LIMITS) as ahead:
        assert rows_of(looked(ahead, paths[2]))[0] == [("A", "2")]
        assert len(list(scratch.iterdir())) == 1
        assert rows_of(looked(ahead, paths[0]))[0] == [("A", "0")]
    assert parsed == ["0.xlsx", "1.xlsx", "2.xlsx", "3.xlsx", "0.xlsx"]
    assert list(scratch.iterdir()) == []


def test_children_and_folders_go_with_the_block(tmp_path: Path, scratch: Path) -> None:
    """A batch may end half-way, and the disk must not fill with parsed rows."""
    paths = books(tmp_path, 6)
    with Ahead(paths, LIMITS) as ahead:
        looked(ahead, paths[0])
        assert list(scratch.iterdir())
    assert list(scratch.iterdir()) == []


def test_only_so_many_bytes_are_parsed_ahead(
    tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two large workbooks one is enough; the next waits for its turn."""
    paths = books(tmp_path, 5)
    monkeypatch.setattr(module, "BYTES", int(2.5 * paths[0].stat().st_size))
    with Ahead(paths, LIMITS) as ahead:
        seen = []
        for number, path in enumerate(paths):
            assert rows_of(looked(ahead, path))[0] == [("A", str(number))]
            seen.append(len(parsed))
    assert seen == [2, 3, 4, 5, 5]


def test_a_workbook_larger_than_that_is_parsed_in_its_turn(
    tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes much memory, and so do those behind it, which wait."""
    paths = books(tmp_path, 3)
    monkeypatch.setattr(module, "BYTES", 1)
    with Ahead(paths, LIMITS) as ahead:
        for number, path in enumerate(paths):
            assert rows_of(looked(ahead, path))[0] == [("A", str(number))]
            assert len(parsed) == number + 1


def test_a_file_that_was_not_given_is_opened_all_the_same(tmp_path: Path) -> None:
    """It is not the reader's business to know the batch."""
    paths = books(tmp_path, 2)
    with Ahead(paths[:1], LIMITS) as ahead:
        assert rows_of(looked(ahead, paths[1]))[0] == [("A", "1")]
        assert rows_of(looked(ahead, paths[0]))[0] == [("A", "0")]


def test_what_is_looked_at_in_advance_is_known_to_whoever_asks(tmp_path: Path) -> None:
    """A file that ends the process must not be taken for the one before it."""
    paths = books(tmp_path, 3)
    said: list[str] = []

    @contextmanager
    def around(path: Path) -> Iterator[None]:
        said.append(f"begin {path.name}")
        yield
        said.append(f"end {path.name}")

    with Ahead(paths, LIMITS, around=around) as ahead:
        ahead.look()
        expected = [f"{word} {n}.xlsx" for n in range(3) for word in ("begin", "end")]
        assert said == expected
        ahead.open(paths[0])
        assert said == expected
