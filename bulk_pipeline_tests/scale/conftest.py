"""One pipeline on Celery for the tests of this package, and a heavy model."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import redis
from sklearn.ensemble import HistGradientBoostingClassifier

from bulk_pipeline.adapters.model_store import save_estimator
from bulk_pipeline_tests.adapters.fitted import some_ratios
from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.ports import free_port
from bulk_pipeline_tests.scale.cluster import (
    RABBITMQ_VARIABLE,
    REDIS_VARIABLE,
    Cluster,
    pipeline,
    server,
    until,
)

S3_URL = "s3://between-machines/some/where"
TREES, LEAVES, LEARNT = 600, 31, 20_000
"""Scores some 100,000 rows a second on a small machine: seconds for each span."""


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
    """The pipeline on Redis, without any worker; skipped where no servers are named."""
    url, model = server(REDIS_VARIABLE), str(heavy_model)
    folder = tmp_path_factory.mktemp("cluster")
    with redis.Redis.from_url(url) as broker:
        broker.flushdb()
        with pipeline(folder, url, BULK_PIPELINE_MODEL=model) as found:
            yield replace(found, broker=broker)


@pytest.fixture
def on_rabbitmq(tmp_path: Path, heavy_model: Path) -> Iterator[Cluster]:
    """The same on RabbitMQ; skipped where that is not named."""
    url, model = server(RABBITMQ_VARIABLE), str(heavy_model)
    with pipeline(tmp_path, url, BULK_PIPELINE_MODEL=model) as found:
        yield found


@pytest.fixture
def on_s3(tmp_path: Path, heavy_model: Path) -> Iterator[Cluster]:
    """The pipeline on Redis, with the rows of batches in a bucket."""
    url, model = server(REDIS_VARIABLE), str(heavy_model)
    variables = {"BULK_PIPELINE_MODEL": model, "BULK_PIPELINE_CHUNKS_URL": S3_URL}
    apart = f"{url.rpartition('/')[0]}/1"  # where no other pipeline's steps wait
    with redis.Redis.from_url(apart) as broker, bucket() as login:
        broker.flushdb()
        with pipeline(tmp_path, apart, **variables, **login) as found:
            yield replace(found, broker=broker)


@contextmanager
def bucket() -> Iterator[dict[str, str]]:
    """A bucket of a server in its own process; gives the variables that reach it."""
    import boto3  # noqa: PLC0415  # a second of imports, for those that need it

    port = free_port()
    login = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "of-the-store",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "bulk_pipeline_tests.s3_server", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            until(lambda: process.poll() is not None or port_answers(port))
            with pytest.MonkeyPatch.context() as patch:
                for name, value in login.items():
                    patch.setenv(name, value)
                boto3.client("s3").create_bucket(Bucket=urlsplit(S3_URL).netloc)
            yield login
        finally:
            process.kill()


def port_answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
