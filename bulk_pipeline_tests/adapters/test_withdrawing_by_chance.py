"""Withdrawing in one sentence, for values that meet and part again by chance."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
from bulk_pipeline_tests.adapters.ways import ON_SERVERS
from bulk_pipeline_tests.adapters.withdrawals import STATE, file_of

SYMBOLS = "KLM"
UPLOADS = st.lists(
    st.dictionaries(
        st.sampled_from(SYMBOLS), st.sampled_from([-30, 1, 40]), min_size=1
    ),
    min_size=2,
    max_size=4,
)


def shown(pipeline):
    """What is stored, without the file that a value is from; closes the pipeline."""
    rows = [row[:-1] for row in pipeline.query(STATE)]
    pipeline.close()
    return rows


def require_as_if_alone(uploads, place, empty):
    """Compare a database after a withdrawal with one that never had the upload.

    The others are materialised again, since some of their rows may have been
    duplicates of the withdrawn ones. Who owns a value that two uploads bring may then
    differ; which value is stored may not.

    Args:
        uploads: symbols and their values, file by file.
        place: which of them is withdrawn.
        empty: gives the settings of an empty database; called for each of the two.
    """
    place %= len(uploads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [
            file_of(folder, f"{number}.csv", [*rows.items(), (f"Own{number}", 1)])
            for number, rows in enumerate(uploads)
        ]
        with_all = Pipeline(installation_in(folder / "all", **empty()))
        reports = [with_all.load(f, on_conflict="update").uploads[0] for f in files]
        withdraw(with_all.installation, [reports[place].key])
        for number, report in enumerate(reports):
            if number != place:
                with_all.run(report.batch)
        found = shown(with_all)
        others = Pipeline(installation_in(folder / "others", **empty()))
        for number, file in enumerate(files):
            if number != place:
                others.load(file, on_conflict="update")
        assert found == shown(others)


@given(uploads=UPLOADS, place=st.integers(0, 3))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_withdrawal_is_as_if_the_others_had_come_alone(uploads, place) -> None:
    """The promise in one sentence."""
    require_as_if_alone(uploads, place, dict)


@pytest.mark.parametrize("driver", ON_SERVERS)
@given(uploads=UPLOADS, place=st.integers(0, 3))
@settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,  # it is asked to empty the database anew
    ],
)
def test_a_withdrawal_is_so_on_a_server(empty_mssql, driver, uploads, place) -> None:
    """The rules are the same, but other statements carry them out."""
    require_as_if_alone(uploads, place, lambda: {"DATABASE_URL": empty_mssql(driver)})
