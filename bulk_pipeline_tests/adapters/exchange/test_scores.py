"""Scores by the exchange are those of the home, whoever makes them and how often."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.chunks import write_chunk
from bulk_pipeline.adapters.exchange.plan import packed
from bulk_pipeline.adapters.model_store import estimator, load_model, save_estimator
from bulk_pipeline.adapters.reports import step_records
from bulk_pipeline.core.scorecard import Scorecard
from bulk_pipeline_tests.adapters.exchange.sent import (
    WORKER,
    Sender,
    kept,
    mixed_file,
    sender_in,
    worker,
)


@settings(max_examples=6, deadline=None)
@given(
    rows=st.integers(1, 6), workers=st.integers(1, 8), size=st.sampled_from([1, 7, 99])
)
def test_scores_by_the_exchange_are_those_of_the_home_bit_for_bit(
    rows: int, workers: int, size: int
) -> None:
    """Where a row was scored must not be told from its score."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "exchange").mkdir()
        sender = sender_in(
            folder / "home",
            f"file://{folder / 'exchange'}",
            ULTRA_BATCH_SIZE=size,
            ULTRA_PARALLEL_WORKERS=workers,
        )
        batch = sender.read(mixed_file(folder, rows * 10))
        sender.score(batch, sender.send(batch))
        afar = kept(sender.gather(batch))

        assert afar == sender.locally(batch)
        assert sender.objects == {}
        sender.pipeline.close()


def test_a_worker_needs_nothing_but_the_exchange(
    sender: Sender, tmp_path: Path
) -> None:
    """It has no disk of the home; one that it made, or a database, would be another.

    Without the setting it says so, and does not look into a home of its own.
    """
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    url = sender.pipeline.installation.settings.chunks_url
    nowhere = tmp_path / "nowhere"
    done = worker(url, nowhere, WORKER, batch.directory.parent.name, *keys)
    afar = kept(sender.gather(batch))
    opened, said = done.stdout.splitlines()

    assert opened == "False", done.stderr
    assert said.startswith("BULK_PIPELINE_CHUNKS_URL is not set on this machine.")
    assert not nowhere.exists()
    assert afar == sender.locally(batch)


def test_scores_come_back_through_a_store_of_each_kind(
    tmp_path: Path, url: str
) -> None:
    """A bucket has no rename, a folder no put: both must give the same bytes."""
    sender = sender_in(tmp_path / "sender", url)
    batch = sender.read(mixed_file(tmp_path))
    sender.score(batch, sender.send(batch))
    afar = kept(sender.gather(batch))

    assert afar == sender.locally(batch)
    assert sender.objects == {}


def test_a_skops_file_scores_elsewhere_as_in_the_home(
    sender: Sender, tmp_path: Path
) -> None:
    """It is what takes long enough to score to be sent at all."""
    model = tmp_path / "classifier.skops"
    scorecard = Scorecard.from_document(json.loads(load_model().document or ""))
    save_estimator(estimator(scorecard), model)
    batch = sender.read(mixed_file(tmp_path))
    sender.score(batch, sender.send(batch, model))

    assert kept(sender.gather(batch)) == sender.locally(batch, model)


def test_only_ratios_leave_the_home(sender: Sender, tmp_path: Path) -> None:
    """A worker needs no name of a company, so none lies on shared storage."""
    batch = sender.read(mixed_file(tmp_path))
    sender.send(batch)
    sent = b"".join(sender.exchange.read(name) for name in sender.exchange.sizes())

    assert b"S3" in b"".join(f.read_bytes() for f in batch.directory.iterdir())
    assert b"S3" not in sent


def test_a_packed_frame_is_the_file_that_the_home_would_write(
    sender: Sender, tmp_path: Path
) -> None:
    """What is fetched lies beside what was scored here, under one kind of manifest."""
    frame = sender.read(mixed_file(tmp_path)).frame()
    path = tmp_path / "chunk-00000.arrow"

    assert packed(path.name, frame) == (write_chunk(path, frame), path.read_bytes())


def test_what_a_span_cost_elsewhere_is_kept_in_the_home(
    sender: Sender, tmp_path: Path
) -> None:
    """The figures of a load must count the work of all machines."""
    batch = sender.read(mixed_file(tmp_path))
    folder = batch.directory.parent
    before = len(step_records(folder))
    sender.score(batch, sender.send(batch))
    sender.gather(batch)
    steps = {path.stem for path in (folder / "steps").iterdir()}

    assert {"score-send", "score-span_0", "score-span_1", "score-span_2"} <= steps
    assert len(step_records(folder)) == before + 5
    assert all(step.cpu_seconds >= 0 for step in step_records(folder))


def test_a_batch_that_is_too_small_is_scored_where_it_was_read(
    tmp_path: Path, folder_url: str
) -> None:
    """A step on another machine takes longer to begin than a few rows to be scored."""
    sender = sender_in(tmp_path / "h", folder_url, BULK_PIPELINE_CHUNKS_ROWS=62)
    batch = sender.read(mixed_file(tmp_path))

    assert batch.rows == 61
    assert sender.send(batch) == []
    assert sender.exchange.sizes() == {}
    assert kept(sender.gather(batch)) == sender.locally(batch)


def test_a_batch_without_rows_is_not_sent(tmp_path: Path, folder_url: str) -> None:
    """There is nothing to be scored."""
    sender = sender_in(tmp_path / "h", folder_url)
    file = mixed_file(tmp_path)
    file.write_text(file.read_text().splitlines()[0] + "\n")
    batch = sender.read(file)

    assert sender.send(batch) == []
    assert sender.gather(batch).rows == 0


def test_without_the_setting_nothing_of_it_is_imported(tmp_path: Path) -> None:
    """A load of ten rows is mostly imports."""
    code = """
import sys
from pathlib import Path
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
pipeline = Pipeline(installation_in(Path(sys.argv[1])))
rows = pipeline.read(pipeline.land(Path(sys.argv[2])).key)
print(pipeline.score(rows).rows)
wanted = ("fsspec", "s3fs", "adlfs", "bulk_pipeline.adapters.exchange")
print([name for name in sys.modules if name.startswith(wanted)])
"""
    home, file = tmp_path / "home", mixed_file(tmp_path)
    done = worker("", home, code, str(home), str(file))

    assert done.stdout == "61\n[]\n", done.stderr
