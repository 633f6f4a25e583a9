"""Laws of refused files: each is shown by one failed run, beside its good batch."""

from typing import Any

import pytest

from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.defs import io_managers
from bulk_pipeline_tests.defs.watching import NO_TABLE, Watch, reason


def test_refused_files_are_shown_by_one_failed_run(watch: Watch) -> None:
    """The batch is green for what was loaded; somebody must still see what was not."""
    watch.drop("good.csv")
    watch.drop("bad.csv", content=NO_TABLE)
    [result] = watch.take()
    [lost] = watch.asked()
    [request] = watch.asked()

    assert result.success
    assert watch.states() == {"good.csv": "loaded", "bad.csv": "failed"}
    batch = result.dagster_run.tags["bulk_pipeline/batch"]
    assert request.partition_key == f"{batch}-refused"
    assert request.run_key == lost.run_key == f"{batch}-refused:1"

    # The reasons are on record: the run shows them with every file gone.
    for folder in ("failed", "archive", "chunks"):
        (watch.root / folder).rename(watch.root / f"{folder}.away")
    shown = watch.run(request)
    assert not shown.success
    assert "bad.csv" in reason(shown)
    assert "good.csv" not in reason(shown)
    assert watch.keys() == []


def test_a_batch_of_refused_files_only_is_shown_by_its_own_run(watch: Watch) -> None:
    """One failed run for one mistake."""
    watch.drop("bad.csv", content=NO_TABLE)
    [result] = watch.take()

    assert not result.success
    assert "bad.csv" in reason(result)
    assert watch.states() == {"bad.csv": "failed"}
    [folder] = (watch.root / "failed").iterdir()
    assert {f.name for f in folder.iterdir()} == {"bad.csv", "REASON.txt"}
    assert watch.keys() == []


def test_a_batch_whose_run_failed_for_good_is_shown_by_that_run(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second failed run with the same words would only look like a second fault."""

    def refuse(*_: Any) -> None:
        raise PermanentError("The disk is full. Free some space.")

    monkeypatch.setattr(io_managers, "publish_batch", refuse)
    watch.drop("accounts.csv")
    [result] = watch.take()

    assert not result.success
    assert "The disk is full" in reason(result)
    assert watch.states() == {"accounts.csv": "failed"}
    assert watch.keys() == []
