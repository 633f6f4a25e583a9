"""What scoring costs: the compiled scorecard beside scikit-learn's ``predict_proba``.

    python benchmarks/scoring.py [--rows N] [--rounds K]

Both score the same ratios by turns in one process, a fifth of the rows with a ratio
missing; the figures are medians. It fails where two scores differ by more than 1e-12 of
their size.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bulk_pipeline.adapters.model_store import estimator, load_model
from bulk_pipeline.core.dummy import DummyRequest, dummy_blocks
from bulk_pipeline.core.scorecard import ratio_matrix

TOLERANCE = 1e-12

Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def seconds(score: Score, ratios: NDArray[np.float64]) -> float:
    """How long one scoring of all rows takes."""
    started = time.perf_counter()
    score(ratios)
    return time.perf_counter() - started


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    rows = pl.concat(dummy_blocks(DummyRequest(given.rows, seed=7)))
    ratios = ratio_matrix(rows)
    scorecard = load_model().scorer
    pipeline = estimator(scorecard)

    def compiled(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        return scorecard.probabilities(ratios)

    def predict_proba(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = pipeline.predict_proba(ratios)[:, 1]
        return found

    ours, theirs = compiled(ratios), predict_proba(ratios)
    difference = float(np.max(np.abs(ours - theirs) / theirs))
    if difference > TOLERANCE:
        raise SystemExit(f"Scores differ by {difference} of their size")
    pairs = [
        (seconds(compiled, ratios), seconds(predict_proba, ratios))
        for _ in range(given.rounds)
    ]
    told = {
        "rows": given.rows,
        "rows_with_a_missing_ratio": int(np.isnan(ratios).any(axis=1).sum()),
        "compiled_seconds": median(pair[0] for pair in pairs),
        "predict_proba_seconds": median(pair[1] for pair in pairs),
        "ratio": median(pair[0] / pair[1] for pair in pairs),
        "largest_relative_difference": difference,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
