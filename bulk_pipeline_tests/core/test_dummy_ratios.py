"""Made-up ratios beside real ones: spread, correlation, memory, what is missing."""

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bulk_pipeline.core.dummy import DummyRequest, dummy_blocks
from bulk_pipeline.core.dummy_tables import (
    MISSING_PATTERNS,
    PLACEHOLDER_SHARE,
    PROBABILITIES,
    QUANTILES,
    RANK_CORRELATIONS,
)
from bulk_pipeline.core.schema import KEY, PLACEHOLDER, RATIOS

SHARED = Path(__file__).resolve().parents[3] / "shared"
REAL = SHARED / "data" / "annual_predictions_part_1.xlsx"
needs_real = pytest.mark.skipif(
    not REAL.exists(), reason="shared/data is not beside the checkout"
)


@pytest.fixture(scope="module")
def apart() -> pl.DataFrame:
    """Ratios of 60,000 companies with one year each: no two rows have to do."""
    return made(DummyRequest(60_000, 60_000, seed=11))


@pytest.fixture(scope="module")
def usual() -> pl.DataFrame:
    """Rows as the command makes them: some companies, many years of each."""
    return made(DummyRequest(60_000, seed=12))


@pytest.fixture(scope="module")
def real() -> pl.DataFrame:
    """The real rows, each key once."""
    return pl.read_excel(REAL).unique(KEY, keep="first", maintain_order=True)


def made(request: DummyRequest) -> pl.DataFrame:
    """All rows of a request."""
    return pl.concat(dummy_blocks(request))


def figures(rows: pl.DataFrame, ratio: str) -> np.ndarray:
    """What a ratio holds that is a figure."""
    found = rows[ratio].drop_nulls().to_numpy()
    return found[found != PLACEHOLDER]


def ranks_together(rows: pl.DataFrame) -> np.ndarray:
    """Spearman's correlation of each two ratios."""
    known = rows.select(
        pl.when(pl.col(name) != PLACEHOLDER).then(pl.col(name)).alias(name)
        for name in RATIOS
    )
    found = np.eye(len(RATIOS))
    for i, one in enumerate(RATIOS):
        for j, other in enumerate(RATIOS[:i]):
            pair = known.select(one, other).drop_nulls()
            rho = pair.select(pl.corr(one, other, method="spearman")).item()
            found[i, j] = found[j, i] = rho
    return found


def off(
    rows: pl.DataFrame, quantiles: dict[str, tuple[float, ...]]
) -> dict[str, float]:
    """By how much the share of figures below each quantile differs, at most."""
    return {
        name: max(
            abs(float((figures(rows, name) <= value).mean()) - p)
            for p, value in zip(PROBABILITIES, quantiles[name], strict=True)
            if 0 < p < 1
        )
        for name in RATIOS
    }


def test_each_ratio_has_the_quantiles_of_the_table(
    apart: pl.DataFrame, usual: pl.DataFrame
) -> None:
    """Figures in one bin of the scorecard would leave the others untested."""
    assert max(off(apart, QUANTILES).values()) < 0.01
    assert max(off(usual, QUANTILES).values()) < 0.03
    for name in RATIOS:
        found = figures(apart, name)
        assert found.min() >= QUANTILES[name][0]
        assert found.max() <= QUANTILES[name][-1]
        assert (np.round(found, 3) == found).all()
        assert not np.signbit(found[found == 0]).any()


def test_ratios_go_together_as_the_table_says(
    apart: pl.DataFrame, usual: pl.DataFrame
) -> None:
    """A company of much debt that covers its interest tenfold is none that exists."""
    table = np.array(RANK_CORRELATIONS)
    assert np.abs(ranks_together(apart) - table).max() < 0.02
    assert np.abs(ranks_together(usual) - table).max() < 0.05


@needs_real
def test_the_tables_are_those_of_the_real_rows(real: pl.DataFrame) -> None:
    """A slip in a table would make everything that is drawn from it wrong."""
    for name in RATIOS:
        found = np.quantile(figures(real, name), PROBABILITIES)
        assert QUANTILES[name] == pytest.approx(found, abs=6e-4)
    assert np.abs(ranks_together(real) - np.array(RANK_CORRELATIONS)).max() < 0.002
    lacks = ["".join("x" if v is None else "-" for v in r) for r in real[RATIOS].rows()]
    counted = Counter(pattern for pattern in lacks if "x" in pattern)
    assert sum(counted.values()) == sum(MISSING_PATTERNS.values())
    assert counted == MISSING_PATTERNS


@needs_real
def test_made_up_rows_cannot_be_told_from_the_real_ones_by_their_spread(
    real: pl.DataFrame, apart: pl.DataFrame
) -> None:
    """The real file itself is the judge, not only the tables taken from it."""
    theirs = {n: tuple(np.quantile(figures(real, n), PROBABILITIES)) for n in RATIOS}
    assert max(off(apart, theirs).values()) < 0.01
    assert np.abs(ranks_together(apart) - ranks_together(real)).max() < 0.02


def test_a_company_resembles_itself_from_year_to_year(usual: pl.DataFrame) -> None:
    """Real accounts change slowly; the real rows correlate by 0.74 to 0.91 a year."""
    for name in RATIOS:
        ratio = pl.col(name)
        later = ratio.shift(1).over("company_symbol").alias("later")
        pairs = usual.select(ratio, later).drop_nulls()
        near = pairs.select(pl.corr(name, "later", method="spearman")).item()
        assert 0.8 < near < 0.95
        strangers = usual.group_by("company_symbol", maintain_order=True).first()
        pairs = strangers.select(ratio, ratio.shift(1).alias("later")).drop_nulls()
        far = pairs.select(pl.corr(name, "later", method="spearman")).item()
        assert abs(far) < 0.1


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_as_many_rows_lack_a_ratio_as_were_asked_for(share: float) -> None:
    """Missing ratios have a bin of their own, and a test may want it full or empty."""
    rows = made(DummyRequest(40_000, missing_share=share))
    lacks = rows.select(pl.any_horizontal(pl.col(RATIOS).is_null()).mean()).item()
    assert lacks == pytest.approx(share, abs=0.01)


def test_ratios_are_missing_together_as_in_real_files(apart: pl.DataFrame) -> None:
    """A company without debt has neither leverage nor coverage."""
    lacks = apart.select(
        pl.concat_str(
            pl.when(pl.col(name).is_null()).then(pl.lit("x")).otherwise(pl.lit("-"))
            for name in RATIOS
        ).alias("pattern")
    )["pattern"]
    counted = Counter(pattern for pattern in lacks if "x" in pattern)
    assert set(counted) == set(MISSING_PATTERNS)
    for pattern, rows in MISSING_PATTERNS.items():
        share = rows / sum(MISSING_PATTERNS.values())
        assert counted[pattern] / counted.total() == pytest.approx(share, abs=0.015)


def test_a_few_cells_hold_the_placeholder_of_real_files(apart: pl.DataFrame) -> None:
    """Suppliers write it where they have no figure, and a check counts it."""
    cells = apart.select((pl.col(RATIOS) == PLACEHOLDER).sum()).sum_horizontal().item()
    assert cells / (5 * apart.height) == pytest.approx(PLACEHOLDER_SHARE, rel=0.5)
    assert cells > 0
