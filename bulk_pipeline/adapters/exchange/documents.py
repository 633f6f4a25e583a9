"""Documents in the exchange: what is read of them is checked, whoever wrote them."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from bulk_pipeline.adapters.active_model import ActiveModel
from bulk_pipeline.adapters.chunks import Chunk
from bulk_pipeline.adapters.exchange.exchange import damaged
from bulk_pipeline.adapters.reports import StepRecord

CHUNK = re.compile(r"chunk-[0-9]{5,}\.arrow")
SHA256 = re.compile(r"[0-9a-f]{64}")
MODEL_ENDINGS = (".json", ".skops")


def as_json(document: Any) -> bytes:
    """A document as the bytes of an object."""
    return json.dumps(document, indent=1, allow_nan=False).encode()


def from_json(content: bytes, name: str) -> dict[str, Any]:
    """The JSON object in an object.

    Raises:
        TransientError: it is none; names it.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise damaged(name) from None
    if not isinstance(document, dict):
        raise damaged(name)
    return document


def chunk_of(document: dict[str, Any]) -> Chunk:
    """A chunk from its JSON.

    Raises:
        TypeError, ValueError: it is none.
    """
    chunk = Chunk(**document)
    _require(CHUNK.fullmatch(chunk.name))
    _require(SHA256.fullmatch(chunk.sha256))
    count_of(chunk.rows)
    count_of(chunk.bytes)
    return chunk


def model_of(document: dict[str, Any]) -> ActiveModel:
    """A model from its JSON: a file that is named by its hash, as in a home.

    Raises:
        TypeError, ValueError: it is none.
    """
    model = ActiveModel(**document)
    _require(SHA256.fullmatch(model.sha256))
    _require(model.file in [f"{model.sha256}{ending}" for ending in MODEL_ENDINGS])
    return model


def record_of(document: dict[str, Any]) -> StepRecord:
    """What a step cost from its JSON, in numbers that can be added up.

    Raises:
        AttributeError, TypeError, ValueError: it is none.
    """
    record = StepRecord(**document)
    by_stage = (record.stages, record.stage_cpu_seconds, record.stage_peak_bytes)
    numbers: list[Iterable[Any]] = [stages.values() for stages in by_stage]
    alone = (record.peak_memory_bytes, record.cpu_seconds, record.opened_at)
    for number in (*alone, *(number for some in numbers for number in some)):
        _require(type(number) in (int, float) and math.isfinite(number))
    return record


def count_of(number: Any) -> int:
    """A whole number of 0 and more from its JSON.

    Raises:
        ValueError: it is none.
    """
    _require(type(number) is int and number >= 0)
    return int(number)


def _require(fits: object) -> None:
    if not fits:
        raise ValueError
