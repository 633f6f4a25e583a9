"""Laws of processes that live and die together."""

import os
import signal
import threading
import time

import psutil
import pytest

from bulk_pipeline.cli import supervising
from bulk_pipeline.cli.supervising import RESTARTS, WITHIN_SECONDS, Family, Member
from bulk_pipeline.core.errors import ConfigurationError, PermanentError


def children() -> list[psutil.Process]:
    """What this process has started and what runs."""
    return psutil.Process().children(recursive=True)


@pytest.mark.parametrize(
    ("command", "how"), [("exit 3", "ended with code 3"), ("kill -9 $$", "SIGKILL")]
)
def test_what_dies_again_and_again_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    how: str,
) -> None:
    """A broken installation must be said, not be started until somebody looks."""
    monkeypatch.setattr(supervising, "FIRST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(supervising, "LOOK_SECONDS", 0.01)
    with Family() as family:
        family.start("lamp", "sh", "-c", command)
        with pytest.raises(PermanentError, match=f"The lamp .*{how}.*6th time"):
            family.wait()

    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == RESTARTS
    assert all("The lamp" in line and how in line for line in printed)


def test_each_new_start_waits_longer_until_old_deaths_are_forgotten() -> None:
    """A database that is away for a minute must not use up all starts in a second."""
    with Family() as family:
        family.start("lamp", "sleep", "60")
        member: Member = family._members[0]
        pauses = [member.pause(now) for now in range(RESTARTS + 1)]
        later = member.pause(2 * WITHIN_SECONDS)

    assert pauses == [1, 2, 4, 8, 16, None]
    assert later == 1


def test_a_signal_ends_the_wait_and_all_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C must not leave anything behind, not even what does not listen."""
    monkeypatch.setattr(supervising, "STOP_SECONDS", 0.5)
    before = signal.getsignal(signal.SIGTERM)
    known = set(children())
    with Family() as family:
        family.start("lamp", "sleep", "60")
        family.start("deaf one", "sh", "-c", "trap '' INT; sleep 60; sleep 60")
        time.sleep(0.5)  # the trap must be set
        mine = set(children()) - known
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        family.wait()
    _, alive = psutil.wait_procs(mine, timeout=5)

    assert len(mine) >= 3
    assert alive == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_process_that_ends_before_all_are_ready_ends_the_start() -> None:
    """Nobody waits two minutes for what cannot come any more."""
    with Family() as family:
        family.start("lamp", "false")
        with pytest.raises(PermanentError, match="The lamp ended with code 1"):
            family.wait_until(lambda: False, "The lamp")


def test_a_process_run_to_its_end_tells_its_code() -> None:
    """What prepares the home may fail, and has said why."""
    with Family() as family:
        assert family.run("false") == 1
        assert family.run("true") == 0


def test_a_signal_ends_a_process_that_is_run_to_its_end() -> None:
    """Ctrl-C while the home is prepared must not wait for that."""
    with Family() as family:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.monotonic()
        family.run("sleep", "60")

        assert family.stopping
        assert time.monotonic() - began < 30


def test_a_missing_program_is_named() -> None:
    """It is installed with the package, unless somebody took it away."""
    with Family() as family, pytest.raises(ConfigurationError, match="no-such-program"):
        family.start("lamp", "no-such-program")
