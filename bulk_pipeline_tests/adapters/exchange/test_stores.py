"""Laws of what an exchange lies on: whole objects, clear errors, no secret."""

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from bulk_pipeline.adapters.exchange import exchange as exchange_module
from bulk_pipeline.adapters.exchange import objects
from bulk_pipeline.adapters.exchange.exchange import Exchange, each
from bulk_pipeline.adapters.exchange.folder import FolderStore
from bulk_pipeline.adapters.exchange.object_errors import translated
from bulk_pipeline.adapters.exchange.store import ObjectMissing, StoreBusy
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
    TransientError,
)
from bulk_pipeline_tests.adapters.exchange.conftest import SECRET

HALF_WRITTEN = """
import os, signal, sys
from pathlib import Path
from bulk_pipeline.adapters.exchange.folder import FolderStore
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
FolderStore(Path(sys.argv[1])).write("a/b", b"new")
"""


def exchange_at(url: str, tries: int = 1) -> Exchange:
    """The exchange at a URL."""
    given = {"BULK_PIPELINE_CHUNKS_URL": url, "BULK_PIPELINE_RETRIES": str(tries)}
    return Exchange.of(Settings.from_environment(given))


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


def test_a_killed_writer_leaves_the_old_object(tmp_path: Path) -> None:
    """A folder has no put that is whole by itself."""
    FolderStore(tmp_path).write("a/b", b"old")
    done = subprocess.run(
        [sys.executable, "-c", HALF_WRITTEN, str(tmp_path)], check=False
    )

    assert done.returncode == -9
    assert FolderStore(tmp_path).read("a/b") == b"old"
    [left] = [name for name in FolderStore(tmp_path).sizes("") if name != "a/b"]
    assert left.startswith("a/.b.")
    assert left.endswith(".partial")


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Below a mount that is missing it would fill the disk, and nobody would read."""
    with pytest.raises(ConfigurationError, match=r"no folder on this machine.*Mount"):
        exchange_at(f"file://{tmp_path / 'mount'}")
    assert not (tmp_path / "mount").exists()


def test_folders_that_are_empty_go_and_the_exchange_stays(tmp_path: Path) -> None:
    """Years of batches would leave a folder each."""
    store = FolderStore(tmp_path)
    store.write("a/b/c", b"x")
    store.write("a/d", b"x")
    store.remove(["a/b/c"])
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["d"]
    store.remove(["a/d"])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """Whoever makes room clears it for all batches."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    (tmp_path / "a").mkdir()
    store = FolderStore(tmp_path)

    def no_room(*_: object) -> int:
        with Path("/dev/full").open("wb", buffering=0) as full:
            return full.write(b"x")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", no_room)
        with pytest.raises(TransientError, match="No space is left"):
            store.write("a/b", b"x")
    assert store.sizes("") == {}


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


def test_a_login_that_is_missing_is_named(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes from the environment, which each machine has of its own."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ConfigurationError, match=r"AWS_\* or AZURE_STORAGE_\*"):
        exchange_at(s3_url).write("a", b"x")


def _answer(code: str, status: int) -> ClientError:
    """An answer of S3."""
    said = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "PutObject")


def _status(error: HttpResponseError, status: int) -> HttpResponseError:
    """An answer of Azure."""
    error.status_code = status
    return error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (FileNotFoundError("x"), ObjectMissing),
        (PermissionError("Access Denied"), ConfigurationError),
        (OSError(16, "Please reduce your request rate."), StoreBusy),
        (OSError(5, "Internal error"), StoreBusy),
        (OSError(22, "The region is wrong"), PermanentError),
        (TimeoutError(), StoreBusy),
        (ConnectionResetError("x"), StoreBusy),
        (EndpointConnectionError(endpoint_url="x"), StoreBusy),
        (ReadTimeoutError(endpoint_url="x"), StoreBusy),
        (NoCredentialsError(), ConfigurationError),
        (ParamValidationError(report="x"), PermanentError),
        (_answer("Odd", 418), PermanentError),
        (ServiceRequestError("no connection"), StoreBusy),
        (ClientAuthenticationError("x"), ConfigurationError),
        (_status(HttpResponseError("x"), 403), ConfigurationError),
        (_status(HttpResponseError("x"), 404), ObjectMissing),
        (_status(HttpResponseError("x"), 429), StoreBusy),
        (_status(HttpResponseError("x"), 503), StoreBusy),
        (_status(HttpResponseError("x"), 400), PermanentError),
    ],
)
def test_errors_of_a_store_are_told_apart(
    raised: Exception, expected: type[Exception]
) -> None:
    """What passes is tried again, and what does not must not be tried for ever."""
    with pytest.raises(expected, match="a/b") as caught, translated("a/b"):
        raise raised

    assert caught.value.__suppress_context__
    if expected is PermanentError:
        assert type(caught.value) is PermanentError


def test_a_mistake_in_the_program_passes_unchanged() -> None:
    """It must show its own trace."""
    with pytest.raises(ZeroDivisionError), translated("a"):
        1 / 0  # noqa: B018


def test_no_login_is_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are kept in the journal, in Dagster and in tickets."""
    connection = f"AccountName=a;AccountKey={SECRET}==;Endpoint=x"
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
    said = f"no: {connection} {SECRET} https://h/c?sv=1&sig=abc%3D&x=1 AccountKey=q=="
    with pytest.raises(StoreBusy) as caught, translated("a"):
        raise OSError(5, said)

    for secret in (SECRET, "abc%3D", "q=="):
        assert secret not in str(caught.value)


@pytest.mark.parametrize("package", ["fsspec", "s3fs"])
def test_a_package_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """A worker was installed without the extra."""
    found = objects.find_spec
    monkeypatch.setattr(
        objects, "find_spec", lambda name: None if name == package else found(name)
    )
    with pytest.raises(ConfigurationError, match=rf"{package}.*bulk-pipeline\[scale\]"):
        exchange_at("s3://bucket/chunks")


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hunter2@bucket/x",
        "s3://hunter2@bucket/x",
        "abfs://u:hunter2@account.dfs.core.windows.net/x",
        "s3://bucket/x?secret=hunter2",
        "s3://bucket/x#hunter2",
        "gs://hunter2/x",
        "/hunter2",
        "hunter2",
        "file://hunter2/x",
        "file:///",
        "file://",
        "s3://",
        "s3:///hunter2",
        "s3://hunter2/../other",
        "S3://hunter2/x",
        " s3://hunter2/x",
        "file:/hunter2",
        "file:////",
        "s3://hunter2/a*c",
        "s3://hunter2/[ab]",
        "s3://hunter2/\nx",
    ],
)
def test_urls_that_cannot_be_are_refused_without_being_shown(url: str) -> None:
    """A login in a URL would be in the settings that the doctor prints."""
    with pytest.raises(ConfigurationError, match="BULK_PIPELINE_CHUNKS_URL") as caught:
        Settings.from_environment({"BULK_PIPELINE_CHUNKS_URL": url})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "abfs://container@account.dfs.core.windows.net/chunks",
        "abfs://container/chunks",
        "s3://bucket",
        "file:///mnt/a b/chunks",
    ],
)
def test_urls_of_each_kind_are_taken(url: str) -> None:
    """As the packages behind them write them."""
    found = Settings.from_environment({"BULK_PIPELINE_CHUNKS_URL": f"{url}/"})
    assert found.chunks_url == url


def test_a_file_behind_another_name_is_not_followed(tmp_path: Path) -> None:
    """A link in the exchange must not lead housekeeping out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"x")
    inside = tmp_path / "exchange"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "file").symlink_to(outside / "file")
    store = FolderStore(inside)

    assert set(store.sizes("")) == {"file"}
    store.remove(["file"])
    assert (outside / "file").read_bytes() == b"x"
