"""Laws of every store that an exchange lies on: whole objects, seen at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bulk_pipeline.adapters.exchange import objects
from bulk_pipeline.adapters.exchange.exchange import each
from bulk_pipeline.adapters.exchange.store import ObjectMissing
from bulk_pipeline_tests.adapters.exchange.conftest import exchange_at


def test_what_is_written_is_found_read_and_removed(url: str) -> None:
    """All that a batch needs of a store."""
    exchange = exchange_at(url)
    assert exchange.sizes() == {}
    exchange.write("a/b/c", b"old")
    exchange.write("a/b/c", b"newer")
    exchange.write("a-b/c", b"")

    assert exchange.read("a/b/c") == b"newer"
    assert exchange.sizes() == {"a/b/c": 5, "a-b/c": 0}
    assert exchange.sizes("a") == {"a/b/c": 5}
    exchange.remove(["a/b/c", "never/there"])
    exchange.remove([])
    assert exchange.sizes() == {"a-b/c": 0}
    with pytest.raises(ObjectMissing, match="a/b/c is not in the exchange"):
        exchange.read("a/b/c")


def test_another_machine_sees_at_once_what_was_written(url: str) -> None:
    """A listing that is remembered would hide the work of the others."""
    ours, theirs = exchange_at(url), exchange_at(url)
    assert ours.sizes() == {}
    theirs.write("a/b", b"x")
    assert ours.sizes() == {"a/b": 1}
    assert ours.read("a/b") == b"x"
    theirs.remove(["a/b"])
    assert ours.sizes() == {}


def test_a_reader_sees_the_old_object_or_the_new_one(url: str) -> None:
    """Half an object would be taken for damage, or for rows."""
    exchange = exchange_at(url)
    contents = [bytes([n]) * 200_000 for n in range(4)]
    exchange.write("a/b", contents[0])
    done = threading.Event()

    def write() -> None:
        for content in contents * 3:
            exchange.write("a/b", content)
        done.set()

    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(write)
        while not done.is_set():
            assert exchange.read("a/b") in contents
        writing.result()


def test_more_objects_than_one_call_takes_are_removed(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 takes a thousand at a time; a huge batch has more."""
    monkeypatch.setattr(objects, "REMOVED_AT_ONCE", 2)
    exchange = exchange_at(s3_url)
    names = [f"a/{n}" for n in range(5)]
    each(lambda name: exchange.write(name, b"x"), names)
    exchange.remove(names)

    assert exchange.sizes() == {}
