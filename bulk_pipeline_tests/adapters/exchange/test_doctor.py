"""The doctor tries the exchange, leaves nothing there and tells no secret."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.doctor.apart import apart
from bulk_pipeline.adapters.doctor.exchange import exchange_findings
from bulk_pipeline.adapters.exchange import objects
from bulk_pipeline.adapters.exchange.folder import FolderStore
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.findings import Area, Finding, Level


def on(url: str) -> Finding:
    """What is found of an exchange."""
    given = {"BULK_PIPELINE_CHUNKS_URL": url, "BULK_PIPELINE_RETRIES": "1"}
    settings = Settings.from_environment(given)
    [found] = apart(Area.HOME, lambda: exchange_findings(settings))
    return found


def test_an_exchange_that_works_is_named_and_left_empty(url: str) -> None:
    """What is tried must not be found by anybody afterwards."""
    found = on(url)

    assert found.level is Level.OK
    assert found.what.startswith(f"The exchange {url} can be written")
    if url.startswith("file://"):
        assert list(Path(url.removeprefix("file://")).iterdir()) == []


def test_a_login_that_may_not_delete_is_found(
    folder_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would fail; the storage would only grow."""
    monkeypatch.setattr(FolderStore, "remove", lambda *_: None)
    found = on(folder_url)

    assert found.level is Level.FAILURE
    assert "keeps what is deleted" in found.what


def test_a_store_that_gives_something_else_is_found(
    folder_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers from a cache of its own cannot be worked with."""
    monkeypatch.setattr(FolderStore, "read", lambda *_: b"old")
    found = on(folder_url)

    assert found.level is Level.FAILURE
    assert "something else than was written" in found.what


def test_what_is_missing_is_named_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount, or a package."""
    assert "Mount it" in on(f"file://{tmp_path / 'mount'}").cure
    monkeypatch.setattr(objects, "find_spec", lambda _: None)
    found = on("abfs://container/chunks")

    assert "fsspec" in found.what
    assert "bulk-pipeline[scale]" in found.cure
