"""Laws of runs whose spans are scored through an exchange."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline.adapters.exchange import afar, plan
from bulk_pipeline.adapters.exchange.exchange import Exchange
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import own_batch
from bulk_pipeline.adapters.moving import failed_file
from bulk_pipeline.adapters.tick import FIRST_WAIT_SECONDS
from bulk_pipeline.core.errors import ModelRefused, PermanentError, TransientError
from bulk_pipeline.defs.failures import Told, told_by, told_in_events
from bulk_pipeline.defs.operations.tidying import Tidied, tidy, would_tidy
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner
from bulk_pipeline_tests.defs.housekept import later
from bulk_pipeline_tests.defs.watching import Watch

SCORE_STEP = "batch_predictions.score_chunk"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An exchange that every batch goes through; none is waited for."""
    made = tmp_path / "exchange"
    made.mkdir()
    monkeypatch.setenv("BULK_PIPELINE_CHUNKS_URL", f"file://{made}")
    monkeypatch.setenv("BULK_PIPELINE_CHUNKS_ROWS", "1")
    monkeypatch.setenv("BULK_PIPELINE_RETRIES", "1")
    monkeypatch.setenv("ULTRA_BATCH_SIZE", "3")
    return made


def batches_in(folder: Path) -> list[str]:
    """Batches that have something in the exchange."""
    return sorted(p.name for p in folder.iterdir() if p.name != "models")


def score_steps(result: dg.ExecuteInProcessResult) -> Sequence[str]:
    """Keys of the steps that scored a span."""
    keys = {event.step_key for event in result.all_events if event.is_step_success}
    return sorted(key for key in keys if key and key.startswith(SCORE_STEP))


def test_a_batch_goes_through_the_exchange_and_leaves_nothing_there(
    folder: Path, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows are stored, by steps that any machine could have run."""
    monkeypatch.setenv("ULTRA_PARALLEL_WORKERS", "2")
    batch = runner.claim(write_csv(tmp_path / "a.csv", rows_of("ABC", [2001, 2002])))
    result = runner.run(batch)

    assert result.success
    keys = score_steps(result)
    assert len(keys) == 2
    assert all(f"[span_{n}_" in key for n, key in enumerate(keys))
    assert batches_in(folder) == []
    [upload] = runner.installation.journal.uploads()
    assert upload.state == "loaded"
    figures = runner.metadata("annual_predictions")
    assert figures["rows_read"] == figures["inserted"] == 6
    assert figures["seconds_score"] > 0


def test_a_small_batch_has_no_step_elsewhere(
    folder: Path, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task on another machine begins after a second; a few rows take no time."""
    monkeypatch.setenv("BULK_PIPELINE_CHUNKS_ROWS", "7")
    batch = runner.claim(write_csv(tmp_path / "a.csv", rows_of("ABC", [2001, 2002])))
    result = runner.run(batch)

    assert result.success
    assert score_steps(result) == []
    assert list(folder.iterdir()) == []
    assert runner.metadata("annual_predictions")["inserted"] == 6


def refuse(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker fail as it reads the model, as one with other packages does."""

    def load(_: Path) -> None:
        raise error

    monkeypatch.setattr(afar, "load_model", load)


def test_a_batch_that_cannot_be_scored_elsewhere_fails_once_and_for_all(
    folder: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker has no journal; the batch must not be tried for ever without a word."""
    refuse(ModelRefused("x.skops: it was saved by another version."), monkeypatch)
    watch.drop("accounts.csv")
    [result] = watch.take()
    assert not result.success
    assert watch.states() == {"accounts.csv": "running"}

    assert watch.keys() == []
    assert watch.states() == {"accounts.csv": "failed"}
    installation = watch.runner.installation
    [upload] = installation.journal.uploads()
    assert upload.message == "x.skops: it was saved by another version."
    assert failed_file(installation, upload.key, upload.file).exists()
    watch.later(7200)
    assert watch.keys() == []


def test_a_batch_whose_exchange_is_away_waits_with_the_reason(
    folder: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store comes back, and then the batch is loaded by itself."""
    with monkeypatch.context() as patch:
        refuse(TransientError("The store is away."), patch)
        watch.drop("accounts.csv")
        [result] = watch.take()
    assert not result.success
    assert watch.keys() == []
    [upload] = watch.runner.installation.journal.uploads()
    assert (upload.state, upload.message) == ("waiting", "The store is away.")
    watch.later(2 * FIRST_WAIT_SECONDS + 1)
    [request] = watch.asked()

    assert watch.run(request).success
    assert watch.states() == {"accounts.csv": "loaded"}
    assert batches_in(folder) == []


def test_a_batch_waits_until_its_workers_are_upgraded(
    folder: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines are upgraded one after the other; no file of that hour may be lost."""
    with monkeypatch.context() as patch:
        # The home is of the next version: what it writes says so, and is read here.
        written = plan.SentPlan.content
        patch.setattr(
            plan.SentPlan,
            "content",
            lambda self: written(self).replace(b'"format": 1', b'"format": 2'),
        )
        watch.drop("accounts.csv")
        [result] = watch.take()
        assert not result.success
        for _ in range(2):
            assert watch.keys() == []
            [upload] = watch.runner.installation.journal.uploads()
            assert upload.state == "waiting"
            assert "has format 2" in upload.message
            watch.later(3600)
            [request] = watch.asked()
            assert not watch.run(request).success
    assert watch.keys() == []
    watch.later(3600)
    [request] = watch.asked()

    assert watch.run(request).success
    assert watch.states() == {"accounts.csv": "loaded"}
    assert batches_in(folder) == []


def test_an_exchange_that_cannot_be_used_fails_the_batch_by_name(
    folder: Path, watch: Watch
) -> None:
    """The home enters it itself, as any other setting that cannot be."""
    folder.rmdir()
    watch.drop("accounts.csv")
    [result] = watch.take()

    assert not result.success
    [upload] = watch.runner.installation.journal.uploads()
    assert upload.state == "failed"
    assert f"{folder} of BULK_PIPELINE_CHUNKS_URL is no folder" in upload.message


def test_a_failure_for_good_counts_before_one_that_may_pass(
    runner: Runner, tmp_path: Path
) -> None:
    """Of two workers one may be cut off while the other says that it is in vain."""

    @dg.op
    def cut_off() -> None:
        with told_in_events():
            raise TransientError("cut off")

    @dg.op
    def in_vain() -> None:
        with told_in_events():
            raise PermanentError("in vain")

    @dg.op
    def mistaken() -> None:
        raise dg.Failure("somebody else's")

    @dg.job
    def job() -> None:
        cut_off()
        in_vain()
        mistaken()

    @dg.job
    def other() -> None:
        mistaken()

    found = [
        told_by(
            runner.instance,
            made.execute_in_process(
                instance=runner.instance, raise_on_error=False
            ).run_id,
        )
        for made in (job, other)
    ]
    assert found == [Told("in vain", for_good=True), None]


def keep_house(runner: Runner, *, dry: bool = False) -> Tidied:
    """Housekeeping under the settings of the environment."""
    settings = Installation.from_environment().settings
    installation = replace(runner.installation, settings=settings)
    keep = would_tidy if dry else tidy
    return keep(installation, runner.instance, later(0))


def left_behind(runner: Runner, folder: Path, tmp_path: Path) -> str:
    """A batch that has ended and of which a late worker wrote something afterwards."""
    batch = runner.claim(write_csv(tmp_path / "a.csv", rows_of("A", [2001])))
    assert runner.run(batch).success
    home_id = runner.installation.journal.home_id()
    name = f"{batch.key}/{home_id[:8]}_0123456789ab/scores/chunk-00000.arrow"
    settings = Installation.from_environment().settings
    Exchange.of(settings).write(name, b"12345")
    assert batches_in(folder) == [batch.key]
    return batch.key


def test_housekeeping_removes_what_killed_runs_left_and_says_how_much(
    folder: Path, runner: Runner, tmp_path: Path
) -> None:
    """Nobody else would ever look for it, and storage is paid by the byte."""
    batch = left_behind(runner, folder, tmp_path)
    would = keep_house(runner, dry=True)
    assert batches_in(folder) == [batch]
    done = keep_house(runner)

    for found in (would, done):
        assert (found.exchange_batches, found.exchange_bytes) == ([batch], 5)
        assert (found.batches, found.failures) == ([], {})
    assert batches_in(folder) == []
    assert keep_house(runner).exchange_batches == []


def test_housekeeping_leaves_a_batch_that_is_not_done(
    folder: Path, runner: Runner, tmp_path: Path
) -> None:
    """It waits for its next attempt, or is being run again out of the archive."""
    ended = left_behind(runner, folder, tmp_path)
    with closing(own_batch(runner.installation.home.batch(ended), "a-run")):
        assert keep_house(runner).exchange_batches == []
    runner.instance.create_run_for_job(
        runner.definitions.resolve_job_def("batch_job"),
        tags={"dagster/partition": ended},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert keep_house(runner).exchange_batches == []
    assert batches_in(folder) == [ended]

    waiting = runner.claim(write_csv(tmp_path / "b.csv", rows_of("B", [2001])))
    home_id = runner.installation.journal.home_id()
    place = folder / waiting.key / f"{home_id[:8]}_0123456789ab"
    place.mkdir(parents=True)
    (place / "plan.json").write_text("{}")
    assert keep_house(runner).exchange_batches == []
    assert (place / "plan.json").exists()


def test_an_exchange_that_is_away_keeps_nothing_else_from_going(
    folder: Path, runner: Runner, tmp_path: Path
) -> None:
    """Old batches fill the disk of the home meanwhile."""
    left_behind(runner, folder, tmp_path)
    folder.rename(tmp_path / "away")
    done = keep_house(runner)

    assert "is no folder on this machine" in done.failures["exchange"]
    assert done.exchange_batches == []
