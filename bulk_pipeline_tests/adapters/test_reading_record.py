"""A file that ends the process which reads it: it is left out, the others are not."""

import pytest

from bulk_pipeline.adapters.reading_record import RECORD_FILE, ReadingRecord
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, started, write_many
from bulk_pipeline_tests.builders import rows_of, write_csv

READ = """
import os, sys
from pathlib import Path
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
home, key, victim, time, end = sys.argv[1:]
opened = []

def hit(event, arguments):
    "End the process at the moment at which one file is opened to be read."
    if event == "open" and Path(str(arguments[0])).name == victim:
        opened.append(victim)
        if len(opened) == int(time):
            exec(end)

if victim:
    sys.addaudithook(hit)
Pipeline(installation_in(Path(home))).read(key)
"""
"""Reads a batch; something happens while one of its files is being read."""

KILL = "os.kill(os.getpid(), 9)"
LOOKED_AT, READ_AT_LAST = 2, 3
"""Files are opened to be hashed, to be looked at in advance, and to be read."""
LITTLE_MEMORY = """
import resource
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (40 << 20),) * 2)
"""


@pytest.fixture
def three(on_sqlite: Pipeline, tmp_path):
    """A batch of three files that has landed."""
    return on_sqlite.land(
        write_csv(tmp_path / "1.csv", rows_of("AB", [2001])),
        write_csv(tmp_path / "2.csv", rows_of("CD", [2001])),
        write_csv(tmp_path / "3.csv", rows_of("EF", [2001])),
    )


def attempt(
    pipeline: Pipeline,
    batch,
    end: str,
    victim: int | None = 1,
    time: int = READ_AT_LAST,
    **variables,
):
    """Read a batch in a process of its own; returns how it ended and what it said."""
    name = "" if victim is None else batch.uploads[victim].stored_name
    home = pipeline.installation.home.root
    process = started(READ, home, batch.key, name, time, end, **variables)
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


@pytest.mark.parametrize(
    ("end", "time", "code"),
    [
        (KILL, READ_AT_LAST, -9),
        (KILL, LOOKED_AT, -9),
        ("raise MemoryError", READ_AT_LAST, 1),
    ],
)
def test_a_file_that_ends_the_process_three_times_is_left_out(
    on_sqlite: Pipeline, three, end, time, code
) -> None:
    """One file that no process survives must not keep 499 waiting for ever."""
    for _ in range(3):
        assert attempt(on_sqlite, three, end, time=time)[0] == code
    published = on_sqlite.run(three.key)
    assert [u.state for u in published.uploads] == ["loaded", "failed", "loaded"]
    refused = published.uploads[1]
    assert "2.csv ended the process 3 times" in refused.message
    assert f"bulk-pipeline retry {refused.key}" in refused.message
    assert {row[0] for row in on_sqlite.stored()} == set("ABEF")
    again = on_sqlite.run(three.key).uploads
    assert [u.state for u in again] == ["loaded", "failed", "loaded"]


def test_two_deaths_condemn_nobody(on_sqlite: Pipeline, three) -> None:
    """A machine that is switched off twice says nothing about the file."""
    for _ in range(2):
        assert attempt(on_sqlite, three, KILL)[0] == -9
    published = on_sqlite.run(three.key)
    assert [u.state for u in published.uploads] == ["loaded"] * 3


@pytest.mark.parametrize("point", ["file read", "chunks written"])
def test_deaths_elsewhere_count_for_nobody(on_sqlite: Pipeline, three, point) -> None:
    """Who happened to be read last before a kill has done nothing."""
    for _ in range(3):
        code, said = attempt(on_sqlite, three, "", None, BULK_PIPELINE_CRASH_AT=point)
        assert code == -9, said
    published = on_sqlite.run(three.key)
    assert [u.state for u in published.uploads] == ["loaded"] * 3


def test_a_run_that_somebody_stopped_says_nothing_about_a_file(
    on_sqlite: Pipeline, three
) -> None:
    """Who ends a run by hand three times must not find a file condemned."""
    for _ in range(3):
        assert attempt(on_sqlite, three, "raise KeyboardInterrupt")[0] != 0
    published = on_sqlite.run(three.key)
    assert [u.state for u in published.uploads] == ["loaded"] * 3


def test_a_file_too_large_for_the_memory_is_left_out(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """The real thing: parsers abort where the system gives no more memory."""
    small = write_csv(tmp_path / "small.csv", rows_of("AB", [2001]))
    large = write_many(tmp_path / "large.csv", range(6_000), range(1900, 2000))
    batch = on_sqlite.land(small, large)
    for _ in range(3):
        code, said = attempt(on_sqlite, batch, LITTLE_MEMORY)
        assert code != 0
        # even the stack of a thread may be too much
        assert any(word in said for word in ("alloc", "Memory", "new thread")), said
    published = on_sqlite.run(batch.key)
    assert {u.file: u.state for u in published.uploads} == {
        "small.csv": "loaded",
        "large.csv": "failed",
    }
    assert counts(published.uploads[0])[1] == 2


def test_nothing_is_left_of_a_record_without_deaths(on_sqlite: Pipeline, three) -> None:
    """A landed folder holds its files and nothing that people wonder about."""
    on_sqlite.read(three.key)
    folder = on_sqlite.installation.home.landing(three.key)
    assert not (folder / RECORD_FILE).exists()


def test_a_record_does_not_grow_with_the_attempts(tmp_path) -> None:
    """A batch that waits for its database is read again every hour for weeks."""
    for _ in range(50):
        with ReadingRecord(tmp_path) as record:
            record.say("begin", "victim")
            for number in range(20):
                with record.of(f"other-{number}"):
                    pass
            record.say("end", "victim" if record.deaths["victim"] else "nobody")
    assert ReadingRecord(tmp_path).deaths == {"victim": 1}
    assert (tmp_path / RECORD_FILE).stat().st_size < 3_000


def test_a_batch_that_is_read_twice_at_once_is_read_twice(tmp_path) -> None:
    """A broker hands a step out again when it loses sight of the first worker."""
    with ReadingRecord(tmp_path) as first, first.of("file"):
        with ReadingRecord(tmp_path) as second, second.of("file"):
            pass
        (tmp_path / RECORD_FILE).unlink(missing_ok=True)  # as where the other ends last
    assert ReadingRecord(tmp_path).deaths.total() == 0
