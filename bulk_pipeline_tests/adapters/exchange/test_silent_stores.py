"""Laws of stores that are busy, silent or gone: what passes is waited for."""

import socket
from pathlib import Path

import pytest

from bulk_pipeline.adapters.exchange import exchange as exchange_module
from bulk_pipeline.adapters.exchange.exchange import each
from bulk_pipeline.adapters.exchange.folder import FolderStore
from bulk_pipeline.adapters.exchange.store import ObjectMissing, StoreBusy
from bulk_pipeline_tests.adapters.exchange.conftest import SECRET, exchange_at


def test_a_busy_store_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Throttling passes; a batch must not wait an hour for it."""
    monkeypatch.setattr(exchange_module, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(exchange_module, "LONGEST_WAIT_SECONDS", 0.001)
    exchange = exchange_at(f"file://{tmp_path}", tries=3)
    asked = []

    def read(store: FolderStore, name: str) -> bytes:
        asked.append(name)
        if len(asked) < 3:
            raise StoreBusy("slow down")
        return b"x"

    monkeypatch.setattr(FolderStore, "read", read)
    assert exchange.read("a") == b"x"
    asked.clear()
    with pytest.raises(StoreBusy, match="slow down"):
        exchange_at(f"file://{tmp_path}", tries=2).read("a")
    assert len(asked) == 2


def test_the_first_error_in_threads_ends_the_rest() -> None:
    """Nobody waits for a thousand objects when the first cannot be had."""
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        each(work, range(10_000))
    assert len(begun) < 10_000


def test_a_bucket_that_is_not_there_is_named(s3_url: str) -> None:
    """A mistyped name is the commonest fault."""
    bucket = s3_url.split("/")[2]
    url = s3_url.replace(bucket, f"{bucket}-not")
    with pytest.raises(ObjectMissing, match=r"a/b is not in the exchange"):
        exchange_at(url).write("a/b", b"x")


def test_a_store_that_does_not_answer_may_pass(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again, or the network comes back; no secret is in the message."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    exchange = exchange_at(s3_url)
    with pytest.raises(StoreBusy, match=r"EndpointConnectionError") as caught:
        exchange.read("a")

    assert SECRET not in str(caught.value)
    assert SECRET not in repr(exchange)
    assert caught.value.__cause__ is None
