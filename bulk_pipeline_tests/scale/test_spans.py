"""Laws of one file that several machines score: whole, once, bit for bit."""

import os
from pathlib import Path

import pytest

from bulk_pipeline_tests.scale.cluster import Cluster
from bulk_pipeline_tests.scale.shared_file import require_whole_and_once

pytestmark = pytest.mark.scale

ROWS = int(os.environ.get("BULK_PIPELINE_TEST_SCALE_ROWS", "200000"))
FEW_ROWS = 100_000


def test_a_file_scored_by_two_workers_of_which_one_dies_is_stored_whole_and_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    """A machine is lost half-way: its span comes back, no row differs or is gone."""
    require_whole_and_once(cluster, tmp_path, ROWS)


def test_the_same_holds_where_rabbitmq_hands_out_the_steps(
    on_rabbitmq: Cluster, tmp_path: Path
) -> None:
    """It sees a worker die at once, and knows neither dates nor keys of Redis."""
    require_whole_and_once(on_rabbitmq, tmp_path, FEW_ROWS)


@pytest.mark.slow  # a minute; adapters/exchange holds what a bucket must keep
def test_the_same_holds_where_rows_and_scores_lie_in_a_bucket(
    on_s3: Cluster, tmp_path: Path
) -> None:
    """A store over the network has no rename, and a dead writer leaves no half."""
    require_whole_and_once(on_s3, tmp_path, FEW_ROWS)
