"""Laws of the model card: its figures are those of the model that is shipped."""

import json
import re
from itertools import pairwise

import numpy as np
import polars as pl

from bulk_pipeline.core.bins import bin_terms
from bulk_pipeline.core.model_card import PROBE_ROWS, bins_in_words, probability_range
from bulk_pipeline.core.risk import risk_level
from bulk_pipeline.core.scorecard import Scorecard, ratio_matrix
from bulk_pipeline_tests.documents import ROOT

DOCUMENT = json.loads((ROOT / "bulk_pipeline/data/scorecard.json").read_text())
SCORECARD = Scorecard.from_document(DOCUMENT)
REFERENCE = json.loads((ROOT / "bulk_pipeline/data/reference.json").read_text())
PAGE = (ROOT / "docs/model-card.md").read_text()
LINES, FLOWING = PAGE.splitlines(), " ".join(PAGE.split())


def bin_rows() -> list[str]:
    """The table of bins as the card has it, a row for each bin."""
    rows = []
    for item, feature in zip(DOCUMENT["features"], SCORECARD.features, strict=True):
        head = [f"`{feature.ratio}`", item["unit"], f"{feature.coefficient}"]
        known = REFERENCE["columns"][feature.ratio]
        counts = [*known["counts"], known["missing"]]
        for (words, rate), count in zip(bins_in_words(feature), counts, strict=True):
            share = f"{count / REFERENCE['rows']:.1%}".replace("%", " %")
            row = [*head, words, f"{rate:.6f}", share]
            rows.append(f"| {' | '.join(row)} |")
            head = ["", "", ""]
    return rows


def golden_rows() -> list[str]:
    """The table of known scores as the card has it."""
    scores = SCORECARD.probabilities(ratio_matrix(PROBE_ROWS))
    levels = pl.DataFrame({"p": scores}).select(
        risk_level(pl.col("p"), SCORECARD.levels)
    )
    return [
        f"| {', '.join('-' if x is None else f'{x:g}' for x in ratios)} "
        f"| {score!r} | {level} |"
        for ratios, score, level in zip(
            PROBE_ROWS.rows(), scores.tolist(), levels.to_series(), strict=True
        )
    ]


def effects() -> str:
    """How far each ratio alone moves z, as the card says it."""
    return ", ".join(
        f"{feature.ratio.replace('_', ' ')} {np.ptp(bin_terms(feature)):.3f}"
        for feature in SCORECARD.features
    )


BIN_ROWS, GOLDEN_ROWS, EFFECTS = bin_rows(), golden_rows(), effects()


def test_the_card_has_every_bin_of_the_document() -> None:
    """An analyst explains a score by this table; a wrong rate explains it wrongly."""
    start = LINES.index(BIN_ROWS[0])
    assert LINES[start : start + len(BIN_ROWS) + 1] == [*BIN_ROWS, ""]


def test_the_card_says_which_rows_its_shares_are_of() -> None:
    """A share of unknown rows says nothing about drift."""
    assert f"of the {REFERENCE['rows']:,} rows of the reference population" in FLOWING
    assert f"the {REFERENCE['rows']:,} distinct rows (86 companies" in FLOWING


def test_the_card_has_the_known_scores() -> None:
    """Another implementation is checked against these, to the last digit."""
    start = LINES.index(GOLDEN_ROWS[0])
    assert LINES[start : start + len(GOLDEN_ROWS) + 1] == [*GOLDEN_ROWS, ""]


def test_the_card_says_how_far_scores_reach() -> None:
    """Who waits for a CRITICAL that cannot come must learn it here."""
    lowest, highest = probability_range(SCORECARD)
    assert f"between {lowest} and {highest}" in PAGE
    assert (
        f"between {lowest:.6f} and {highest:.6f}, so HIGH and CRITICAL cannot" in PAGE
    )
    assert highest < SCORECARD.levels.high
    confident = [2 * (0.5 - score) for score in (highest, lowest)]
    assert "between {:.4f} and {:.4f}. It is **not**".format(*confident) in PAGE


def test_the_card_has_intercept_thresholds_and_effects() -> None:
    """The rest of the arithmetic."""
    levels = SCORECARD.levels
    assert f"z = {SCORECARD.intercept} +" in PAGE
    assert f"LOW below {levels.medium}, MEDIUM from {levels.medium}, HIGH from" in PAGE
    assert f"HIGH from {levels.high}, CRITICAL above {levels.critical}" in PAGE
    assert EFFECTS in FLOWING


def test_what_the_card_calls_odd_is_odd() -> None:
    """A limit that a new document no longer has would warn of nothing."""
    bins = {feature.ratio: feature for feature in SCORECARD.features}
    coverage = bins["ebit_to_interest_expense"].default_rates
    steps = [later > earlier for earlier, later in pairwise(coverage)]
    assert [place for place, rises in enumerate(steps) if rises] == [1, 6, 7, 8]
    debt = bins["long_term_debt_to_total_capital"]
    assert debt.missing_default_rate < min(debt.default_rates)
    for name, better in (("total_debt_to_ebitda", 1), ("return_on_assets", 2)):
        rates = np.array(bins[name].default_rates)
        assert (rates < bins[name].missing_default_rate).sum() == better
    every = [rate for feature in SCORECARD.features for rate in feature.default_rates]
    assert f"from {100 * min(every):.1f} % to {100 * max(every):.1f} %" in PAGE
    missing = ratio_matrix(PROBE_ROWS[3:4])
    assert np.isnan(missing).all()
    confidence = 2 * (0.5 - SCORECARD.probabilities(missing)[0])
    assert re.search(rf"five missing ratios has {confidence:.3f}", PAGE)


def test_a_placeholder_raises_a_healthy_score_by_a_fifth() -> None:
    """The card warns by a figure; it must be that of the model."""
    bins = bins_in_words(SCORECARD.features[3])
    assert bins[-2][0] == "above 275304"
    best = ratio_matrix(PROBE_ROWS[0:1])
    worst = best.copy()
    worst[0, 3] = 100_000_000
    before, after = SCORECARD.probabilities(np.vstack([best, worst]))
    assert round(after / before, 1) == 1.2
    assert "rises by a fifth" in PAGE
