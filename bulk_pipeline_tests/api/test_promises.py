"""Promised keys: an upload has the key that its user was told, whatever dies."""

import signal
from contextlib import closing
from datetime import timedelta

import pytest

from bulk_pipeline.adapters import reservations, sweeping
from bulk_pipeline.adapters.atomic import PARTIAL
from bulk_pipeline.adapters.batches import batch_in
from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline.adapters.receiving import Arrival
from bulk_pipeline.adapters.reservations import reserve, reserved
from bulk_pipeline.adapters.sweeping import OLD_SECONDS, sweep
from bulk_pipeline_tests.adapters.harness import installation_in, started
from bulk_pipeline_tests.api.site import GOOD, Site

LOOKING = """
from datetime import UTC, datetime
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.intake import claim_settled
claim_settled(Installation.from_environment(), datetime.now(UTC))
"""
POINTS = ["claim begun", "file claimed", "claim landed", "claim entered"]


@pytest.mark.parametrize("point", POINTS)
def test_a_claim_that_is_killed_anywhere_keeps_the_promised_key(
    site: Site, point: str
) -> None:
    """Its user asks with that key for ever; another one tells him nothing."""
    keys = [site.key(f"{n}.csv", GOOD + b"\n" * n) for n in range(3)]
    home = str(site.installation.home.root)
    given = {"BULK_PIPELINE_HOME": home, "BULK_PIPELINE_QUIET_SECONDS": "0"}
    process = started(LOOKING, **given, **{VARIABLE: point})
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors

    for key in keys:
        assert site.upload(key)["state"] in ("received", "claimed")
    site.look()
    found = {
        upload.key: upload.file_name
        for folder in site.installation.home.landings.glob("[!.]*")
        for upload in batch_in(folder).uploads
    }
    assert found == {key: f"{n}.csv" for n, key in enumerate(keys)}
    assert {u.key for u in site.installation.journal.uploads()} == set(keys)
    assert reserved(site.installation.journal) == []


def test_a_file_that_was_dropped_beside_gets_a_key_of_its_own(site: Site) -> None:
    """Both ways into the inbox are open at once."""
    key = site.key("sent.csv")
    (site.inbox / "api" / "dropped.csv").write_bytes(GOOD + b"\n")
    (site.inbox / "sent.csv").write_bytes(GOOD + b"\n\n")
    site.look()
    names = {u.key: u.file for u in site.installation.journal.uploads()}
    assert names.pop(key) == "sent.csv"
    assert sorted(names.values()) == ["dropped.csv", "sent.csv"]


def test_a_promise_counts_for_its_own_file_only(site: Site) -> None:
    """A name that somebody copies to another folder is no file of that user."""
    key = site.key()
    [path] = (site.inbox / "api").iterdir()
    (site.inbox / "other").mkdir()
    path.rename(site.inbox / "other" / path.name)
    site.look()
    [upload] = site.installation.journal.uploads()
    assert upload.key != key
    assert upload.file == path.name


def test_an_old_promise_without_a_file_is_forgotten(site: Site, monkeypatch) -> None:
    """It would be shown as received for ever."""
    kept = site.key("kept.csv")
    journal = site.installation.journal
    lost = reservations.promised("api", "lost.csv", 5)
    reserve(journal, lost)
    sweep(site.installation)
    assert {one.key for one in reserved(journal)} == {kept, lost.key}

    monkeypatch.setattr(reservations, "FORGOTTEN", timedelta(0))
    assert f"promised key {lost.key}" in sweep(site.installation)
    assert [one.key for one in reserved(journal)] == [kept]
    site.look()
    assert site.upload(kept)["state"] == "claimed"


def test_what_never_arrived_whole_is_swept_after_an_hour(
    site: Site, monkeypatch
) -> None:
    """Each kill may leave two gigabytes; other programs' files are theirs."""
    arrival = Arrival(site.installation, "anna")
    arrival.begin()
    arrival.write(GOOD)
    foreign = site.inbox / "anna" / f".rsync.abcd1234{PARTIAL}"
    foreign.write_text("half")
    [left] = set((site.inbox / "anna").iterdir()) - {foreign}
    shown = str(left.relative_to(site.installation.home.root))
    site.look()
    assert shown not in sweep(site.installation)

    class Later:
        """The clock of the sweep, an hour later."""

        time = staticmethod(lambda: left.stat().st_ctime + OLD_SECONDS + 1)

    monkeypatch.setattr(sweeping, "time", Later)
    assert shown in sweep(site.installation)
    assert list((site.inbox / "anna").iterdir()) == [foreign]
    arrival.close()


def test_nothing_is_written_once_an_arrival_was_given_up(site: Site) -> None:
    """A thread may come to its work late; the descriptor is somebody else's by then."""
    arrival = Arrival(site.installation, "anna")
    arrival.begin()
    arrival.close()
    arrival.close()
    for late in (lambda: arrival.write(b"x"), lambda: arrival.finish("a.csv")):
        with pytest.raises(ValueError, match="given up"):
            late()
    assert site.there() == {}
    assert reserved(site.installation.journal) == []


def test_a_journal_that_cannot_be_written_leaves_no_file(
    site: Site, monkeypatch
) -> None:
    """A file whose key is promised nowhere is one that nobody can ask for."""

    def fails(*arguments):
        """Be full."""
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bulk_pipeline.adapters.receiving.reserve", fails)
    answer = site.send()
    assert answer.status_code == 507
    assert site.there() == {}


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_full_disk_leaves_nothing(site: Site, monkeypatch, step: str) -> None:
    """Half a file, or a promise without one, is left for somebody to wonder at."""

    def fails(*arguments, **named):
        """Be full."""
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"bulk_pipeline.adapters.receiving.os.{step}", fails)
    answer = site.send()
    monkeypatch.undo()
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["detail"]
    assert site.there() == {}
    assert reserved(site.installation.journal) == []


def test_a_journal_of_before_takes_promises(site: Site) -> None:
    """A home of an older version is opened by a newer server."""
    site.installation.journal.home_id()
    with site.installation.journal.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE reservations")
    with closing(installation_in(site.installation.home.root)) as opened_later:
        assert reserved(opened_later.journal) == []
