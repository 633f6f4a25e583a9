"""Landed files that change, vanish or cannot be read: each is refused alone."""

import json
import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.batches import BATCH_FILE
from bulk_pipeline.adapters.moving import put_away
from bulk_pipeline.adapters.progress import listening
from bulk_pipeline.adapters.reading import LONGEST_MESSAGE
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, write_many
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

MORE = ",".join(ROW.values()) + "\n"
SECOND = 1_000_000_000


@pytest.fixture
def pair(on_sqlite: Pipeline, tmp_path):
    """A batch of two files that has landed: ``grows.csv`` and ``still.csv``."""
    return on_sqlite.land(
        write_many(tmp_path / "grows.csv", range(500), range(1900, 2000)),
        write_csv(tmp_path / "still.csv", rows_of("AB", [2001])),
    )


def landed(pipeline: Pipeline, batch, number: int = 0) -> Path:
    """Where a file of a batch lies."""
    folder = pipeline.installation.home.landing(batch.key)
    return folder / batch.uploads[number].stored_name


def append(path: Path) -> None:
    """Go on writing a file."""
    with path.open("a") as file:
        file.write(MORE)


def assert_refused_alone(pipeline: Pipeline, batch, published) -> None:
    """Only the other file is stored; this one waits among the failed, with the cure."""
    first, second = published.uploads
    assert (first.state, second.state) == ("failed", "loaded")
    assert "grows.csv was still being written when it was taken" in first.message
    assert "ends in .part" in first.message
    assert f"bulk-pipeline retry {first.key}" in first.message
    assert {row[0] for row in pipeline.stored()} == {"A", "B"}
    assert pipeline.query("SELECT file_name FROM uploads") == [("still.csv",)]
    assert put_away(pipeline.installation, batch.key)
    folder = pipeline.installation.home.failed(first.key)
    assert (folder / "grows.csv").exists()


def test_a_file_that_grew_after_it_was_taken_is_refused(
    on_sqlite: Pipeline, pair
) -> None:
    """Half a file that reads well is the worst: nobody misses the other half."""
    append(landed(on_sqlite, pair))
    assert_refused_alone(on_sqlite, pair, on_sqlite.run(pair.key))


def test_a_file_written_over_in_place_is_refused(on_sqlite: Pipeline, pair) -> None:
    """The same size says nothing where a program rewrites what it wrote."""
    path = landed(on_sqlite, pair)
    seen = path.stat()
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns + 60 * SECOND))
    assert_refused_alone(on_sqlite, pair, on_sqlite.run(pair.key))


def test_a_file_that_grows_while_it_is_read_is_refused(
    on_sqlite: Pipeline, pair
) -> None:
    """Its rows have been taken already when it turns out; they must go again."""
    path, grown = landed(on_sqlite, pair), []

    def grow(stage: str, units: int) -> None:
        """Write on after the first part of the file was read."""
        if stage == "read" and not grown:
            grown.append(units)
            append(path)

    with listening(grow):
        rows = on_sqlite.read(pair.key)
    assert grown
    assert rows.rows == 2
    names = {chunk.name for chunk in rows.chunks} | {"manifest.json"}
    assert {entry.name for entry in rows.directory.iterdir()} == names
    published = on_sqlite.publish(on_sqlite.score(rows))
    assert_refused_alone(on_sqlite, pair, published)


def test_a_clock_of_two_seconds_is_no_change(on_sqlite: Pipeline, pair) -> None:
    """A file system that knows every second second has not changed the file."""
    path = landed(on_sqlite, pair)
    seen = path.stat()
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns - 3 * SECOND // 2))
    published = on_sqlite.run(pair.key)
    assert [u.state for u in published.uploads] == ["loaded", "loaded"]


@pytest.mark.parametrize("moment", [0, 4_102_444_800])
def test_the_copies_of_a_command_keep_the_time_of_the_file(
    on_sqlite: Pipeline, tmp_path, moment
) -> None:
    """What was noted of a file holds for its copy, in 1970 and in 2100 alike."""
    path = write_csv(tmp_path / "a.csv", rows_of("AB", [2001]))
    os.utime(path, (moment, moment))
    batch = on_sqlite.land(path)
    assert landed(on_sqlite, batch).stat().st_mtime == moment
    assert on_sqlite.run(batch.key).uploads[0].state == "loaded"


def test_a_batch_from_before_times_were_noted_is_read(
    on_sqlite: Pipeline, pair
) -> None:
    """An upgrade must not refuse what waits."""
    path = landed(on_sqlite, pair).parent / BATCH_FILE
    document = json.loads(path.read_text())
    for upload in document["uploads"]:
        del upload["modified_ns"]
    path.write_text(json.dumps(document))
    os.utime(landed(on_sqlite, pair), (1_000, 1_000))
    assert [u.state for u in on_sqlite.run(pair.key).uploads] == ["loaded"] * 2


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="only Linux has a file that never reads"
)
def test_a_file_that_the_disk_does_not_give_back_is_refused_alone(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """One bad sector must not keep the rest of the batch waiting for ever."""
    (tmp_path / "bad.csv").touch()
    good = write_csv(tmp_path / "good.csv", rows_of("AB", [2001]))
    batch = on_sqlite.land(tmp_path / "bad.csv", good)
    path = landed(on_sqlite, batch)
    path.unlink()
    path.symlink_to("/proc/self/mem")  # its first page gives EIO
    listed = path.parent / BATCH_FILE
    document = json.loads(listed.read_text())
    document["uploads"][0]["modified_ns"] = 0
    listed.write_text(json.dumps(document))
    bad, loaded = on_sqlite.run(batch.key).uploads
    assert (bad.state, loaded.state) == ("failed", "loaded")
    assert "bad.csv cannot be read: Input/output error" in bad.message
    assert f"bulk-pipeline retry {bad.key}" in bad.message
    assert counts(loaded) == (2, 2, 0, 0, 0, 0)


def test_a_folder_in_the_place_of_a_file_is_refused_alone(
    on_sqlite: Pipeline, pair
) -> None:
    """Whatever somebody did to the landing, the others are loaded."""
    path = landed(on_sqlite, pair)
    path.unlink()
    path.mkdir()
    first, second = on_sqlite.run(pair.key).uploads
    assert (first.state, second.state) == ("failed", "loaded")
    assert "grows.csv cannot be read: Is a directory" in first.message


def test_a_refusal_is_never_longer_than_people_read(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """500 refusals that quote a thousand headers each would swell every page."""
    names = [f"{number:04}-{'x' * 900}" for number in range(900)]
    path = tmp_path / "wide.csv"
    path.write_text(",".join(names) + "\n" + ",".join("1" * 900) + "\n")
    (report,) = on_sqlite.load(path).uploads
    assert report.state == "failed"
    assert len(report.message) <= LONGEST_MESSAGE


def test_the_database_is_asked_once_about_a_whole_batch(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """500 questions over a network are minutes in which nothing else happens."""
    on_sqlite.installation.database.create_tables()
    files = [
        write_csv(tmp_path / f"{n:02}.csv", rows_of([f"S{n}"], [2001]))
        for n in range(40)
    ]
    batch = on_sqlite.land(*files, *files[:5])
    asked: list[str] = []
    sa.event.listen(
        on_sqlite.installation.database.engine,
        "before_cursor_execute",
        lambda *told: asked.append(told[2]),
    )
    on_sqlite.read(batch.key)
    assert len([text for text in asked if "sha256" in text]) == 1
