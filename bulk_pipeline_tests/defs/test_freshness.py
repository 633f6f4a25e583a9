"""Laws of a quiet inbox in Dagster: one warning, one message, and an end of both."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from bulk_pipeline.adapters.doctor.inbox import inbox_findings
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.findings import Level
from bulk_pipeline.defs.operations import alerts as module
from bulk_pipeline.defs.operations.alerts import alerts_sensor
from bulk_pipeline.defs.operations.failed_uploads import inbox
from bulk_pipeline.defs.operations.freshness import inbox_is_fresh
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline_tests.adapters.alert_servers import WebServer, web_server
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner

HOURS = 24


@pytest.fixture(autouse=True)
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A web server that alerts go to, and files expected every day."""
    monkeypatch.setenv("BULK_PIPELINE_INBOX_FRESH_HOURS", str(HOURS))
    with web_server() as server:
        monkeypatch.setenv("BULK_PIPELINE_ALERT_WEBHOOK", server.url)
        yield server


class Looks:
    """Ticks of the sensor at moments of our choice; the cursor goes from one on."""

    def __init__(self, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        self._runner = runner
        self._monkeypatch = monkeypatch
        self.cursor: str | None = None

    def after(self, hours: float) -> list[Any]:
        """What one look so many hours from now evaluates."""
        now = datetime.now(UTC) + timedelta(hours=hours)
        self._monkeypatch.setattr(module, "utc_now", lambda: now)
        resources = {"installation": InstallationResource()}
        with dg.build_sensor_context(
            instance=self._runner.instance, resources=resources, cursor=self.cursor
        ) as context:
            answer = alerts_sensor(context)
        if isinstance(answer, dg.SkipReason):
            return []
        assert isinstance(answer, dg.SensorResult)
        self.cursor = answer.cursor
        return list(answer.asset_events)


@pytest.fixture
def looks(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> Looks:
    """A sensor that has never looked."""
    return Looks(runner, monkeypatch)


def claimed(runner: Runner, tmp_path: Path, year: int) -> None:
    """One more file, taken now."""
    runner.claim(write_csv(tmp_path / f"{year}.csv", rows_of("A", [year])))


def messages(hook: WebServer) -> list[dict[str, Any]]:
    """The messages that arrived."""
    return [json.loads(body) for _, body in hook.got]


def told(hook: WebServer) -> list[str]:
    """The kinds of the messages that arrived."""
    return [message["kind"] for message in messages(hook)]


def test_a_quiet_inbox_is_told_of_once(
    runner: Runner, looks: Looks, hook: WebServer, tmp_path: Path
) -> None:
    """A message each half minute would be turned off, and then none arrives."""
    claimed(runner, tmp_path, 2001)

    assert [e.passed for e in looks.after(1)] == [True]
    assert looks.after(HOURS - 1) == []
    [late] = looks.after(HOURS + 2)
    assert (late.passed, late.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert late.metadata["hours_since_last_file"].value == pytest.approx(26, abs=0.1)
    assert looks.after(HOURS + 3) == []
    assert looks.after(HOURS + 90) == []
    assert told(hook) == ["quiet"]
    text = messages(hook)[0]["text"]
    assert text.startswith("No new file has come for longer than expected.")
    assert "26 h ago; one is expected every 24 h." in text
    assert "bulk-pipeline doctor" in text


def test_a_new_file_ends_it_and_the_next_silence_is_told_anew(
    runner: Runner, looks: Looks, hook: WebServer, tmp_path: Path
) -> None:
    """A warning that stays after its cause hides the next one."""
    claimed(runner, tmp_path, 2001)
    assert [e.passed for e in looks.after(HOURS + 1)] == [False]
    claimed(runner, tmp_path, 2002)

    assert [e.passed for e in looks.after(1)] == [True]
    assert [e.passed for e in looks.after(HOURS + 1)] == [False]
    assert told(hook) == ["quiet", "quiet"]


def test_a_retry_is_no_new_file(runner: Runner, looks: Looks, tmp_path: Path) -> None:
    """Whoever retries yesterday's file has not got today's."""
    claimed(runner, tmp_path, 2001)
    journal = runner.installation.journal
    with journal.transaction() as connection:
        connection.exec_driver_sql("UPDATE uploads SET retry_of = 'another'")

    [found] = looks.after(HOURS + 1)
    assert found.passed
    assert found.description == "No file was ever taken; one is expected every 24 h."


def test_who_expects_no_files_is_left_alone(
    runner: Runner,
    looks: Looks,
    hook: WebServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Most homes get files when there are some; silence is usual there."""
    monkeypatch.delenv("BULK_PIPELINE_INBOX_FRESH_HOURS")
    claimed(runner, tmp_path, 2001)

    assert looks.after(9_000) == []
    assert told(hook) == []


def test_turning_it_off_ends_the_warning(
    runner: Runner, looks: Looks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else would ever evaluate the check again."""
    claimed(runner, tmp_path, 2001)
    looks.after(HOURS + 1)
    monkeypatch.delenv("BULK_PIPELINE_INBOX_FRESH_HOURS")

    [found] = looks.after(HOURS + 2)
    assert found.passed
    assert "is not set" in str(found.description)
    assert looks.after(HOURS + 3) == []


def test_people_can_ask_in_the_ui(runner: Runner, tmp_path: Path) -> None:
    """The check is on the page of `inbox`, with a button."""
    claimed(runner, tmp_path, 2001)
    job = dg.define_asset_job(
        "ask", selection=dg.AssetSelection.checks_for_assets(inbox.key)
    )
    definitions = dg.Definitions.merge(runner.definitions, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("ask").execute_in_process(
        instance=runner.instance
    )

    [found] = result.get_asset_check_evaluations()
    assert found.check_name == inbox_is_fresh.check_key.name
    assert found.passed
    assert found.metadata["threshold"].value == HOURS


def test_the_doctor_says_it_too(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a UI and without a message it is the place to look at."""
    claimed(runner, tmp_path, 2001)
    [fresh] = inbox_findings(Settings.from_environment())
    monkeypatch.setenv("BULK_PIPELINE_INBOX_FRESH_HOURS", "1e-9")
    [late] = inbox_findings(Settings.from_environment())

    assert fresh.level is Level.OK
    assert "one is expected every 24 h" in fresh.what
    assert late.level is Level.WARNING
    assert "bulk-pipeline up" in late.cure


def test_the_doctor_makes_no_journal(home: Path) -> None:
    """A look at a home that is not there yet leaves it so."""
    assert list(inbox_findings(Settings.from_environment())) == []
    assert not Home(home).journal.exists()
