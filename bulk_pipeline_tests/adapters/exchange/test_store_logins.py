"""Laws of what leads to a store: a URL without a login, a login, a package."""

import pytest

from bulk_pipeline.adapters.exchange import objects
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import (
    ConfigurationError,
)
from bulk_pipeline_tests.adapters.exchange.conftest import exchange_at


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
