"""What comes from shared storage is checked before it is used or kept."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.exchange.plan import packed
from bulk_pipeline.adapters.scoring import spread_spans
from bulk_pipeline.core.errors import ModelRefused, TransientError
from bulk_pipeline_tests.adapters.exchange.sent import Sender, kept, mixed_file


def rewritten(sender: Sender, name: str, change: Callable[[Any], Any]) -> None:
    """Change a JSON object of the exchange."""
    document = json.loads(sender.exchange.read(name))
    change(document)
    sender.exchange.write(name, json.dumps(document).encode())


def ending(sender: Sender, end: str) -> str:
    """The object whose name ends so."""
    [name] = [name for name in sender.objects if name.endswith(end)]
    return name


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan["model"].update(file="../../etc/passwd"),
        lambda plan: plan["model"].update(file=f"{'0' * 64}.json\n"),
        lambda plan: plan["model"].update(file=7),
        lambda plan: plan["model"].update(sha256=None),
        lambda plan: plan["model"].update(sha256="0" * 64),
        lambda plan: plan.update(model_bytes=float("inf")),
        lambda plan: plan.update(model_bytes="9"),
        lambda plan: plan.update(model=[]),
        lambda plan: plan.update(spans=[]),
        lambda plan: plan["spans"].update(span_0=7),
        lambda plan: plan["spans"]["span_0"][0].update(name="../x"),
        lambda plan: plan["spans"]["span_0"][0].update(bytes=True),
        lambda plan: plan["spans"]["span_0"][0].update(sha256=["0" * 64]),
    ],
)
def test_a_plan_that_this_project_would_not_write_is_refused(
    sender: Sender, tmp_path: Path, change: Callable[[Any], Any]
) -> None:
    """Names in it become files of a worker, and whoever shares the bucket writes it."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    rewritten(sender, ending(sender, "plan.json"), change)

    with pytest.raises(TransientError, match=r"plan\.json .* is damaged"):
        sender.score(batch, keys[:1])


@pytest.mark.parametrize("name", ["plan.json", "span_0.json"])
def test_a_document_that_is_nested_without_end_is_damaged(
    sender: Sender, tmp_path: Path, name: str
) -> None:
    """Python's parser gives up on it with an error of its own."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    sender.score(batch, keys)
    sender.exchange.write(ending(sender, name), b'{"a":' * 100_000)

    with pytest.raises(TransientError, match=rf"{name} .* is damaged"):
        sender.score(batch, keys[:1]) if name == "plan.json" else sender.gather(batch)


@pytest.mark.parametrize(
    "change",
    [
        {"cpu_seconds": "9"},
        {"cpu_seconds": None},
        {"peak_memory_bytes": [1]},
        {"stages": {"score": "long"}},
        {"stages": {"score": float("nan")}},
        {"stages": [1]},
        {"stage_cpu_seconds": {"score": {}}},
        {"stage_peak_bytes": None},
        {"opened_at": "now"},
    ],
)
def test_a_record_that_cannot_be_reckoned_with_is_refused(
    sender: Sender, tmp_path: Path, change: dict[str, object]
) -> None:
    """It would stop the load of the batch for good, after everything was scored."""
    batch = sender.read(mixed_file(tmp_path))
    sender.score(batch, sender.send(batch))
    name = ending(sender, "span_0.json")
    rewritten(sender, name, lambda note: note["record"].update(change))

    with pytest.raises(TransientError, match=r"span_0\.json .* is damaged"):
        sender.gather(batch)


@pytest.mark.parametrize(
    "change",
    [
        lambda scores: scores.head(1),
        lambda scores: scores.drop("confidence"),
        lambda scores: scores.with_columns(pl.col("risk_level").cast(pl.String)),
        lambda scores: scores.with_columns(pl.col("probability").cast(pl.Float32)),
        lambda scores: scores.with_columns(confidence=pl.lit(None, pl.Float64)),
        lambda scores: scores.with_columns(probability=pl.lit(float("nan"))),
        lambda scores: scores.with_columns(probability=pl.lit(1.5)),
    ],
)
def test_scores_that_this_version_would_not_make_are_not_gathered(
    sender: Sender, tmp_path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    """A worker of another version says of other scores that they are whole."""
    batch = sender.read(mixed_file(tmp_path))
    keys = sender.send(batch)
    sender.score(batch, keys)
    _replace_scores(sender, batch, change)
    with pytest.raises(TransientError, match=r"scores/chunk-00000\.arrow .* damaged"):
        sender.gather(batch)
    sender.score(batch, keys)

    assert kept(sender.gather(batch)) == sender.locally(batch)


def _replace_scores(
    sender: Sender,
    rows: ChunkHandle,
    change: Callable[[pl.DataFrame], pl.DataFrame],
) -> None:
    """Put other scores of the first chunk in place, with a note that fits them."""
    name = ending(sender, "scores/chunk-00000.arrow")
    scores = pl.read_ipc(io.BytesIO(sender.exchange.read(name)))
    made, content = packed("chunk-00000.arrow", change(scores))
    sender.exchange.write(name, content)
    described = {"bytes": made.bytes, "sha256": made.sha256}
    assert rows.chunks[0].rows == scores.height
    rewritten(
        sender,
        ending(sender, "span_0.json"),
        lambda note: note["chunks"][0].update(described),
    )


@pytest.mark.parametrize("content", [None, b"{}"])
def test_a_model_that_was_changed_in_the_home_is_not_sent(
    sender: Sender, tmp_path: Path, content: bytes | None
) -> None:
    """Workers would find it damaged at every attempt, and nobody would know why."""
    batch = sender.read(mixed_file(tmp_path))
    home = sender.pipeline.installation.home
    active = activate(home, None)
    model = home.models / active.file
    model.unlink() if content is None else model.write_bytes(content)

    with pytest.raises(ModelRefused, match=rf"{active.file} .*Activate"):
        spread_spans(sender.pipeline.installation, batch, active)
