"""How often a store is asked that does not answer: a step must not hang for hours."""

import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fsspec.config import conf as fsspec_settings

from bulk_pipeline.adapters.exchange import exchange as exchange_module
from bulk_pipeline.adapters.exchange import objects
from bulk_pipeline.adapters.exchange.objects import ObjectStore
from bulk_pipeline.adapters.exchange.store import StoreBusy
from bulk_pipeline_tests.adapters.exchange.conftest import SECRET, exchange_at


def test_each_attempt_asks_a_store_once(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drivers try again by themselves: 5 times 5 times 5 at each call were hours."""
    monkeypatch.setattr(exchange_module, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(exchange_module, "LONGEST_WAIT_SECONDS", 0.001)
    asked = []

    class Busy(BaseHTTPRequestHandler):
        """A store that turns everybody away."""

        def do_GET(self) -> None:
            """Answer that it is busy."""
            asked.append(self.path)
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever).start()
        host, port = server.server_address[:2]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host!s}:{port}")
        try:
            with pytest.raises(StoreBusy):
                exchange_at(s3_url, tries=3).read("a")
        finally:
            server.shutdown()
    assert len(asked) == 3


def test_what_azure_tries_again_by_itself_is_not_multiplied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its driver waits for a minute between its four attempts, whatever it is told."""
    login = f"AccountName=a;AccountKey={SECRET}==;BlobEndpoint=http://127.0.0.1:1/a"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", login)

    assert exchange_at("abfs://container/chunks", tries=5).tries == 1


def test_what_fsspec_was_told_of_the_store_is_kept(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stores that are not Amazon's are often reached by paths alone."""
    given = {"connect_timeout": 3, "s3": {"addressing_style": "path"}}
    monkeypatch.setitem(fsspec_settings, "s3", {"config_kwargs": given})
    store = ObjectStore(s3_url)

    assert store._files.config_kwargs.items() >= given.items()


@pytest.fixture
def silent() -> Iterator[str]:
    """Address of a store that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "call",
    [lambda store: store.write("a", b"x"), lambda store: store.sizes("")],
    ids=["write", "sizes"],
)
@pytest.mark.parametrize("url", ["s3://bucket/chunks", "abfs://container/chunks"])
def test_a_store_that_never_answers_is_given_up(
    url: str,
    call: Callable[[ObjectStore], object],
    silent: str,
    s3_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No timeout of a driver ends each of these; a step would wait for ever."""
    monkeypatch.setattr(objects, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(objects, "LISTING_SECONDS", 0.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent)
    key = b64encode(SECRET.encode()).decode()
    login = f"AccountName=a;AccountKey={key};BlobEndpoint={silent}/a"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", login)

    with pytest.raises(StoreBusy):
        call(ObjectStore(url))
