"""Fitted classifiers in skops files: written whole, read only when wholly trusted.

Never a pickle: a pickle may run any code when it is opened. Importing this imports
scikit-learn and skops; only ``model_store`` does so, and late.
"""

import hashlib
import io
import os
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.exceptions import InconsistentVersionWarning
from skops.io import dumps, get_untrusted_types, loads

from bulk_pipeline.adapters.boosted_trees import TREE_TYPE, require_sound_trees
from bulk_pipeline.adapters.scorecard_estimator import BinRateTransformer
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.risk import require_probabilities
from bulk_pipeline.core.schema import RATIOS

UNPACKED_BYTES_LIMIT = 512 * 2**20
"""A small archive may unpack to more than the memory holds."""

_OWN_TYPE = f"{BinRateTransformer.__module__}.{BinRateTransformer.__name__}"
# numpy.dtype: imputers keep one; skops reads it from an empty array, without pickle
_TRUSTED = frozenset({_OWN_TYPE, TREE_TYPE, "numpy.dtype"})
_NO = np.nan
_PROBES = np.array(
    [
        [5.22, 0.227, 10.111, 62.886, 13.152],
        [70.0, 6.0, -5.0, 1.0, -3.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [_NO, _NO, _NO, _NO, _NO],
        [120.0, -3.0, -150.0, -9.0, -120.0],
        [_NO, _NO, -24.182, 74.333, _NO],
        [1e8, -1e8, 1e8, 1e8, -1e8],  # real files hold 100000000 for unknown
    ]
)


@dataclass(frozen=True)
class FittedClassifier:
    """A classifier that has scored the probe rows, each by itself."""

    estimator: Any
    default_column: int

    def probabilities(self, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of default, (n,) float64, of ratios, (n, 5), NaN missing."""
        if not len(ratios):  # scikit-learn refuses a matrix without rows
            return np.empty(0)
        named = hasattr(self.estimator, "feature_names_in_")
        rows = pl.DataFrame(ratios, schema=RATIOS) if named else ratios
        found = np.asarray(self.estimator.predict_proba(rows), dtype=np.float64)
        return found[:, self.default_column].copy()


def read_estimator(content: bytes, name: str) -> FittedClassifier:
    """The classifier in the bytes of a skops file.

    Args:
        content: the file, whole.
        name: what to call it in messages.

    Raises:
        ModelRefused: a type that is not trusted, another scikit-learn, or a model
            that cannot score five ratios with missing ones; names it and the cure.
    """
    try:
        return _checked(_load(content))
    except ModelRefused as refusal:
        raise ModelRefused(f"{name}: {refusal}") from refusal
    except Exception as fault:  # whatever a broken or foreign file makes skops raise
        raise ModelRefused(
            f"{name} holds no classifier that can be read and scored here "
            f"({type(fault).__name__}: {str(fault)[:300]}). Fit and save it again "
            "with this version's packages."
        ) from fault


def write_estimator(estimator: Any, path: Path) -> str:
    """Save a fitted classifier; a reader sees the old file or the whole new one.

    Returns:
        sha256 of the file's bytes, in hex.
    """
    content = dumps(estimator)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return hashlib.sha256(content).hexdigest()


def _load(content: bytes) -> Any:
    """The object in a skops file, if every type in it is trusted."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > UNPACKED_BYTES_LIMIT:
        raise ModelRefused(f"it unpacks to {unpacked} bytes. Save a smaller model.")
    found = set(get_untrusted_types(data=content))
    if foreign := sorted(found - _TRUSTED):
        raise ModelRefused(
            f"it holds types that are not trusted: {', '.join(foreign)}. Use a linear "
            "model or a HistGradientBoostingClassifier from scikit-learn alone."
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = loads(content, trusted=sorted(found))
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            raise ModelRefused(
                f"it was saved by scikit-learn "
                f"{warning.message.original_sklearn_version}, and this is "
                f"{warning.message.current_sklearn_version}, which may score "
                "otherwise. Fit and save it again here."
            )
    if TREE_TYPE in found:
        require_sound_trees(model)
    return model


def _checked(model: Any) -> FittedClassifier:
    """The model, once it has scored the probe rows together and apart."""
    if not callable(getattr(model, "predict_proba", None)):
        raise ModelRefused(
            f"{type(model).__name__} has no predict_proba. Use a classifier."
        )
    taken = getattr(model, "n_features_in_", None)
    names = getattr(model, "feature_names_in_", RATIOS)
    if taken != len(RATIOS) or tuple(names) != RATIOS:
        raise ModelRefused(
            f"it takes {taken} features ({', '.join(map(str, names))}). Fit it on "
            f"{', '.join(RATIOS)}, in that order."
        )
    classifier = FittedClassifier(model, _default_column(list(model.classes_)))
    try:
        together = classifier.probabilities(_PROBES)
        apart = [classifier.probabilities(row.reshape(1, -1)) for row in _PROBES]
    except ValueError as fault:
        raise ModelRefused(
            "it cannot score a row with missing ratios or large ones "
            f"({str(fault).partition(chr(10))[0]}) Put an imputer in front, or use a "
            "model that takes NaN."
        ) from fault
    require_probabilities(together, len(_PROBES))
    if not np.allclose(together, np.concatenate(apart), rtol=1e-9, atol=1e-12):
        raise ModelRefused("a row's score depends on the rows beside it.")
    return classifier


def _default_column(classes: list[Any]) -> int:
    """Which column of predict_proba is the probability of default."""
    pair = [c.item() if isinstance(c, np.generic) else c for c in classes]
    for column, other in ((1, 0), (0, 1)):
        if len(pair) == 2 and (  # noqa: PLR2004
            pair[column] == "default" or (pair[column] == 1 and pair[other] in (0, -1))
        ):
            return column
    raise ModelRefused(
        f"its classes are {pair}. Fit it on two: 0 and 1 (1 is default), False and "
        "True, or any other text and 'default'."
    )
