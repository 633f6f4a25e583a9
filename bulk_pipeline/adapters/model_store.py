"""Models from the package or a file: read, checked, ready to score.

A JSON scorecard scores by numpy alone; scikit-learn is imported only for a skops
file. Which model is active, and since when, is not known here.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

import bulk_pipeline.data
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.risk import LevelThresholds
from bulk_pipeline.core.scorecard import Scorecard

SHIPPED = "scorecard.json"
"""The document in ``bulk_pipeline.data`` that scores unless another is active."""

DOCUMENT_BYTES_LIMIT = 2**20
FILE_BYTES_LIMIT = 64 * 2**20

_ZIP_START = b"PK\x03\x04"
_PICKLE_START = b"\x80"


class ProbabilityModel(Protocol):
    """What scores: a matrix in, one probability a row out."""

    def probabilities(self, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of default, (n,), of ratios, (n, 5), in row order."""


@dataclass(frozen=True)
class Model:
    """One model, known by its exact bytes; equal bytes give equal scores.

    Attributes:
        name: the document's name, or the file's without its ending.
        sha256: of the file's bytes, in hex.
        kind: what the bytes are.
        document: the text of a JSON scorecard, None for a skops file.
        thresholds: of the levels; a skops file has the shipped document's.
        scorer: what scores.
    """

    name: str
    sha256: str
    kind: Literal["scorecard", "skops"]
    document: str | None = field(repr=False)
    thresholds: LevelThresholds
    scorer: ProbabilityModel = field(repr=False, compare=False)

    def probabilities(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that each company defaults within twelve months.

        Args:
            matrix: (n, 5) in the order of ``schema.RATIOS``, each ratio in its own
                unit; NaN is missing, n may be 0.

        Returns:
            (n,) float64 in [0, 1], in row order.
        """
        return self.scorer.probabilities(matrix)


def load_model(path: Path | None = None) -> Model:
    """A model, ready to score.

    Args:
        path: a JSON scorecard or a skops file, told apart by content, not by name;
            None for the shipped scorecard.

    Raises:
        ModelRefused: the file cannot be read, is too large, is neither, or must not
            score; names the file, the fault and the cure.
    """
    if path is None:
        return _scorecard_model(_shipped(), SHIPPED)
    content = _content(path)
    if content.startswith(_ZIP_START):
        return _skops_model(content, path)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return _scorecard_model(content, path.name)
    pickle = " It looks like a pickle, which may run any code."
    raise ModelRefused(
        f"{path.name} is neither a JSON scorecard nor a skops file."
        f"{pickle if content.startswith(_PICKLE_START) else ''} Write a scorecard in "
        "the layout of the shipped one, or save a fitted classifier with skops."
    )


def estimator(scorecard: Scorecard) -> Any:
    """The scorecard as a fitted scikit-learn classifier.

    Returns:
        A pipeline whose ``predict_proba`` takes ratios, (n, 5) with NaN for missing;
        class 1 is default.
    """
    from bulk_pipeline.adapters.scorecard_estimator import (  # noqa: PLC0415  # 2 s
        pipeline,
    )

    return pipeline(scorecard)


def save_estimator(estimator: Any, path: Path) -> str:
    """Save a fitted classifier with skops; an existing file is replaced whole.

    Returns:
        sha256 of the file's bytes, in hex.
    """
    from bulk_pipeline.adapters.estimator_file import (  # noqa: PLC0415  # 2 s
        write_estimator,
    )

    return write_estimator(estimator, path)


def _shipped() -> bytes:
    """The bytes of the shipped document, from a wheel as from a checkout."""
    return files(bulk_pipeline.data).joinpath(SHIPPED).read_bytes()


def _content(path: Path) -> bytes:
    """A file's bytes, if they are few enough for a model."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_LIMIT + 1)
    except OSError as fault:
        raise ModelRefused(
            f"{path} cannot be read: {fault.strerror}. Give a readable model file."
        ) from fault
    if len(content) > FILE_BYTES_LIMIT:
        raise ModelRefused(
            f"{path.name} has more than {FILE_BYTES_LIMIT} bytes. Save a smaller model."
        )
    return content


def _scorecard_model(content: bytes, name: str) -> Model:
    """The model of a JSON document."""
    if len(content) > DOCUMENT_BYTES_LIMIT:
        raise ModelRefused(
            f"{name} has more than {DOCUMENT_BYTES_LIMIT} bytes. A scorecard has a "
            "few thousand; remove what is none of it."
        )
    try:
        text = content.decode("utf-8-sig")
        parsed = json.loads(text, object_pairs_hook=_without_repeats)
        scorecard = Scorecard.from_document(parsed)
    except ModelRefused as refusal:
        raise ModelRefused(f"{name}: {refusal}") from refusal
    except (ValueError, RecursionError) as fault:
        raise ModelRefused(
            f"{name} is no JSON document in UTF-8: {fault}. Correct it there."
        ) from fault
    digest = hashlib.sha256(content).hexdigest()
    levels = scorecard.levels
    return Model(scorecard.name, digest, "scorecard", text, levels, scorecard)


def _skops_model(content: bytes, path: Path) -> Model:
    """The model of a skops file."""
    from bulk_pipeline.adapters.estimator_file import (  # noqa: PLC0415  # 2 s
        read_estimator,
    )

    classifier = read_estimator(content, path.name)
    digest = hashlib.sha256(content).hexdigest()
    levels = load_model().thresholds
    return Model(path.stem, digest, "skops", None, levels, classifier)


def _without_repeats(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a document; JSON would keep the last of two equal keys."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise ModelRefused(f"{', '.join(repeated)} stands there twice. Remove one.")
    return found
