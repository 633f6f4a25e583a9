"""Exchanges of every kind that can be had here."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from bulk_pipeline_tests.adapters.exchange.sent import Sender, sender_in

SECRET = "5c1-of-the-store"  # noqa: S105  # the one that must not be shown


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """Address of a server that speaks S3 and answers one request after the other.

    With a thread for each, moto closes an object that is replaced under the thread that
    still reads it, and answers with a 500; S3 gives the old object or the new one.
    """
    from moto.server import (  # noqa: PLC0415
        DomainDispatcherApplication,  # a second of imports, for those that need it
        MotoRequestHandler,
        create_backend_app,
    )

    application = DomainDispatcherApplication(create_backend_app)
    server = make_server(
        "127.0.0.1", 0, application, request_handler=MotoRequestHandler
    )
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
