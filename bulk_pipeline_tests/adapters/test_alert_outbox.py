"""Laws of the outbox: what is told once, what is told again, what is given up."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.alert_channels import Unusable, channels, wanted
from bulk_pipeline.adapters.alert_delivery import Delivered, deliver
from bulk_pipeline.adapters.alert_noticing import (
    ATTEMPTS_BEFORE_TOLD,
    MOST_APART,
    MOST_BATCHES,
    WAITING_APART,
)
from bulk_pipeline.adapters.alert_outbox import (
    FIRST_WAIT,
    GIVEN_UP_AFTER,
    KEPT_FOR,
    LONGEST_WAIT,
    Outbox,
)
from bulk_pipeline.adapters.alert_reasons import Unexplained, explain, unexplained
from bulk_pipeline.adapters.alert_webhook import Webhook
from bulk_pipeline.adapters.batches import Batch, Options, Upload
from bulk_pipeline.adapters.journal import Journal, UploadReport
from bulk_pipeline.adapters.journal_tables import alerted, alerts, uploads
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.alerts import Alert
from bulk_pipeline.core.errors import BulkPipelineError, PermanentError, TransientError
from bulk_pipeline_tests.adapters.alert_servers import web_server
from bulk_pipeline_tests.adapters.harness import started

OPTIONS = Options("skip", "keep", "Q4", "percent")
START = datetime(2026, 1, 1, tzinfo=UTC)

SENDING = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from bulk_pipeline.adapters.alert_channels import channels
from bulk_pipeline.adapters.alert_delivery import deliver
from bulk_pipeline.adapters.alert_outbox import Outbox
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.settings import Settings
outbox = Outbox(Journal(Path(sys.argv[1])))
outbox.notice(["webhook"], datetime.now(UTC))
print(os.getpid(), flush=True)
deliver(outbox, channels(Settings.from_environment()), lambda: datetime.now(UTC))
print("done")
"""


@dataclass
class Recording:
    """A channel that keeps what it is given, or raises what it is told to."""

    name: str = "webhook"
    errors: list[BulkPipelineError] = field(default_factory=list)
    got: list[tuple[str, Alert]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)

    def send(self, alert: Alert, identity: str) -> None:
        """Take the alert, or do not."""
        self.tried.append(alert.batch)
        if self.errors:
            raise self.errors.pop(0)
        self.got.append((identity, alert))


@dataclass
class Home:
    """A journal, its outbox, one channel and a clock that stands still."""

    journal: Journal
    channel: Recording = field(default_factory=Recording)
    now: datetime = START

    @property
    def outbox(self) -> Outbox:
        """The outbox, as each process opens it anew."""
        return Outbox(self.journal)

    def claim(self, key: str = "b", number: int = 1) -> None:
        """A batch of some files."""
        members = tuple(
            Upload(f"{key}-{n}", f"{n}.csv", f"{n:05}-x", 10, submitted_by="team-a")
            for n in range(number)
        )
        self.journal.claim(Batch(key, START.isoformat(), OPTIONS, members))

    def fail(self, key: str = "b", number: int = 1) -> None:
        """A batch whose files were all refused."""
        self.claim(key, number)
        self.journal.start(key, f"run-{key}")
        self.journal.finish(
            UploadReport(f"{key}-{n}", f"{n}.csv", "failed", message=f"Bad {n}.")
            for n in range(number)
        )

    def wait(self, key: str, attempts: int) -> None:
        """A batch that was run in vain so often."""
        self.claim(key)
        for attempt in range(attempts):
            self.journal.start(key, f"run-{key}-{attempt}")
            self.journal.stop(key, "waiting", "The database is away.")

    def look(self) -> Delivered:
        """Notice and send, at this moment."""
        self.outbox.notice([self.channel.name], self.now)
        return deliver(self.outbox, [self.channel], lambda: self.now)

    def told(self) -> list[str]:
        """Batches of the alerts that were taken."""
        return [alert.batch for _, alert in self.channel.got]

    def rows(self) -> list[tuple[str, int, str]]:
        """State, attempts and error of each row of the outbox, oldest first."""
        query = sa.select(alerts.c.state, alerts.c.attempts, alerts.c.error)
        with self.journal.transaction() as connection:
            found = connection.execute(query.order_by(alerts.c.made_at))
            return [tuple(row) for row in found]


@pytest.fixture
def journal_file(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "home" / "journal.db"


@pytest.fixture
def outbox_home(journal_file: Path) -> Iterator[Home]:
    """A home with nothing in it."""
    made = Home(Journal(journal_file))
    yield made
    made.journal.close()


def test_a_failed_upload_is_told_once(outbox_home: Home) -> None:
    """A message that comes every half minute is switched off, and then none is read."""
    outbox_home.fail()
    for _ in range(3):
        outbox_home.look()
        outbox_home.now += timedelta(hours=1)

    [(_, alert)] = outbox_home.channel.got
    [upload] = alert.uploads
    assert (alert.kind, alert.batch, alert.run_id, alert.more) == ("failed", "b", "", 0)
    assert (upload.file, upload.submitted_by, upload.reason, upload.key) == (
        "0.csv",
        "team-a",
        "Bad 0.",
        "b-0",
    )


def test_a_batch_that_fails_again_in_a_back_fill_is_old_news(outbox_home: Home) -> None:
    """A back-fill over all partitions finds every bad file of a year bad again."""
    outbox_home.fail()
    outbox_home.look()
    outbox_home.journal.finish([UploadReport("b-0", "0.csv", "failed", message="Bad.")])
    outbox_home.look()

    assert outbox_home.told() == ["b"]


def test_five_hundred_bad_files_are_one_message(outbox_home: Home) -> None:
    """A storm of messages hides the one that matters."""
    outbox_home.fail("b", 500)
    outbox_home.look()

    [(_, alert)] = outbox_home.channel.got
    assert alert.count == 500
    assert len(json.dumps([u.file for u in alert.uploads])) < 1_000


def test_more_batches_than_one_look_takes_are_told_by_the_next(
    outbox_home: Home,
) -> None:
    """A look is bounded; what it leaves is not lost, and no batch is cut in two."""
    keys = [f"b{n:03}" for n in range(MOST_BATCHES + 5)]
    for key in keys:
        outbox_home.fail(key, 2)
    outbox_home.look()
    [(_, first)] = outbox_home.channel.got
    outbox_home.look()

    assert (first.count, first.batches) == (2 * MOST_BATCHES, MOST_BATCHES)
    assert outbox_home.told()[1:] == keys[MOST_BATCHES:]
    assert outbox_home.channel.got[-1][1].count == 2


@pytest.mark.parametrize("number", [MOST_APART, MOST_APART + 1])
def test_many_batches_with_failures_are_one_message(
    outbox_home: Home, number: int
) -> None:
    """A storm of batches hides as much as one of files."""
    for n in range(number):
        outbox_home.fail(f"b{n:03}")
    outbox_home.look()

    together = number > MOST_APART
    assert len(outbox_home.told()) == (1 if together else number)
    assert sum(alert.count for _, alert in outbox_home.channel.got) == number
    assert outbox_home.outbox.unsent() == []


def test_failures_of_before_the_upgrade_are_old_news(journal_file: Path) -> None:
    """The first start of a new version must not tell two years of failures."""
    home = Home(Journal(journal_file))
    home.fail("old")
    with home.journal.transaction() as connection:
        alerts.drop(connection)
        alerted.drop(connection)
    home.journal.close()
    upgraded = Home(Journal(journal_file))
    upgraded.fail("new")
    upgraded.look()
    upgraded.journal.close()

    assert upgraded.told() == ["new"]


def test_a_channel_that_is_set_up_later_gets_only_what_is_new(
    outbox_home: Home,
) -> None:
    """Whoever tries the webhook out does not want last month in it."""
    outbox_home.fail("old")
    outbox_home.outbox.notice(["ui"], outbox_home.now)
    outbox_home.fail("new")
    outbox_home.look()

    assert outbox_home.told() == ["new"]


def test_a_batch_that_waits_is_told_after_some_attempts_and_once(
    outbox_home: Home,
) -> None:
    """A busy database is no news; one that is away for the night is, once."""
    outbox_home.wait("b", ATTEMPTS_BEFORE_TOLD - 1)
    outbox_home.look()
    early = outbox_home.told()
    for attempt in range(20):
        outbox_home.wait("b", 1)
        outbox_home.now += WAITING_APART * attempt
        outbox_home.look()

    assert early == []
    [(_, alert)] = outbox_home.channel.got
    assert (alert.kind, alert.uploads[0].reason) == ("waiting", "The database is away.")


def test_batches_that_wait_are_told_together_and_seldom(outbox_home: Home) -> None:
    """A database that is away keeps every batch waiting, one after the other."""
    outbox_home.wait("a", ATTEMPTS_BEFORE_TOLD)
    outbox_home.wait("b", ATTEMPTS_BEFORE_TOLD)
    outbox_home.look()
    for key in "cde":
        outbox_home.now += WAITING_APART / 10
        outbox_home.wait(key, ATTEMPTS_BEFORE_TOLD)
        outbox_home.look()
    within_the_hour = len(outbox_home.channel.got)
    outbox_home.now += WAITING_APART
    outbox_home.look()

    assert within_the_hour == 1
    told = [[u.batch for u in a.uploads] for _, a in outbox_home.channel.got]
    assert told == [["a", "b"], ["c", "d", "e"]]


def test_a_batch_that_waited_and_then_failed_is_told_again(outbox_home: Home) -> None:
    """That it failed for good is another thing, and somebody has to act."""
    outbox_home.wait("b", ATTEMPTS_BEFORE_TOLD)
    outbox_home.look()
    outbox_home.journal.stop("b", "failed", "Bad.")
    outbox_home.look()

    assert [a.kind for _, a in outbox_home.channel.got] == ["waiting", "failed"]


def test_what_is_not_taken_is_tried_again_ever_more_seldom(outbox_home: Home) -> None:
    """A chat program that is down for a night must still get the message."""
    outbox_home.fail()
    outbox_home.channel.errors = [TransientError("down")] * 9
    waits = []
    while not outbox_home.channel.got:
        outbox_home.look()
        before = outbox_home.now
        while (
            not outbox_home.channel.got
            and outbox_home.outbox.due("webhook", outbox_home.now) is None
        ):
            outbox_home.now += timedelta(seconds=15)
        waits.append(outbox_home.now - before)

    expected = [min(FIRST_WAIT * 2**n, LONGEST_WAIT) for n in range(9)]
    assert waits[:9] == expected
    assert outbox_home.rows() == [("sent", 9, "")]


def test_a_channel_that_is_down_is_asked_once_for_all(outbox_home: Home) -> None:
    """A hundred messages must not wait for a hundred time-outs."""
    for key in "abc":
        outbox_home.fail(key)
    outbox_home.channel.errors = [TransientError("down")]
    done = outbox_home.look()
    outbox_home.now += FIRST_WAIT / 2
    outbox_home.look()
    asked = len(outbox_home.channel.tried)
    outbox_home.now += FIRST_WAIT
    outbox_home.look()

    assert done == Delivered(0, ("webhook: down",))
    assert asked == 1
    assert sorted(outbox_home.told()) == ["a", "b", "c"]


def test_a_message_that_is_refused_holds_no_other_back(outbox_home: Home) -> None:
    """One odd file name must not silence all alerts."""
    for key in "abc":
        outbox_home.fail(key)
    outbox_home.channel.errors = [PermanentError("too odd")]
    outbox_home.look()

    assert len(outbox_home.told()) == 2


def test_a_channel_that_is_down_holds_no_other_channel_back(outbox_home: Home) -> None:
    """E-mail must arrive while the chat program is away."""
    outbox_home.fail()
    other = Recording("mail")
    outbox_home.channel.errors = [TransientError("down")]
    outbox_home.outbox.notice(["webhook", "mail"], START)
    deliver(outbox_home.outbox, [outbox_home.channel, other], lambda: START)

    assert [a.batch for _, a in other.got] == ["b"]
    assert outbox_home.told() == []


def test_after_a_day_an_alert_is_given_up_and_that_is_said(
    outbox_home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """What failed last week is no news when the channel comes back."""
    outbox_home.fail()
    outbox_home.channel.errors = [TransientError("down")] * 3
    outbox_home.look()
    outbox_home.now += GIVEN_UP_AFTER
    outbox_home.look()
    outbox_home.now += LONGEST_WAIT
    outbox_home.look()

    assert outbox_home.rows() == [("given up", 2, "down")]
    assert len(outbox_home.channel.tried) == 2
    assert "given up after 2 attempts through webhook: down" in caplog.text


def test_an_alert_that_nobody_tried_to_send_is_sent_however_old(
    outbox_home: Home,
) -> None:
    """The daemon was off for a week-end: that is when people need to hear it."""
    outbox_home.fail()
    outbox_home.outbox.notice(["webhook"], outbox_home.now)
    outbox_home.now += 3 * GIVEN_UP_AFTER
    outbox_home.look()
    outbox_home.outbox.tidy(["webhook"], outbox_home.now)

    assert outbox_home.told() == ["b"]


def test_alerts_of_a_channel_that_is_set_up_no_more_are_given_up(
    outbox_home: Home,
) -> None:
    """Else they would all come on the day that it is set up again."""
    outbox_home.fail()
    outbox_home.outbox.notice(["webhook"], outbox_home.now)
    outbox_home.outbox.tidy(["ui"], outbox_home.now)
    waits = outbox_home.rows()
    outbox_home.outbox.tidy(["ui"], outbox_home.now + 2 * GIVEN_UP_AFTER)

    assert waits == [("waiting", 0, "")]
    assert outbox_home.rows() == [("given up", 0, "No longer set up.")]


def test_a_setting_that_cannot_be_keeps_the_alert_until_it_is_corrected(
    outbox_home: Home,
) -> None:
    """A typing mistake found after lunch must not cost the morning's alerts."""
    outbox_home.fail()
    half = {"BULK_PIPELINE_ALERT_TO": "a@example.com"}
    settings = Settings.from_environment(half)
    outbox_home.outbox.notice(wanted(settings), START)
    [broken] = channels(settings)
    done = deliver(outbox_home.outbox, [broken], lambda: START)
    mended = Recording("mail")
    later = START + FIRST_WAIT
    deliver(outbox_home.outbox, [mended], lambda: later)

    assert isinstance(broken, Unusable)
    assert "BULK_PIPELINE_ALERT_SMTP_URL" in done.problems[0]
    assert [a.batch for _, a in mended.got] == ["b"]


def test_what_is_over_is_forgotten_but_not_that_it_was_told(outbox_home: Home) -> None:
    """The outbox must not grow for ever, and nobody wants to hear it again."""
    outbox_home.fail("kept")
    outbox_home.fail("retired")
    outbox_home.look()
    with outbox_home.journal.transaction() as connection:
        connection.execute(uploads.delete().where(uploads.c.batch == "retired"))
    outbox_home.now += KEPT_FOR + timedelta(days=1)
    outbox_home.outbox.tidy(["webhook"], outbox_home.now)
    outbox_home.look()

    assert outbox_home.rows() == []
    assert sorted(outbox_home.told()) == ["kept", "retired"]
    with outbox_home.journal.transaction() as connection:
        assert connection.scalars(sa.select(alerted.c.subject)).all() == ["kept-0"]


def test_killed_between_the_answer_and_the_note_the_message_comes_again(
    outbox_home: Home, journal_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice under one id is a nuisance; never would be a loss."""
    outbox_home.fail()
    with web_server() as server:
        monkeypatch.setenv("BULK_PIPELINE_ALERT_WEBHOOK", f"{server.url}/s3cr3t")
        process = started(SENDING, journal_file)
        assert process.stdout is not None
        process.stdout.readline()
        server.before = lambda: process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        server.before = None
        again = started(SENDING, journal_file)
        out, error = again.communicate(timeout=60)
        once_more = started(SENDING, journal_file)
        once_more.communicate(timeout=60)

    assert process.returncode == -signal.SIGKILL
    assert out.splitlines()[-1] == "done", error
    first, second = [json.loads(body) for _, body in server.got]
    assert first == second


def test_a_webhook_that_answers_500_and_then_200_has_the_message_once(
    outbox_home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """This is what restarts of the other side look like; the URL is in no record."""
    outbox_home.fail()
    with web_server() as server:
        url = f"{server.url}/s3cr3t"
        settings = Settings.from_environment({"BULK_PIPELINE_ALERT_WEBHOOK": url})
        hook = Webhook.of(settings)
        server.answers = [500]
        outbox_home.outbox.notice(["webhook"], START)
        done = deliver(outbox_home.outbox, [hook], lambda: START)
        failed = outbox_home.rows()
        deliver(outbox_home.outbox, [hook], lambda: START + FIRST_WAIT)
        deliver(outbox_home.outbox, [hook], lambda: START + GIVEN_UP_AFTER)

    assert done.problems == ("webhook: The webhook answered 500.",)
    assert failed == [("waiting", 1, "The webhook answered 500.")]
    assert outbox_home.rows() == [("sent", 1, "")]
    assert len(server.got) == 2
    journal = outbox_home.journal._path
    written = b"".join(f.read_bytes() for f in journal.parent.glob("journal.db*"))
    assert b"s3cr3t" not in written
    assert "s3cr3t" not in caplog.text


def test_a_reason_is_written_where_none_was_and_nothing_else_changes(
    outbox_home: Home,
) -> None:
    """The next attempt is timed by the moment of the last change."""
    outbox_home.wait("better", 1)
    for key in ("lost", "other"):
        outbox_home.claim(key)
        outbox_home.journal.start(key, f"run-{key}")
        message = "The run ended before the batch did; it is tried again."
        outbox_home.journal.stop(key, "waiting", message)
    before = outbox_home.journal.progress("lost")
    found = unexplained(outbox_home.journal)
    for each in [*found, Unexplained("better", "run-better-0")]:
        explain(outbox_home.journal, each, f"Why {each.batch}.")
    explain(outbox_home.journal, Unexplained("lost", "another run"), "No.")

    said = {u.batch: (u.state, u.message) for u in outbox_home.journal.uploads()}
    assert said == {
        "better": ("waiting", "The database is away."),
        "lost": ("waiting", "Why lost."),
        "other": ("waiting", "Why other."),
    }
    assert outbox_home.journal.progress("lost") == before
    assert unexplained(outbox_home.journal) == []
