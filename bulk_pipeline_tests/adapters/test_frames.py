"""Stored rows as pandas frames, typed as an analyst expects them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bulk_pipeline.adapters.frames import companies_frame, predictions_frame
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.harness import ROOT, Pipeline, ratios
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv


def test_predictions_come_with_their_company(small: Pipeline, tmp_path) -> None:
    """Nobody knows a company by its number."""
    rows = rows_of("BA", [2002, 2001])
    rows[0].update(ratios(net_income_margin=-3))
    published = small.load(write_csv(tmp_path / "a.csv", rows))
    frame = predictions_frame(small.installation.database)
    keys = list(zip(frame["company_symbol"], frame["reporting_year"], strict=True))
    assert keys == [("A", 2001), ("A", 2002), ("B", 2001), ("B", 2002)]
    assert set(frame["company_name"]) == {ROW["company_name"]}
    assert not {"id", "company_id"} & {*frame.columns}
    assert (frame[list(RATIOS)].dtypes == np.float64).all()
    last = frame.iloc[3]
    assert last["net_income_margin"] == -3.0
    assert np.isnan(last["return_on_assets"])
    assert frame["created_at"].dtype.tz is not None
    assert abs(frame["created_at"].max() - pd.Timestamp.now("UTC")) < pd.Timedelta(
        "60s"
    )
    assert published.figures.rows_written == len(frame)


def test_a_ratio_that_is_always_missing_is_a_number(small: Pipeline, tmp_path) -> None:
    """A column of objects breaks the first mean that an analyst asks for."""
    row = {**ROW, **ratios(net_income_margin=1)}
    small.load(write_csv(tmp_path / "a.csv", [row]))
    frame = predictions_frame(small.installation.database)
    assert (frame[list(RATIOS)].dtypes == np.float64).all()
    assert frame["return_on_assets"].isna().all()


def test_predictions_can_be_narrowed(small: Pipeline, tmp_path) -> None:
    """An asset further down wants what its batch stored, not the whole table."""
    first = small.load(write_csv(tmp_path / "a.csv", rows_of("A", range(2000, 2010))))
    small.load(write_csv(tmp_path / "b.csv", rows_of("B", range(2000, 2010))))
    database = small.installation.database
    batch = first.uploads[0].batch
    assert set(predictions_frame(database, batch=batch)["company_symbol"]) == {"A"}
    years = predictions_frame(database, years=(2003, 2004))["reporting_year"]
    assert sorted(years) == [2003, 2003, 2004, 2004]
    both = predictions_frame(database, batch=batch, years=(2009, 2050))
    assert len(both) == 1


@pytest.mark.parametrize("batch", [None, "nowhere"])
def test_no_rows_are_a_frame_with_columns(small: Pipeline, batch) -> None:
    """A notebook that starts before the first load must not fail in its third cell."""
    small.installation.database.create_tables()
    frame = predictions_frame(small.installation.database, batch=batch)
    assert len(frame) == 0
    assert {"company_symbol", *RATIOS, "probability", "risk_level"} <= {*frame.columns}
    assert (frame[list(RATIOS)].dtypes == np.float64).all()
    assert len(companies_frame(small.installation.database)) == 0


def test_companies_come_in_order_of_their_symbol(small: Pipeline, tmp_path) -> None:
    """Lists are read from the top."""
    rows = [*rows_of("CAB", [2001]), {**ROW, "company_symbol": "D", "sector": ""}]
    small.load(write_csv(tmp_path / "a.csv", rows))
    frame = companies_frame(small.installation.database)
    assert list(frame["symbol"]) == ["A", "B", "C", "D"]
    assert frame["market_cap"].dtype == np.float64
    assert pd.isna(frame["sector"].iloc[3])


def test_the_frames_are_imported_without_pandas() -> None:
    """Half a second of import would be paid by every run that wants no frame."""
    program = (
        "import sys, bulk_pipeline.adapters.frames; print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "False"
