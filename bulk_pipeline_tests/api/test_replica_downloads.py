"""Downloads from a read replica: whole, or a refusal that says when to come again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bulk_pipeline.adapters.replica import Replica
from bulk_pipeline.api.downloads import NOTE
from bulk_pipeline_tests.api.site import GOOD, UPLOADS, Site, require_problem


def copied(site: Site, path: Path) -> None:
    """A copy of the site's database as it is now."""
    with (
        closing(sqlite3.connect(site.installation.home.database)) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)


@pytest.fixture
def mirrored(site: Site, tmp_path: Path) -> Iterator[tuple[Site, Site, Path, str]]:
    """A site with a loaded upload, one that reads a copy, the copy, and the key."""
    key = site.key()
    site.look()
    site.run()
    path = tmp_path / "copy ü.db"
    copied(site, path)
    url = SecretStr(f"sqlite:///{path}")
    settings = site.installation.settings.model_copy(update={"read_url": url})
    reading = replace(
        site.installation, settings=settings, replica=Replica.of(settings)
    )
    yield site, Site(reading), path, key
    if reading.replica is not None:
        reading.replica.dispose()


def test_results_come_from_the_replica_and_wait_for_it(
    mirrored: tuple[Site, Site, Path, str],
) -> None:
    """Whoever polls until the state is loaded asks in that very second."""
    site, reading, path, key = mirrored
    answer = reading.client.get(f"{UPLOADS}/{key}/results")
    assert answer.status_code == 200
    assert NOTE not in answer.headers

    late = site.key("late.csv", GOOD.replace(b"HPE,", b"ZZ,"))
    site.look()
    site.run()
    refused = reading.client.get(f"{UPLOADS}/{late}/results")
    assert "replica has not these rows yet" in require_problem(refused, 503)
    assert int(refused.headers["Retry-After"]) > 0
    note = reading.client.get(f"{UPLOADS}/{key}/results").headers[NOTE]
    assert "1 upload is not in it yet" in note
    assert note.isascii()
    assert path.parent.name not in note

    copied(site, path)
    assert reading.client.get(f"{UPLOADS}/{late}/results").status_code == 200
