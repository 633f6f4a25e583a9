"""Any name and any date is taken; content decides what becomes of a file."""

import os
from collections import Counter

import pytest

from bulk_pipeline_tests.adapters.inbox_files.inbox import inbox_in

NAMES = [
    b"with blanks .csv",
    "Übung 2020 財務.csv".encode(),
    "📈 results 🎉.csv".encode(),
    b"two\nlines.csv",
    b"-rf.csv",
    b"x" * 251 + b".csv",
    b"Bilanz-\xe4\xf6.csv",
    b"\xff" * 255,
    b"$(touch x);'\".csv",
    b"batch.json",
    b"held.json",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_loaded(inbox, name):
    """Names are the user's business; they never become paths or keys of ours."""
    content = inbox.drop("plain.csv").read_bytes()
    (inbox.path / "plain.csv").unlink()
    inbox.drop(os.fsdecode(name), content)
    inbox.look()

    assert inbox.left() == []
    assert inbox.states() == {name.decode("utf-8", "replace"): "loaded"}


def test_twins_that_differ_by_case_are_two_files(inbox):
    """On Linux they are; on a file system where they are not, only one is dropped."""
    inbox.drop("Accounts.csv", None, "AA")
    inbox.drop("accounts.csv", None, "BB")
    inbox.drop("ACCOUNTS.CSV", None, "CC")
    files = len(inbox.left())
    inbox.look()

    assert Counter(inbox.states().values()) == {"loaded": files}
    assert inbox.pipeline.predictions() == files


@pytest.mark.parametrize("seconds", [-1, 0, 2_208_988_800])
def test_a_date_of_1970_or_2040_only_orders(inbox, seconds):
    """Cameras, archives and dead batteries set such dates; the kernel's own decides."""
    path = inbox.drop("odd.csv")
    inbox.drop("now.csv", None, "BB")
    os.utime(path, (seconds, seconds))
    inbox.look()

    [batch] = inbox.batches()
    order = [upload.file_name for upload in batch.uploads]
    assert order == (["now.csv", "odd.csv"] if seconds > 1 else ["odd.csv", "now.csv"])
    assert set(inbox.states().values()) == {"loaded"}


def test_a_sparse_file_is_taken_and_refused_for_what_is_in_it(inbox):
    """A hole reads as zeros, which are no table; nobody else waits for it."""
    path = inbox.drop("sparse.csv", b"")
    os.truncate(path, 32 * 2**20)
    inbox.drop("good.csv")
    inbox.look()

    assert inbox.states() == {"sparse.csv": "failed", "good.csv": "loaded"}


def test_an_empty_file_is_taken_and_refused_for_what_is_in_it(inbox):
    """Nothing in a file is a mistake that its user wants to know of."""
    inbox.drop("empty.csv", b"")
    inbox.drop("good.csv")
    inbox.look()

    assert inbox.states() == {"empty.csv": "failed", "good.csv": "loaded"}


def test_the_same_name_with_other_content_is_loaded_again(inbox):
    """Everybody calls it accounts.csv, every year."""
    for symbol in ("AA", "BB"):
        inbox.drop("accounts.csv", None, symbol)
        inbox.look()
        assert inbox.states() == {"accounts.csv": "loaded"}
    assert inbox.pipeline.predictions() == 2


def test_the_same_content_under_another_name_is_not_loaded_again(inbox):
    """It is a copy, whatever it is called."""
    inbox.drop("first.csv")
    inbox.look()
    inbox.states()
    inbox.drop("second.csv")
    inbox.look()

    assert inbox.states() == {"first.csv": "loaded", "second.csv": "repeated"}


def test_an_inbox_that_is_missing_at_the_start_is_made(inbox):
    """The first tick of an installation, or somebody tidied up."""
    inbox.path.rmdir()

    assert inbox.look().trouble == ()
    assert inbox.path.is_dir()


@pytest.mark.parametrize("kind", ["dangling", "file"])
def test_an_inbox_that_cannot_be_used_is_said_and_stops_no_tick(inbox, caplog, kind):
    """A share that is away comes back; the tick has other work meanwhile."""
    inbox.path.rmdir()
    if kind == "file":
        inbox.path.write_bytes(b"")
    else:
        inbox.path.symlink_to(inbox.home.root / "away")
    [trouble] = inbox.look().trouble

    assert str(inbox.path) in trouble
    assert trouble in caplog.text


def test_files_beyond_a_folders_quota_wait_in_the_inbox_and_the_look_says_whose(
    tmp_path,
):
    """One user with many files must not stand before all the others."""
    inbox = inbox_in(tmp_path / "quotas", BULK_PIPELINE_QUOTA_FILES=2)
    for number in range(4):
        path = inbox.drop(f"a/{number}.csv", None, f"A{number}")
        os.utime(path, (number, number))
    inbox.drop("b/x.csv", None, "B")
    first = inbox.look()
    second = inbox.look()

    assert set(inbox.claimed()) == {"0.csv", "1.csv", "x.csv"}
    assert first.over_quota == second.over_quota == {"a": 2}
    assert "2 files of a wait for their quota" in str(second)
    assert set(inbox.states().values()) == {"loaded"}
    assert inbox.look().over_quota == {}
    assert set(inbox.states()) == {"0.csv", "1.csv", "2.csv", "3.csv", "x.csv"}
    inbox.pipeline.close()


def test_batches_of_one_look_have_growing_moments_small_files_first(tmp_path):
    """By these the runs are ordered."""
    inbox = inbox_in(
        tmp_path / "lanes", BULK_PIPELINE_ALONE_BYTES=100, BULK_PIPELINE_BATCH_FILES=2
    )
    for age, (name, size) in enumerate(
        [("giant", 101), ("a", 1), ("b", 1), ("huge", 200), ("c", 1)]
    ):
        os.utime(inbox.drop(f"{name}.csv", b"x" * size), (age, age))
    inbox.look()

    batches = inbox.batches()
    assert [[u.file_name for u in batch.uploads] for batch in batches] == [
        ["a.csv", "b.csv"],
        ["c.csv"],
        ["giant.csv"],
        ["huge.csv"],
    ]
    assert len({batch.created_at for batch in batches}) == 4
    inbox.pipeline.close()
