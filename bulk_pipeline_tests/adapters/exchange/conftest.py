"""Exchanges of every kind that can be had here."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulk_pipeline.adapters.exchange.exchange import Exchange
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline_tests.adapters.exchange.sent import Sender, sender_in
from bulk_pipeline_tests.s3_server import s3_server

SECRET = "5c1-of-the-store"  # noqa: S105  # the one that must not be shown


def exchange_at(url: str, tries: int = 1) -> Exchange:
    """The exchange at a URL."""
    given = {"BULK_PIPELINE_CHUNKS_URL": url, "BULK_PIPELINE_RETRIES": str(tries)}
    return Exchange.of(Settings.from_environment(given))


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """Address of a server that speaks S3."""
    server = s3_server()
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def s3_url(
    s3_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """An exchange in a bucket of its own, with the login in the environment."""
    import boto3  # noqa: PLC0415  # as above

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"b{abs(hash(tmp_path))}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key="not/ours.txt", Body=b"x")
    yield f"s3://{name}/some/where"
    rest = client.list_objects_v2(Bucket=name).get("Contents", [])
    outside = [o["Key"] for o in rest if not o["Key"].startswith("some/where/")]
    assert outside == ["not/ours.txt"]


@pytest.fixture
def folder_url(tmp_path: Path) -> str:
    """An exchange in a folder that is there."""
    folder = tmp_path / "exchange"
    folder.mkdir()
    return f"file://{folder}"


@pytest.fixture(params=["folder_url", "s3_url"])
def url(request: pytest.FixtureRequest) -> str:
    """An exchange of each kind."""
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def sender(tmp_path: Path, folder_url: str) -> Iterator[Sender]:
    """A home that sends its batches through a folder."""
    made = sender_in(tmp_path / "sender", folder_url)
    yield made
    made.pipeline.installation.close()
