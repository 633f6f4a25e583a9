"""Peers: run apart, believed only by their rows, and never in anybody's way."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.bench.peers import (
    PEERS,
    PeerAbsent,
    PeerFailed,
    catalogue,
    measure_peer,
    orm,
)
from bulk_pipeline.bench.peers import pandas as with_pandas
from bulk_pipeline.bench.peers.child import Request
from bulk_pipeline.core.dummy import DummyRequest
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.risk import scored
from bulk_pipeline.core.schema import KEY
from bulk_pipeline.core.scorecard import ratio_matrix

ROWS = 300
PANDAS, ORM, DLT = PEERS


def sample(folder: Path, suffix: str = "csv", rows: int = ROWS) -> Path:
    """A file of good rows."""
    file = folder / f"rows.{suffix}"
    write_sample(DummyRequest(rows, companies=10), file)
    return file


def request(folder: Path, suffix: str = "csv") -> Request:
    """What a peer's process is asked, without the process."""
    own = folder / "own"
    own.mkdir()
    return Request(sample(folder, suffix), ROWS, own, "")


def stored(database: Path, query: str) -> list[tuple[object, ...]]:
    """Rows of a SQLite file."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.parametrize("suffix", catalogue.FORMATS)
def test_every_peer_loads_every_format_it_names(
    tmp_path: Path, peer: catalogue.Peer, suffix: str
) -> None:
    """A peer that quietly loads nothing would win every comparison."""
    file = sample(tmp_path, suffix)
    try:
        figures = measure_peer(peer, file, ROWS, tmp_path)
    except PeerAbsent:
        pytest.skip(f"{peer.package} is not installed")
    assert (figures.peer, figures.rows) == (peer.name, ROWS)
    assert figures.seconds > 0
    assert figures.version
    assert figures.note == peer.note


def test_a_peer_leaves_nothing_behind(tmp_path: Path) -> None:
    """A million rows of each peer would fill the disk of whoever compares often."""
    file = sample(tmp_path)
    for _ in range(2):
        measure_peer(PANDAS, file, ROWS, tmp_path)
    assert list(tmp_path.iterdir()) == [file]


def test_a_peer_gets_no_more_rows_than_it_bears(tmp_path: Path) -> None:
    """A million rows one at a time take the better part of an hour."""
    few = replace(ORM, rows_at_most=20)
    assert measure_peer(few, sample(tmp_path), ROWS, tmp_path).rows == 20


def test_an_absent_peer_says_how_to_install_it(tmp_path: Path) -> None:
    """Most people have none of them, and none is needed for anything else."""
    absent = replace(PANDAS, package="no-such-distribution")
    with pytest.raises(PeerAbsent, match=r"pip install 'bulk-pipeline\[bench\]'"):
        measure_peer(absent, sample(tmp_path), ROWS, tmp_path)


@pytest.mark.parametrize(
    ("name", "url"), [("rows.ods", ""), ("rows.csv", "mssql+mssqlpython://u@h/d")]
)
def test_what_a_peer_does_not_take_is_refused_by_name(
    tmp_path: Path, name: str, url: str
) -> None:
    """Otherwise it would fail a minute later in words of its own."""
    with pytest.raises(ConfigurationError, match="pandas to_sql takes"):
        measure_peer(PANDAS, tmp_path / name, ROWS, tmp_path, url)


def test_a_peer_that_gives_up_is_quoted(tmp_path: Path) -> None:
    """One peer's fault must not look like ours."""
    with pytest.raises(PeerFailed, match=r"pandas to_sql gave up.*absent\.csv"):
        measure_peer(PANDAS, tmp_path / "absent.csv", ROWS, tmp_path)


def test_a_peer_that_stored_other_rows_is_not_believed(tmp_path: Path) -> None:
    """Its seconds would be those of another file."""
    with pytest.raises(PeerFailed, match=r"was given 400 rows .* has 300"):
        measure_peer(PANDAS, sample(tmp_path), 400, tmp_path)


def test_a_named_sqlite_database_is_never_touched(tmp_path: Path) -> None:
    """The bench is given the URL of ours, which may hold a company's accounts."""
    file, mine = sample(tmp_path), tmp_path / "mine.db"
    measure_peer(PANDAS, file, ROWS, tmp_path, f"sqlite:///{mine}")
    assert not mine.exists()


def test_pandas_stores_the_file_under_a_unique_key(tmp_path: Path) -> None:
    """Without a key to keep, any load is faster than ours, and worth nothing."""
    given = request(tmp_path)
    assert with_pandas.load(given).rows == ROWS
    query = "SELECT company_symbol, reporting_year, reporting_quarter FROM accounts"
    rows = stored(given.database, query)
    wanted = pl.read_csv(given.file).select(KEY).rows()
    assert sorted(rows) == sorted(wanted)
    (unique,) = stored(given.database, "PRAGMA index_list(accounts)")
    assert unique[2] == 1


def test_the_orm_stores_the_scores_that_ours_would(tmp_path: Path) -> None:
    """It is only the same work done slowly if the outcome is the same."""
    given = request(tmp_path)
    assert orm.load(given).rows == ROWS
    p = orm.Prediction
    query = sa.select(p.risk_level, p.confidence, p.probability).order_by(p.id)
    engine = sa.create_engine(f"sqlite:///{given.database}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        levels = connection.execute(query).all()
    rows, model = pl.read_csv(given.file), load_model()
    probabilities = model.probabilities(ratio_matrix(rows))
    ours = scored(rows, probabilities, model.thresholds)
    assert [level for level, *_ in levels] == ours["risk_level"].to_list()
    assert [c for _, c, _ in levels] == pytest.approx(ours["confidence"].to_list())
    assert [p for *_, p in levels] == pytest.approx(probabilities.tolist(), rel=1e-12)


def test_dlt_keeps_its_folders_within_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left alone it writes into the home directory and tells its makers."""
    pytest.importorskip("dlt")
    monkeypatch.setattr(os, "environ", {**os.environ, "HOME": str(tmp_path / "home")})
    given = request(tmp_path)
    loaded = import_module("bulk_pipeline.bench.peers.dlt").load(given)
    assert loaded.rows == ROWS
    assert os.environ["RUNTIME__DLTHUB_TELEMETRY"] == "false"
    assert not (tmp_path / "home").exists()
    keys = stored(given.database, "PRAGMA table_info(accounts)")
    assert sum(bool(column[5]) for column in keys) == len(KEY)


def test_the_orm_drops_its_tables_on_a_server(
    tmp_path: Path, mssql_url: sa.URL
) -> None:
    """They stand among somebody's tables for as long as it runs."""
    few = replace(ORM, rows_at_most=20)
    url = mssql_url.render_as_string(hide_password=False)
    assert measure_peer(few, sample(tmp_path), ROWS, tmp_path, url).rows == 20
    engine = sa.create_engine(mssql_url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
