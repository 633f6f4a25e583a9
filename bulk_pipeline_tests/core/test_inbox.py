"""Which dropped files are whole, go together, and wait for others of their folder."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.core.inbox import (
    PACKED_WEIGHT,
    FileStamp,
    Quota,
    Share,
    in_batches,
    is_wanted,
    settled,
    within_quota,
)


def stamp(name="a.csv", size=1, folder="", modified=0, changed=0) -> FileStamp:
    """A file as a look saw it."""
    return FileStamp(folder, name, size, modified, changed, device=1, inode=1)


def names(batches) -> list[list[str]]:
    """The names in each batch."""
    return [[file.name for file in batch] for batch in batches]


@st.composite
def looks(draw) -> list[FileStamp]:
    """Settled files of some folders, oldest first."""
    sizes = draw(st.lists(st.integers(0, 120), max_size=30))
    return [
        stamp(f"{number}.csv", size, draw(st.sampled_from("abc")), number)
        for number, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("name", "pattern", "wanted"),
    [
        ("a.csv", "*", True),
        ("A.CSV", "*.csv", True),
        ("a.csv", "*.CSV", True),
        ("a.txt", "*.csv", False),
        ("-rf.csv", "*", True),
        ("two\nlines.csv", "*.csv", True),
        ("two\nlines.part", "*", False),
        ("~$a.xlsx", "*", False),
        (".a.csv", "*", False),
        ("a.csv.TMP", "*", False),
        ("part.csv", "*", True),
    ],
)
def test_a_name_is_wanted_by_its_pattern_unless_it_is_unfinished(name, pattern, wanted):
    """A program renames its file when it is whole; until then it is the program's."""
    assert is_wanted(name, pattern) is wanted


def test_quiet_files_come_oldest_first_whatever_their_dates():
    """A date of 1970 or 2040 orders; only the last change decides about quiet."""
    second = 1_000_000_000
    old = stamp("1970.csv", modified=-5, changed=1)
    new = stamp("2040.csv", modified=2**61, changed=1)
    fresh = stamp("fresh.csv", modified=0, changed=4 * second)

    assert settled([new, fresh, old], 5 * second, 2.0) == [old, new]


def test_small_files_go_together_and_a_giant_does_not_cut_their_row():
    """A giant in the middle must not make two runs of one."""
    files = [stamp("a"), stamp("giant", 65), stamp("b"), stamp("huge", 500), stamp("c")]

    batches = names(in_batches(files, 10, 100, 64))
    assert batches == [["a", "b", "c"], ["giant"], ["huge"]]


def test_a_file_beyond_a_whole_batch_is_alone_even_where_giants_are_larger():
    """Two bounds, and the smaller one holds."""
    files = [stamp("a", 10), stamp("b", 101), stamp("c", 10)]

    assert names(in_batches(files, 10, 100, 1000)) == [["a", "c"], ["b"]]


@pytest.mark.parametrize("ending", ["xlsx", "XLSX", "ods", "zip", "gz"])
def test_a_packed_file_counts_for_what_is_in_it(ending):
    """A batch of workbooks takes as long as one of text with the same rows."""
    book = stamp(f"a.{ending}", 100)

    assert book.weight == 100 * PACKED_WEIGHT
    assert replace(book, name="a.csv").weight == 100
    assert len(in_batches([book, book, book], 10, 800, 400)) == 2
    assert len(in_batches([book, stamp("b")], 10, 800, 399)) == 2


@given(looks(), st.integers(1, 6), st.integers(1, 200), st.integers(1, 200))
def test_batches_hold_every_file_once_within_the_bounds(files, most, weight, alone):
    """Nothing is lost, nothing is doubled, and order is by age."""
    batches = in_batches(files, most, weight, alone)

    assert Counter(f for batch in batches for f in batch) == Counter(files)
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or sum(f.weight for f in batch) <= weight
        assert batch == sorted(batch, key=lambda f: f.modified_ns)
    giants = [len(b) == 1 and b[0].weight > min(weight, alone) for b in batches]
    assert giants == sorted(giants)


def test_no_files_make_no_batches():
    """An empty inbox is asked every five seconds."""
    assert in_batches([], 1, 1, 1) == []
    assert within_quota([], {}, Quota(1, 1)) == ([], [])


def test_without_a_quota_nothing_waits():
    """The default."""
    files = [stamp(str(number), 10**12) for number in range(5)]

    assert within_quota(files, {"": Share(10**6, 10**15)}, Quota()) == (files, [])


def test_a_folder_takes_its_oldest_files_up_to_its_quota_and_no_other_waits():
    """One user with ten thousand files must not stand before all the others."""
    files = [stamp(f"{n}", folder="a") for n in range(5)] + [stamp("x", folder="b")]
    taken, waiting = within_quota(files, {"a": Share(1, 1)}, Quota(files=3))

    assert [file.name for file in taken] == ["0", "1", "x"]
    assert [file.name for file in waiting] == ["2", "3", "4"]


def test_a_file_beyond_the_bytes_is_taken_when_nothing_else_of_its_folder_is():
    """Else it would never be."""
    giant, small = stamp("giant", 500), stamp("small", 1)
    quota = Quota(bytes=100)

    assert within_quota([giant, small], {}, quota) == ([giant], [small])
    assert within_quota([giant], {"": Share(1, 1)}, quota) == ([], [giant])


def test_a_large_file_is_not_passed_over_by_small_ones_behind_it():
    """Small files would keep its folder busy for ever."""
    files = [stamp("a", 90), stamp("large", 50), stamp("b", 1)]
    taken, waiting = within_quota(files, {}, Quota(bytes=100))

    assert [file.name for file in taken] == ["a"]
    assert [file.name for file in waiting] == ["large", "b"]


@given(
    looks(),
    st.dictionaries(
        st.sampled_from("abc"), st.builds(Share, st.integers(0, 5), st.integers(0, 200))
    ),
    st.none() | st.integers(1, 6),
    st.none() | st.integers(1, 200),
)
def test_quotas_hold_and_every_folder_gets_on(files, in_work, most, size):
    """Whoever has nothing in work has something admitted."""
    taken, waiting = within_quota(files, in_work, Quota(most, size))

    assert Counter(taken + waiting) == Counter(files)
    for folder in {file.folder for file in files}:
        mine = [f for f in taken if f.folder == folder]
        before = in_work.get(folder, Share())
        after = before + Share(len(mine), sum(f.bytes for f in mine))
        assert most is None or not mine or after.files <= most
        assert size is None or not mine or after.files == 1 or after.bytes <= size
        assert mine or before.files
        of_folder = [f for f in files if f.folder == folder]
        assert mine == of_folder[: len(mine)]
