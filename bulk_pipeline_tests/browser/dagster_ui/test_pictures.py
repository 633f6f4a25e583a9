"""The pictures of Dagster's UI in the documents: ``make pictures``."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bulk_pipeline_tests.browser.dagster_ui.acting import (
    BATCH_ASSETS,
    drawn,
    expand_groups,
    open_partition,
    plot,
    shown_metadata,
    tab,
    window,
)
from bulk_pipeline_tests.browser.dagster_ui.conftest import (
    BACK_FILL,
    ended,
    started_back_fill,
)
from bulk_pipeline_tests.browser.dagster_ui.picturing import save, show_sheet
from bulk_pipeline_tests.browser.test_pictures import FOLDER
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.running_up import Up, running_up

LARGEST_BYTES = 200_000
REGIONS = ("north", "east", "south", "west", "coast", "islands")
SMALLEST_ROWS, MORE_ROWS = 100_000, 12_000
FIRST_YEAR, YEARS = 1970, 9  # of each file its own, so that none repeats a row
ODD = """\
Symbol;Name;Sector;Market Cap;FY;Quarter;Long-Term Debt / Total Capital (%);\
Debt to EBITDA;Net Margin;Interest Coverage;ROA;note
ZZÄ1;Müller & Söhne AG;Industrials;1.250.000;31.12.2012;Q4;24,111;2,057;4,2;74,3;3,7;a
ZZÄ1;Mueller AG;Industrials;1.250.000;2013;Q4;21,5;100000000;3,9;71,25;3,5;
ZZB2;Bäcker Betriebe;Staples;87.000;soon;Q4;-;1,2;(2,5);NM;1,9;
"""
"""A file that a person made in an older program for spreadsheets."""

KEY_OF_A_BATCH = "SELECT upload_key FROM uploads WHERE batch_key = ?"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FOLDER not in os.environ, reason=f"{FOLDER} is not set"),
]


@dataclass(frozen=True)
class Gallery:
    """What is pictured.

    Attributes:
        up: the command.
        batches: loaded ones, about equally large, first to last.
    """

    up: Up
    batches: tuple[str, ...]

    def save(self, page: Page, name: str, of: Locator | None = None) -> None:
        """Save a picture, which is small enough for a document."""
        path = Path(os.environ[FOLDER]).resolve() / f"{name}.png"
        save(page, path, self.up.home, of)
        assert path.stat().st_size <= LARGEST_BYTES


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """Batches of invented companies."""
    folder = tmp_path_factory.mktemp("gallery")
    with running_up(folder / "home") as up:
        batches = []
        for number, region in enumerate(REGIONS):
            file = folder / f"accounts-{region}.csv"
            rows = SMALLEST_ROWS + number * MORE_ROWS
            first = FIRST_YEAR + number * YEARS
            done = bulk_pipeline(
                *("generate", "--rows", rows, "--seed", number, "--bad-share", 0.004),
                *("--years", f"{first}-{first + YEARS - 1}", "--out", file),
            )
            assert done.returncode == 0, done.stderr
            up.drop(file)
            batches.append(up.ended_batch(file.name))
        yield Gallery(up, tuple(batches))


@pytest.fixture(scope="module")
def odd(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A batch of a file that can be read though much of it is odd."""
    file = tmp_path_factory.mktemp("odd") / "accounts-odd.csv"
    file.write_text(ODD, encoding="cp1252")
    gallery.up.drop(file)
    return gallery.up.ended_batch(file.name)


@pytest.fixture(scope="module")
def refused(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two files that cannot be read, each from a team of its own."""
    folder = tmp_path_factory.mktemp("refused")
    files = {"finance": folder / "Übersicht 2024.csv", "sales": folder / "report.xlsx"}
    files["finance"].write_text("company,year\nMüller & Söhne AG,2012\n")
    files["sales"].write_bytes(b"PK\x03\x04 cut short")
    for team, file in files.items():
        place = gallery.up.home / "inbox" / team
        place.mkdir()
        file.rename(place / file.name)
    for file in files.values():
        gallery.up.ended_batch(file.name)


@pytest.fixture
def ui(chromium: Browser, gallery: Gallery) -> Iterator[Page]:
    """A fresh window on the UI, without its navigation."""
    with window(chromium, gallery.up.port) as page:
        page.goto("/overview")
        page.get_by_role("button", name="Hide navigation").click()
        yield page


def test_the_asset_graph_is_pictured(ui: Page, gallery: Gallery) -> None:
    """It is the first picture that a newcomer sees."""
    ui.set_viewport_size({"width": 1900, "height": 1500})
    ui.goto("/asset-groups")
    expand_groups(ui)
    # Expanded groups are in the address, and a graph is fitted when it is opened.
    ui.reload()
    box = ui.locator("[style*='background-green']").filter(has_text=BATCH_ASSETS[-1])
    expect(box.first).to_be_visible()
    gallery.save(ui, "asset-graph", ui.locator("foreignObject"))


def drag_down(page: Page) -> None:
    """Give the steps of a run more room, and what they said less."""
    box = page.get_by_placeholder("Filter…").bounding_box()
    assert box
    edge = box["y"] - 20
    page.mouse.move(700, edge)
    page.mouse.down()
    page.mouse.move(700, edge + 150, steps=5)
    page.mouse.up()


def test_a_run_is_pictured(ui: Page, gallery: Gallery) -> None:
    """Steps in time, and what each of them said."""
    ui.set_viewport_size({"width": 1300, "height": 1160})
    *_, run = gallery.up.ended_runs(gallery.batches[-1])
    ui.goto(f"/runs/{run['runId']}")
    expect(ui.get_by_text("Success", exact=True)).to_be_visible()
    ui.get_by_text("Hide not started steps").click()
    drag_down(ui)
    ui.get_by_placeholder("Filter…").fill("annual_predictions")
    expect(ui.get_by_text("Show Markdown").first).to_be_visible()
    gallery.save(ui, "run-with-metrics")


def test_the_performance_card_is_pictured(ui: Page, gallery: Gallery) -> None:
    """What a load did, at one look."""
    *_, run = gallery.up.ended_runs(gallery.batches[-1])
    ui.goto(f"/runs/{run['runId']}")
    expect(ui.get_by_text("Success", exact=True)).to_be_visible()
    ui.get_by_placeholder("Filter…").fill("annual_predictions")
    ui.get_by_text("Show Markdown").first.click()
    card = ui.get_by_role("dialog")
    expect(card.locator("pre")).to_be_visible()
    gallery.save(ui, "performance-card", card)


def test_the_metadata_of_a_batch_are_pictured(ui: Page, gallery: Gallery) -> None:
    """Every figure by its name."""
    ui.set_viewport_size({"width": 1300, "height": 1520})
    open_partition(ui, "annual_predictions", gallery.batches[-1])
    shown_metadata(ui, "rows_read")
    first = ui.get_by_text("rows_read", exact=True)
    first.evaluate("cell => cell.closest('tr').scrollIntoView()")
    gallery.save(ui, "batch-metadata")


def test_plots_are_pictured(ui: Page, gallery: Gallery) -> None:
    """What changes from load to load."""
    ui.set_viewport_size({"width": 1200, "height": 900})
    ui.goto("/assets/run_metrics")
    ui.get_by_role("button", name="Plots").click()
    chart = plot(ui, "rows_per_second")
    chart.scroll_into_view_if_needed()
    gallery.up.until(lambda: drawn(chart))
    gallery.save(ui, "plots")


def test_the_performance_report_is_pictured(
    ui: Page, gallery: Gallery, tmp_path: Path
) -> None:
    """What an analyst opens, or gets by mail."""
    folder = tmp_path / "report"
    command = ("report", "--out", folder)
    done = bulk_pipeline(*command, BULK_PIPELINE_HOME=str(gallery.up.home))
    assert done.returncode == 0, done.stdout + done.stderr
    made = folder / "report.html"
    ui.route("**/report.html", lambda route: route.fulfill(path=made))
    ui.set_viewport_size({"width": 1100, "height": 3200})
    ui.goto("/report.html")
    gallery.save(ui, "performance-report", ui.locator("body"))


def test_a_back_fill_is_pictured(ui: Page, gallery: Gallery) -> None:
    """Three batches, done again."""
    key = started_back_fill(ui, *gallery.batches[:3])
    gallery.up.until(lambda: ended(gallery.up, key))
    assert gallery.up.ask(BACK_FILL, id=key)["status"] == "COMPLETED_SUCCESS"
    ui.set_viewport_size({"width": 1250, "height": 640})
    ui.goto(f"/runs/b/{key}")
    expect(ui.get_by_text("100% completed")).to_have_count(len(BATCH_ASSETS))
    gallery.save(ui, "back-fill")


def test_warnings_are_pictured(ui: Page, gallery: Gallery, odd: str) -> None:
    """What is odd though it could be read."""
    ui.set_viewport_size({"width": 1350, "height": 1640})
    open_partition(ui, "ingestion_file", odd)
    shown_metadata(ui, "warnings")
    gallery.save(ui, "warnings")


def test_failed_uploads_are_pictured(ui: Page, gallery: Gallery, refused: None) -> None:
    """Which file, why, and what to do."""
    ui.set_viewport_size({"width": 1200, "height": 1000})
    ui.goto("/assets/failed_uploads")
    tab(ui, "Events")
    expect(ui.get_by_role("row").filter(has_text="report.xlsx").last).to_be_visible()
    gallery.save(ui, "failed-uploads")


def test_a_reject_report_is_pictured(
    ui: Page, gallery: Gallery, tmp_path: Path
) -> None:
    """Rejected rows as they come back to whoever sent them."""
    book = tmp_path / "rejects.xlsx"
    [(key,)] = gallery.up.query(KEY_OF_A_BATCH, gallery.batches[0])
    command = ("rejects", key, "--out", book)
    done = bulk_pipeline(*command, BULK_PIPELINE_HOME=str(gallery.up.home))
    assert done.returncode == 0, done.stdout + done.stderr
    gallery.save(ui, "reject-report", show_sheet(ui, book, columns=8, rows=12))
