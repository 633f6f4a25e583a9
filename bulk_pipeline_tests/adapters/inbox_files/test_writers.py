"""Files that somebody is still writing wait, however quiet they are."""

import os
import signal
import time
from datetime import UTC, datetime

import pytest

from bulk_pipeline.adapters import claiming
from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.looking import look
from bulk_pipeline_tests.adapters.harness import ended, killed_at_the_end, started
from bulk_pipeline_tests.adapters.inbox_files.inbox import inbox_in

STALLED = """
import sys
file = open(sys.argv[1], "ab")
print("open", flush=True)
sys.stdin.readline()
file.write(b"end")
"""

ASKING = """
import os, sys
from bulk_pipeline.adapters.writers import is_being_written
path, answers = sys.argv[1], set()
descriptor = os.open(path, os.O_RDONLY)
print("asking", flush=True)
for _ in range(20000):
    answers.add(is_being_written(descriptor))
print(sorted(answers))
"""

WRITING = """
import sys
print("writing", flush=True)
while True:
    open(sys.argv[1], "ab").close()
"""


@pytest.fixture
def honest(inbox):
    """Skips where the file system cannot tell of writers."""
    folder = os.open(inbox.path, os.O_RDONLY)
    try:
        if not claiming.tells_writers(folder):
            pytest.skip("this file system does not tell of writers")
    finally:
        os.close(folder)


@pytest.mark.usefixtures("honest")
def test_a_copy_that_stalls_for_minutes_waits_until_it_is_closed(inbox):
    """Its half would read as a whole file: the last rows would be lost in silence."""
    path = inbox.drop("a.csv", b"begin-")
    inbox.drop("b.csv", b"b")
    process = started(STALLED, path)
    with killed_at_the_end(process):
        assert process.stdout is not None
        process.stdout.readline()
        stalled = inbox.look()
        before = inbox.claimed()
        process.communicate("\n")
    after = inbox.look()

    assert before == {"b.csv": b"b"}
    assert "1 file is still being written" in str(stalled)
    assert inbox.claimed() == {"a.csv": b"begin-end", "b.csv": b"b"}
    assert after.unfinished == 0


@pytest.mark.usefixtures("honest")
def test_a_writer_that_comes_while_it_is_asked_for_ends_nobody(inbox):
    """The kernel tells the holder of a lease by a signal, which ends a process."""
    path = inbox.drop("a.csv", b"a")
    writer = started(WRITING, path)
    with killed_at_the_end(writer):
        assert writer.stdout is not None
        writer.stdout.readline()
        assert ended(started(ASKING, path)).splitlines() == ["asking", "[False, True]"]


def test_where_writers_cannot_be_told_the_quiet_time_decides(inbox, monkeypatch):
    """A share of another machine refuses every lease: its files must not wait so."""
    monkeypatch.setattr(claiming, "tells_writers", lambda _: False)
    with inbox.drop("a.csv", b"a").open("ab"):
        inbox.look()

    assert inbox.claimed() == {"a.csv": b"a"}


def test_a_growing_file_waits_and_a_resumed_copy_waits_again(tmp_path):
    """Each write starts the quiet time again."""
    inbox = inbox_in(tmp_path / "slow", BULK_PIPELINE_QUIET_SECONDS=0.6)
    path = inbox.drop("a.csv", b"1234567890")
    for content in (b"12345678901", b"123", b"123456789012"):  # grows, cut, resumed
        time.sleep(0.2)
        path.write_bytes(content)
        assert inbox.look().unfinished == 1
    time.sleep(0.7)
    inbox.look()

    assert inbox.claimed() == {"a.csv": b"123456789012"}
    inbox.pipeline.close()


def test_a_rename_while_the_inbox_is_looked_at_loses_nothing(inbox):
    """Seen under one name, there under another: the next look takes it."""
    path = inbox.drop("a.csv", b"a")
    stamps = look(inbox.path)
    path.rename(inbox.path / "b.csv")
    options = Options.from_settings(inbox.pipeline.installation.settings)

    assert claiming.claim(inbox.home, stamps, options, datetime.now(UTC)) is None
    inbox.look()
    assert inbox.claimed() == {"b.csv": b"a"}


def test_the_signal_of_a_broken_lease_is_one_that_is_ignored():
    """Should another library handle it one day, this says so."""
    assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL
