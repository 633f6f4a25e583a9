"""Plans and tasks: late, twice, killed or made anew, they never mix."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bulk_pipeline.adapters.exchange.store import ObjectMissing
from bulk_pipeline_tests.adapters.exchange.sent import (
    Sender,
    kept,
    mixed_file,
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
