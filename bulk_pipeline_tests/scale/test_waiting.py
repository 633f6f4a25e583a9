"""Laws of steps that wait: what lies in the broker, and that somebody can see it."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.scale.cluster import Cluster, until

pytestmark = pytest.mark.scale


def test_a_waiting_step_is_json_without_a_secret_and_somebody_can_see_that_it_waits(
    cluster: Cluster, tmp_path: Path
) -> None:
    """A message lies in Redis and its file for as long as no worker comes."""
    cluster.up.drop(write_csv(tmp_path / "waiting.csv", rows_of(["AA"], [2001])))
    until(lambda: cluster.broker.llen("read"))
    told = bulk_pipeline("doctor", **cluster.environment).stdout
    [raw] = cluster.broker.lrange("read", 0, -1)  # one list, whatever the priority
    message = json.loads(raw)
    body = base64.b64decode(message["body"]).decode()

    assert "Queue read: no worker takes steps from it, 1 step waits." in told
    assert message["content-type"] == "application/json"
    assert json.loads(body)
    assert '"env": "DAGSTER_POSTGRES_PASSWORD"' in body.replace('\\"', '"') or (
        "env: DAGSTER_POSTGRES_PASSWORD" in body
    )
    assert not secrets_in(raw + body.encode(), cluster)

    run = str(until(lambda: cluster.run_of("waiting.csv")))
    with cluster.worker("home,read,load"), cluster.worker("score"):
        until(lambda: cluster.status(run) is dg.DagsterRunStatus.SUCCESS)
        told = bulk_pipeline("doctor", **cluster.environment).stdout
    assert "no worker" not in told
    answers = [cluster.broker.get(k) for k in cluster.broker.keys("celery-task-meta-*")]
    assert answers
    assert not secrets_in(b"".join(filter(None, answers)), cluster)
    assert not secrets_in(dump(cluster), cluster)


def secrets_in(found: bytes, cluster: Cluster) -> list[str]:
    """The passwords of the pipeline that are in there."""
    passwords = [
        cluster.environment["DAGSTER_POSTGRES_PASSWORD"],
        cluster.environment["BULK_PIPELINE_CELERY_BROKER"].split(":")[2].split("@")[0],
    ]
    return [secret for secret in passwords if secret.encode() in found]


def dump(cluster: Cluster) -> bytes:
    """Everything that Dagster has stored."""
    environment = cluster.environment
    done = subprocess.run(
        [
            str(shutil.which("pg_dump")),
            f"--host={environment['DAGSTER_POSTGRES_HOST']}",
            f"--port={environment['DAGSTER_POSTGRES_PORT']}",
            f"--username={environment['DAGSTER_POSTGRES_USER']}",
            environment["DAGSTER_POSTGRES_DB"],
        ],
        env={
            "PGPASSWORD": environment["DAGSTER_POSTGRES_PASSWORD"],
            "PATH": environment["PATH"],
        },
        capture_output=True,
        check=True,
    )
    assert b"RUN_SUCCESS" in done.stdout or b"PIPELINE_SUCCESS" in done.stdout
    return done.stdout
