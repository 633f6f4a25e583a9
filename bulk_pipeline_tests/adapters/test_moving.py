"""Where files end, and that they can be found there again."""

import os
import shutil
from datetime import UTC, datetime

import pytest

from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.claiming import claim, look
from bulk_pipeline.adapters.moving import failed_file, put_away
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

NO_TABLE = b"\x00\x01\x02 no table \xff"


@pytest.fixture
def landed(small):
    """Drops files into the inbox and claims them; returns the batch."""
    installation = small.installation
    inbox = installation.home.inbox
    inbox.mkdir(parents=True)

    def land(**files):
        for name, content in files.items():
            (inbox / name).write_bytes(content)
        options = Options.from_settings(installation.settings)
        batch = claim(installation.home, look(inbox), options, datetime.now(UTC))
        assert batch is not None
        installation.journal.claim(batch)
        return batch

    return land


@pytest.fixture
def good(tmp_path):
    """The bytes of a file of two rows."""
    return write_csv(tmp_path / "good.csv", rows_of(["AA"], [2001, 2002])).read_bytes()


def names(folder):
    """Names in a folder, those of our own bookkeeping left out."""
    return {f.name for f in folder.iterdir() if f.name not in ("batch.json", ".lock")}


def test_loaded_files_are_archived_and_failed_ones_stand_apart(
    small, landed, good
) -> None:
    """A failed file waits to be corrected; a loaded one is kept as it came."""
    batch = landed(**{"good.csv": good, "bad.csv": NO_TABLE})
    small.run(batch.key)
    home = small.installation.home

    assert put_away(small.installation, batch.key)
    by_name = {upload.file_name: upload for upload in batch.uploads}
    loaded, failed = by_name["good.csv"], by_name["bad.csv"]
    assert names(home.archive / batch.key) == {loaded.stored_name}
    assert names(home.failed(failed.key)) == {"bad.csv", "REASON.txt"}
    assert not home.failed(loaded.key).exists()
    assert not home.landing(batch.key).exists()
    path = failed_file(small.installation, failed.key, "bad.csv")
    assert path.read_bytes() == NO_TABLE


def test_the_reason_says_what_is_wrong_and_what_to_do(small, landed, good) -> None:
    """The sender has the folder in front of him, and not the UI."""
    batch = landed(**{"good.csv": good, "bad.csv": NO_TABLE})
    small.run(batch.key)
    put_away(small.installation, batch.key)
    [report] = small.installation.journal.uploads(state="failed")

    text = (small.installation.home.failed(report.key) / "REASON.txt").read_text()
    assert text == (
        f"{report.message}\n\nCorrect the file here and load it again with:\n"
        f"  bulk-pipeline retry {report.key}\n"
    )


def test_an_unfinished_batch_stays(small, landed, good) -> None:
    """What is in landing is still to be done: the next tick goes by it."""
    batch = landed(**{"good.csv": good})
    folder = small.installation.home.landing(batch.key)

    for change in (
        lambda: None,
        lambda: small.installation.journal.start(batch.key, "run-1"),
        lambda: small.installation.journal.stop(batch.key, "waiting", "busy"),
    ):
        change()
        assert not put_away(small.installation, batch.key)
        assert folder.exists()
    assert not put_away(small.installation, "a batch that nobody knows")


def test_putting_away_can_be_repeated_and_resumed(small, landed, good) -> None:
    """A run is killed between two moves; the next tick does the rest."""
    files = {"good.csv": good, "bad.csv": NO_TABLE, "worse.csv": NO_TABLE + b"!"}
    batch = landed(**files)
    small.run(batch.key)
    home = small.installation.home
    by_name = {upload.file_name: upload for upload in batch.uploads}
    first = by_name["bad.csv"]
    folder = home.failed(first.key)
    folder.mkdir(parents=True)
    (home.landing(batch.key) / first.stored_name).rename(folder / "bad.csv")
    (folder / "bad.csv").write_text("corrected meanwhile")

    assert put_away(small.installation, batch.key)
    assert put_away(small.installation, batch.key)
    assert (folder / "bad.csv").read_text() == "corrected meanwhile"
    worse = by_name["worse.csv"]
    assert names(home.failed(worse.key)) == {"worse.csv", "REASON.txt"}
    assert names(home.archive / batch.key) == {by_name["good.csv"].stored_name}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (b"REASON.txt", "_REASON.txt"),
        (b"-rf", "-rf"),
        (b"two\nlines.csv", "two\nlines.csv"),
        ("Übung 財務.csv".encode(), "Übung 財務.csv"),
        (b"x" * 251 + b".csv", "x" * 251 + ".csv"),
        (b"\xff.csv", "\N{REPLACEMENT CHARACTER}.csv"),
        (b"\xff" * 251 + b".csv", "\N{REPLACEMENT CHARACTER}" * 83 + ".csv"),
    ],
)
def test_a_failed_file_keeps_its_name_where_that_can_be(
    small, landed, good, name, kept
) -> None:
    """It is found again by its name; only what cannot be a name is changed."""
    batch = landed(**{"good.csv": good, os.fsdecode(name): NO_TABLE})
    small.run(batch.key)
    put_away(small.installation, batch.key)

    [report] = small.installation.journal.uploads(state="failed")
    folder = small.installation.home.failed(report.key)
    assert names(folder) == {kept, "REASON.txt"}
    path = failed_file(small.installation, report.key, report.file)
    assert path == folder / kept
    assert path.read_bytes() == NO_TABLE


def test_a_batch_that_was_archived_can_be_run_again(small, landed, good) -> None:
    """A back-fill years later reads the files where they are now."""
    batch = landed(**{"good.csv": good, "bad.csv": NO_TABLE})
    first = small.run(batch.key)
    put_away(small.installation, batch.key)
    small.query("DELETE FROM annual_predictions")
    again = small.run(batch.key)

    assert small.predictions() == 2
    assert [u.state for u in again.uploads] == [u.state for u in first.uploads]
    assert again.figures.counts["inserted"] == first.figures.counts["inserted"] == 2
    assert put_away(small.installation, batch.key)


def test_rows_of_a_file_in_a_subfolder_name_their_sender(small, landed, good) -> None:
    """The journal outlives the folder."""
    team = small.installation.home.inbox / "team"
    team.mkdir()
    write_csv(team / "theirs.csv", [ROW])
    batch = landed(**{"ours.csv": good})
    small.run(batch.key)
    put_away(small.installation, batch.key)

    found = {u.file: u.submitted_by for u in small.installation.journal.uploads()}
    assert found == {"theirs.csv": "team", "ours.csv": ""}


def test_what_cannot_be_moved_now_stays_and_is_moved_later(
    small, landed, good, caplog
) -> None:
    """A disk without room must not end the ticks of everybody else."""
    batch = landed(**{"good.csv": good, "bad.csv": NO_TABLE})
    small.run(batch.key)
    home = small.installation.home
    home.archive.write_text("in the way")
    home.failed("").write_text("in the way")

    assert not put_away(small.installation, batch.key)
    assert "stay in landing" in caplog.text
    assert len(names(home.landing(batch.key))) == 2
    home.archive.unlink()
    home.failed("").unlink()
    assert put_away(small.installation, batch.key)
    assert not home.landing(batch.key).exists()
    [failed] = home.failed("").iterdir()
    assert names(failed) == {"bad.csv", "REASON.txt"}


def test_a_batch_that_is_in_the_archive_already_is_completed(
    small, landed, good
) -> None:
    """A copy that was put back must not stay in the landing for ever."""
    batch = landed(**{"good.csv": good, "bad.csv": NO_TABLE})
    small.run(batch.key)
    home = small.installation.home
    before = {p.name: p.read_bytes() for p in home.landing(batch.key).iterdir()}
    shutil.copytree(home.landing(batch.key), home.archive / batch.key)
    [stored] = [u.stored_name for u in batch.uploads if u.file_name == "good.csv"]
    missing = home.archive / batch.key / stored
    missing.unlink()

    assert put_away(small.installation, batch.key)
    assert not home.landing(batch.key).exists()
    assert missing.read_bytes() == before[missing.name]
    assert set(before) >= {p.name for p in (home.archive / batch.key).iterdir()}


def test_a_correction_is_never_replaced_by_what_it_corrects(
    small, landed, good
) -> None:
    """Somebody works in that folder while ticks go by."""
    batch = landed(**{"good.csv": good, "bad.csv": NO_TABLE})
    small.run(batch.key)
    home = small.installation.home
    [failed] = [u for u in batch.uploads if u.file_name == "bad.csv"]
    folder = home.failed(failed.key)
    folder.mkdir(parents=True)
    (folder / "bad.csv").write_text("corrected")

    assert put_away(small.installation, batch.key)
    assert (folder / "bad.csv").read_text() == "corrected"
    kept = home.archive / batch.key / failed.stored_name
    assert kept.read_bytes() == NO_TABLE


def test_half_a_reason_of_a_killed_process_goes(small, landed, good) -> None:
    """The sender has that folder in front of him."""
    batch = landed(**{"good.csv": good, "bad.csv": NO_TABLE})
    small.run(batch.key)
    home = small.installation.home
    [failed] = [u for u in batch.uploads if u.file_name == "bad.csv"]
    for folder in (home.failed(failed.key), home.landing(batch.key)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".REASON.txt.abcd1234.partial").write_text("half")

    assert put_away(small.installation, batch.key)
    assert names(home.failed(failed.key)) == {"bad.csv", "REASON.txt"}
    assert len(names(home.archive / batch.key)) == 1
