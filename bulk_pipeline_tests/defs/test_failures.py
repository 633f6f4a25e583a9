"""Laws of failures: what is tried again and what the journal says."""

from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline.core.errors import AccountingError, TransientError
from bulk_pipeline.defs.failures import reported
from bulk_pipeline_tests.builders import ROW, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner


@pytest.mark.parametrize(
    ("error", "retried", "state"),
    [
        (AccountingError("2 is not 3"), False, "failed"),
        (TransientError("the database is busy"), True, "waiting"),
    ],
)
def test_only_what_a_retry_can_clear_is_tried_again(
    runner: Runner, tmp_path: Path, error: Exception, *, retried: bool, state: str
) -> None:
    """Retrying a bad file wastes a night; giving up on a busy database loses one."""
    batch = runner.claim(write_csv(tmp_path / "one.csv", [ROW]))

    with pytest.raises(dg.Failure) as caught, reported(runner.installation, batch.key):
        raise error

    assert caught.value.allow_retries is retried
    assert caught.value.description == str(error)
    [upload] = runner.installation.journal.uploads()
    assert (upload.state, upload.message) == (state, str(error))


def test_other_errors_pass_unchanged(runner: Runner) -> None:
    """A mistake in the program must show its own trace."""
    with pytest.raises(ZeroDivisionError), reported(runner.installation, "none"):
        1 / 0  # noqa: B018
