"""Scores by the exchange are those of the home, whoever makes them and how often."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.chunks import write_chunk
from bulk_pipeline.adapters.exchange.plan import packed
from bulk_pipeline.adapters.exchange.store import ObjectMissing
from bulk_pipeline.adapters.model_store import estimator, load_model, save_estimator
from bulk_pipeline.adapters.reports import step_records
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline.core.scorecard import Scorecard
from bulk_pipeline_tests.adapters.exchange.sent import (
    WORKER,
    Sender,
    kept,
    mixed_file,
    sender_in,
    worker,
)
from bulk_pipeline_tests.models import stricter

KILLED_AT_A_WRITE = """
import os, signal, sys
from bulk_pipeline.adapters.exchange import folder
from bulk_pipeline.adapters.exchange.afar import score_afar
from bulk_pipeline.adapters.settings import Settings
put, left = folder.FolderStore.write, int(sys.argv[3])
def write(self, name, content):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, name, content)
folder.FolderStore.write = write
score_afar(Settings.from_environment(), sys.argv[1], sys.argv[2])
"""


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


def test_workers_that_score_one_span_at_once_do_no_harm(
    sender: Sender, tmp_path: Path
) -> None:
    """A broker gives a task to a second worker when the first is slow to answer."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    at_once = threading.Barrier(4)

    def score(_: int) -> None:
        at_once.wait()
        sender.score(batch, keys)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(score, range(4)))
    assert kept(sender.gather(batch)) == sender.locally(batch)


def test_work_that_is_planned_again_is_the_same_plan(
    sender: Sender, tmp_path: Path
) -> None:
    """A step that is delivered twice must not take the plan from under the workers."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    sender.score(batch, keys[:1])
    again = sender.send(batch)
    sender.score(batch, keys[1:])

    assert again == keys
    assert kept(sender.gather(batch)) == sender.locally(batch)


def test_a_plan_made_anew_is_never_mixed_with_the_one_before(
    sender: Sender, tmp_path: Path
) -> None:
    """Half of a batch by one model and half by another is wrong and looks right."""
    model = stricter(tmp_path)
    batch = sender.read(mixed_file(tmp_path))
    before = sender.send(batch)
    sender.score(batch, before[:1])
    keys = sender.send(batch, model)
    sender.score(batch, before[1:])
    with pytest.raises(ObjectMissing, match=r"span_0\.json is not in the exchange"):
        sender.gather(batch)
    sender.score(batch, [*keys, *before])
    afar = kept(sender.gather(batch))

    assert not set(keys) & set(before)
    assert afar == sender.locally(batch, model)
    assert afar != sender.locally(batch)
    assert sender.objects == {}


def test_a_task_that_comes_after_its_batch_was_gathered_writes_nothing(
    sender: Sender, tmp_path: Path
) -> None:
    """Nobody would read it, and it would lie there until somebody looks."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    sender.score(batch, keys)
    sender.gather(batch)
    with pytest.raises(ObjectMissing, match=r"plan\.json is not in the exchange"):
        sender.score(batch, keys)

    assert sender.objects == {}


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_span_whose_worker_was_killed_is_scored_by_another(
    sender: Sender, tmp_path: Path, writes: int
) -> None:
    """What it left must count for nothing until all of it is there."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    url = sender.pipeline.installation.settings.chunks_url
    name = batch.directory.parent.name
    nowhere = tmp_path / "nowhere"
    done = worker(url, nowhere, KILLED_AT_A_WRITE, name, keys[1], str(writes))
    assert done.returncode == -9
    sender.score(batch, [keys[0], keys[2]])
    with pytest.raises(ObjectMissing, match=r"span_1\.json"):
        sender.gather(batch)
    sender.score(batch, keys[1:2])

    assert kept(sender.gather(batch)) == sender.locally(batch)


def test_gathering_again_after_a_kill_fetches_only_what_is_missing(
    sender: Sender, tmp_path: Path
) -> None:
    """The exchange may be empty by then, and the scores are in the home."""
    batch = sender.read(mixed_file(tmp_path))
    sender.score(batch, sender.send(batch))
    whole = kept(sender.gather(batch))

    assert sender.objects == {}
    assert kept(sender.gather(batch)) == whole


@pytest.mark.parametrize("what", ["rows/chunk-00000.arrow", "plan.json"])
@pytest.mark.parametrize("content", [b"{}", b"\xff", b""])
def test_a_damaged_object_stops_a_worker_and_is_named(
    sender: Sender, tmp_path: Path, what: str, content: bytes
) -> None:
    """A score of other bytes than those of the home would be stored and believed."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    [name] = [name for name in sender.objects if name.endswith(what)]
    sender.exchange.write(name, content)
    with pytest.raises((TransientError, PermanentError), match=what):
        sender.score(batch, keys[:1])
    sender.score(batch, sender.send(batch))

    assert kept(sender.gather(batch)) == sender.locally(batch)


@pytest.mark.parametrize("content", [None, b"", b"ARROW1"])
def test_damaged_scores_are_not_gathered_and_are_named(
    sender: Sender, tmp_path: Path, content: bytes | None
) -> None:
    """What was cut short on its way must not become the scores of a batch."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    sender.score(batch, keys)
    name = next(n for n in sender.objects if n.endswith("scores/chunk-00003.arrow"))
    if content is None:
        sender.exchange.remove([name])
    else:
        sender.exchange.write(name, content)
    with pytest.raises(TransientError, match=r"chunk-00003\.arrow.*materialise"):
        sender.gather(batch)
    sender.score(batch, keys)

    assert kept(sender.gather(batch)) == sender.locally(batch)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../../../etc/chunk-00000.arrow"},
        {"name": "chunk-00007.arrow"},
        {"rows": 8},
        {"rows": -1},
        {"bytes": "9"},
        {"sha256": "0" * 63},
        {"more": 1},
    ],
)
def test_a_note_that_does_not_fit_the_plan_is_refused(
    sender: Sender, tmp_path: Path, change: dict[str, object]
) -> None:
    """Names in it become files of the home."""
    batch = sender.read(mixed_file(tmp_path))
    sender.score(batch, sender.send(batch))
    name = next(n for n in sender.objects if n.endswith("span_0.json"))
    note = json.loads(sender.exchange.read(name))
    note["chunks"][0] |= change
    sender.exchange.write(name, json.dumps(note).encode())

    with pytest.raises(TransientError, match=r"span_0\.json .* is damaged"):
        sender.gather(batch)


def test_a_model_with_other_bytes_scores_nothing(
    sender: Sender, tmp_path: Path
) -> None:
    """Whoever may write there must not choose what scores."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    [name] = [n for n in sender.exchange.sizes() if n.startswith("models/")]
    content = sender.exchange.read(name)
    sender.exchange.write(name, content.replace(b"0.1", b"0.2", 1))

    with pytest.raises(TransientError, match=r"models/\w+\.json .* is damaged"):
        sender.score(batch, keys)
    assert not any("/scores/" in name for name in sender.objects)


def test_a_plan_of_another_version_is_refused(sender: Sender, tmp_path: Path) -> None:
    """Two versions may mean two things by one word; an upgrade is for all machines."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    name = next(n for n in sender.objects if n.endswith("plan.json"))
    plan = json.loads(sender.exchange.read(name))
    sender.exchange.write(name, json.dumps({**plan, "format": 2}).encode())

    with pytest.raises(PermanentError, match="same version of bulk-pipeline"):
        sender.score(batch, keys)


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
