"""One ``bulk-pipeline up`` with loaded batches, and windows on its UI."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from bulk_pipeline_tests.browser.dagster_ui.acting import (
    BATCH_ASSETS,
    choose,
    launch,
    tick,
    window,
)
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.running_up import Up, running_up

FILES_TOGETHER = 3  # as ``running_up`` has it
WRONG_ROWS = 4
REFUSED = "refused.csv"
BACK_FILL = """
query($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill {
    status partitionNames runs(limit: 10) { status }
  } }
}
"""


@dataclass(frozen=True)
class Scene:
    """What the tests look at.

    Attributes:
        up: the command.
        batches: three loaded ones or more.
        back_fill: key of the back-fill of the first two, which may be at work.
    """

    up: Up
    batches: tuple[str, ...]
    back_fill: str


@pytest.fixture(scope="package")
def scene(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Dropped files that have been loaded, and a back-fill that was started by hand.

    Dagster takes half a minute and more over a back-fill, in which the other tests
    look at other things.
    """
    folder = tmp_path_factory.mktemp("dagster")
    names = [f"accounts-{number}.csv" for number in range(2 * FILES_TOGETHER + 1)]
    files = [
        write_csv(
            folder / name,
            [
                *rows_of([f"ZZ{number}{n:02}" for n in range(20)], range(2001, 2011)),
                *[{**ROW, "reporting_year": "soon"}] * WRONG_ROWS,
            ],
        )
        for number, name in enumerate(names)
    ]
    header = [name for name in ROW if name != "return_on_assets"]
    refused = write_csv(folder / REFUSED, [ROW], header)
    with running_up(folder / "home") as up:
        up.drop(*files, refused)
        batches = tuple(dict.fromkeys(up.ended_batch(name) for name in names))
        up.ended_batch(REFUSED)
        with window(chromium, up.port) as page:
            back_fill = started_back_fill(page, *batches[:2])
        yield Scene(up, batches, back_fill)


def started_back_fill(page: Page, *batches: str) -> str:
    """The key of a back-fill that was started in the catalogue, by clicks."""
    page.goto("/assets")
    for asset in BATCH_ASSETS:
        tick(page, asset)
    page.get_by_role("button", name="Materialize selected").click()
    return launch(page, choose(page, *batches))


@pytest.fixture
def ui(chromium: Browser, scene: Scene) -> Iterator[Page]:
    """A fresh window on the UI."""
    with window(chromium, scene.up.port) as page:
        yield page


def ended(up: Up, back_fill: str) -> bool:
    """Whether a back-fill has ended, well or not."""
    status = up.ask(BACK_FILL, id=back_fill)["status"]
    return str(status).startswith("COMPLETED")
