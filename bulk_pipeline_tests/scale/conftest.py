"""One pipeline on Celery for the tests of this package, and a heavy model."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
import redis
import sqlalchemy as sa
from sklearn.ensemble import HistGradientBoostingClassifier

from bulk_pipeline.adapters.model_store import save_estimator
from bulk_pipeline_tests.adapters.fitted import some_ratios
from bulk_pipeline_tests.scale.cluster import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    Cluster,
    environment_of,
    fresh_database,
    running,
)

TREES, LEAVES, LEARNT = 600, 31, 20_000
"""Scores some 100,000 rows a second on a small machine: seconds for each span."""

SENT_ROWS = 10_000
"""Rows from which a batch of these tests is scored by workers without the home."""


@pytest.fixture(scope="session")
def heavy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes longer to score with than a row takes to load."""
    ratios = some_ratios(LEARNT)
    noise = np.random.default_rng(1).random(LEARNT)
    classes = (np.nan_to_num(ratios).sum(axis=1) / 250 + noise > 0.7).astype(int)
    trees = HistGradientBoostingClassifier(max_iter=TREES, max_leaf_nodes=LEAVES)
    path = tmp_path_factory.mktemp("model") / "heavy.skops"
    save_estimator(trees.fit(ratios, classes), path)
    return path


@pytest.fixture(scope="session")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, heavy_model: Path
) -> Iterator[Cluster]:
    """The pipeline, without any worker; skipped where no servers are named."""
    if not os.environ.get(REDIS_VARIABLE) or not os.environ.get(POSTGRES_VARIABLE):
        pytest.skip(f"{REDIS_VARIABLE} or {POSTGRES_VARIABLE} is not set; .ci/scale")
    broker = redis.Redis.from_url(os.environ[REDIS_VARIABLE])
    broker.flushdb()
    folder = tmp_path_factory.mktemp("cluster")
    exchange = folder / "exchange"
    exchange.mkdir()
    with fresh_database(sa.make_url(os.environ[POSTGRES_VARIABLE])) as database:
        environment = environment_of(folder, database) | {
            "BULK_PIPELINE_MODEL": str(heavy_model),
            "BULK_PIPELINE_CHUNKS_URL": exchange.as_uri(),
            "BULK_PIPELINE_CHUNKS_ROWS": str(SENT_ROWS),
            "ULTRA_BATCH_SIZE": "5000",
            "ULTRA_PARALLEL_WORKERS": "8",
        }
        with pytest.MonkeyPatch.context() as patch, running(folder, environment) as up:
            for name, value in environment.items():
                if name.startswith("DAGSTER_"):
                    patch.setenv(name, value)
            with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as seen:
                yield Cluster(up, environment, seen, broker)
    broker.close()
