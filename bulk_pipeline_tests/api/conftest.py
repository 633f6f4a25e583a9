"""Fixtures of the tests of the upload API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulk_pipeline_tests.api.site import Site, site_in


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The API of a fresh home, without tokens, on this machine only."""
    with site_in(tmp_path / "home") as made:
        yield made


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same for all tests of a module that leave nothing in it."""
    with site_in(tmp_path_factory.mktemp("one") / "home") as made:
        yield made
