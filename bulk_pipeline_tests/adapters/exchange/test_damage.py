"""What is damaged, foreign or of another version is named and scores nothing."""

import json
from pathlib import Path
from socket import gethostname

import pytest

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline_tests.adapters.exchange.sent import (
    Sender,
    kept,
    mixed_file,
)


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


def sent_in_format(
    sender: Sender, folder: Path, made: object
) -> tuple[ChunkHandle, list[str]]:
    """A batch that was sent, and its keys; its plan says it is of some format."""
    batch = sender.read(mixed_file(folder))
    keys = sender.send(batch)
    name = next(n for n in sender.objects if n.endswith("plan.json"))
    plan = json.loads(sender.exchange.read(name))
    sender.exchange.write(name, json.dumps({**plan, "format": made}).encode())
    return batch, keys


@pytest.mark.parametrize(
    ("made", "cure"),
    [(2, rf"upgrade bulk-pipeline on {gethostname()}"), (0, "on the machine of the h")],
)
def test_a_plan_of_another_version_waits_for_the_upgrade(
    sender: Sender, tmp_path: Path, made: int, cure: str
) -> None:
    """Two versions may mean two things by one word, and machines follow one another."""
    batch, keys = sent_in_format(sender, tmp_path, made)
    with pytest.raises(
        TransientError, match=rf"format {made}, .* with format 1\. .*{cure}"
    ):
        sender.score(batch, keys)
    assert not any("/scores/" in name for name in sender.objects)


@pytest.mark.parametrize("made", [None, "2", True, [1]])
def test_a_plan_whose_version_is_no_number_is_damaged(
    sender: Sender, tmp_path: Path, made: object
) -> None:
    """Whoever shares the bucket writes it, and the message is shown to people."""
    batch, keys = sent_in_format(sender, tmp_path, made)
    with pytest.raises(TransientError, match=r"plan\.json .* is damaged"):
        sender.score(batch, keys)
