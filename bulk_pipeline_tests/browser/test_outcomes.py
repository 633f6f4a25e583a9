"""Laws of the page over a real ``bulk-pipeline up``: from a chosen file to its rows."""

import csv
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from playwright.sync_api import Browser, Page, expect

from bulk_pipeline_tests.browser.acting import downloaded, ended, figures, send
from bulk_pipeline_tests.browser.serving import serving
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.running_up import Up, running_up

pytestmark = pytest.mark.browser

YEARS = range(2001, 2011)
ROWS = [
    *rows_of(["ZZ01", "ZZ02", "ZZ03"], YEARS),
    {**ROW, "reporting_year": "soon"},
    {**ROW, "company_name": "=1+1", "return_on_assets": "much"},
]
HOSTILE = "<img src=x onerror=document.title=1>.csv"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One ``bulk-pipeline up`` for all tests of this module."""
    with running_up(tmp_path_factory.mktemp("up") / "home") as found:
        yield found


@pytest.fixture(scope="module")
def address(up: Up) -> Iterator[str]:
    """Where the page is, beside that ``up``."""
    with serving(up.home) as found:
        yield found


@pytest.fixture(scope="module")
def sent(
    up: Up, address: str, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A good file, one without a needed column and one with a hostile name, loaded."""
    files = tmp_path_factory.mktemp("files")
    header = [name for name in ROW if name != "return_on_assets"]
    page = chromium.new_page()
    page.goto(address)
    send(
        page,
        write_csv(files / "good.csv", ROWS),
        write_csv(files / "bad.csv", [ROW], header),
        write_csv(files / HOSTILE, rows_of(["ZZ04"], YEARS)),
    )
    for name, state in (("good.csv", "Loaded"), ("bad.csv", "Failed")):
        shown = ended(page, name, state)
        expect(shown.locator("details")).to_have_attribute("open", "")
    ended(page, HOSTILE, "Loaded")
    page.context.close()


@pytest.fixture
def opened(page: Page, address: str, sent: None) -> Page:
    """The page, after those files have ended."""
    page.goto(address)
    return page


def test_a_good_file_shows_what_became_of_every_row(opened: Page) -> None:
    """Whoever sends a file wants to know whether it is all there."""
    shown = ended(opened, "good.csv", "Loaded")
    expect(shown).to_contain_text("32 rows read: 30 inserted, 2 rejected")
    shown.locator("summary").click()

    wanted = {"Rows read": 32, "Inserted": 30, "Updated": 0, "Duplicates": 0}
    assert figures(shown) == {n: str(c) for n, c in {**wanted, "Rejected": 2}.items()}
    expect(shown).to_contain_text("1 not a year")
    expect(opened.locator("#pace")).to_contain_text("tier STANDARD")


def test_a_bad_file_shows_its_fault_and_offers_nothing(opened: Page) -> None:
    """What is wrong, in words; a download of nothing would only mislead."""
    shown = ended(opened, "bad.csv", "Failed")
    shown.locator("summary").click()

    expect(shown.locator(".message")).to_contain_text("return_on_assets")
    expect(shown.locator(".get")).to_have_count(0)


@pytest.mark.parametrize("form", ["CSV", "XLSX", "Parquet"])
def test_results_that_are_saved_are_the_rows_that_are_stored(
    opened: Page, up: Up, tmp_path: Path, form: str
) -> None:
    """Analysts send a spreadsheet to get scores back, of every row, each its own."""
    shown = ended(opened, "good.csv", "Loaded")
    shown.locator("summary").click()
    path = downloaded(opened, shown, f"Results {form}", tmp_path)

    stored = up.query(
        "SELECT symbol, reporting_year, probability"
        " FROM annual_predictions JOIN companies ON companies.id = company_id"
        " JOIN uploads ON uploads.id = upload_id WHERE file_name = 'good.csv'"
    )
    assert len(stored) == 30
    assert sorted(read(path)) == [pytest.approx(row) for row in sorted(stored)]


def read(path: Path) -> list[tuple[str, int, float]]:
    """Symbol, year and probability of each row of a saved file."""
    match path.suffix:
        case ".csv":
            frame = pl.read_csv(path)
        case ".xlsx":
            sheet = openpyxl.load_workbook(path).worksheets[0]
            header, *rows = sheet.iter_rows(values_only=True)
            frame = pl.DataFrame(rows, [str(name) for name in header], orient="row")
        case _:
            frame = pl.read_parquet(path)
    wanted = ("company_symbol", "reporting_year", "probability")
    return [
        (str(symbol), int(year), float(chance))
        for symbol, year, chance in frame.select(wanted).rows()
    ]


@pytest.mark.parametrize("form", ["CSV", "XLSX"])
def test_rejects_that_are_saved_are_the_rows_that_were_rejected(
    opened: Page, tmp_path: Path, form: str
) -> None:
    """They are mended and sent again; a formula in them stays a text."""
    shown = ended(opened, "good.csv", "Loaded")
    shown.locator("summary").click()
    path = downloaded(opened, shown, f"Rejects {form}", tmp_path)

    if form == "CSV":
        with path.open(newline="") as file:
            header, *rows = [tuple(row) for row in csv.reader(file)]
    else:
        sheet = openpyxl.load_workbook(path).worksheets[0]
        header, *rows = [
            tuple(str(cell or "") for cell in row)
            for row in sheet.iter_rows(values_only=True)
        ]
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["reporting_year"] for row in found] == ["soon", "2012"]
    assert [row["return_on_assets"] for row in found] == ["3.711", "much"]
    assert found[1]["company_name"] == "'=1+1"


def test_a_name_that_is_markup_is_shown_as_text(opened: Page) -> None:
    """A name comes from whoever made the file, and must not act on who reads it."""
    shown = ended(opened, HOSTILE, "Loaded")
    expect(shown.locator(".file")).to_have_text(HOSTILE)

    assert opened.locator("img").count() == 0
    assert opened.title() == "Company accounts: uploads"


def test_the_link_to_dagster_opens_the_run(opened: Page, up: Up) -> None:
    """Whoever wants to know more than the page says goes on from there."""
    [(batch,)] = up.query("SELECT batch_key FROM uploads WHERE file_name = 'good.csv'")
    [run] = up.ended_runs(str(batch))
    shown = ended(opened, "good.csv", "Loaded")
    shown.locator("summary").click()
    with opened.expect_popup() as caught:
        shown.get_by_role("link", name="Dagster run").click()

    assert caught.value.url.startswith(f"http://127.0.0.1:{up.port}/runs/")
    expect(caught.value.get_by_text(run["runId"][:8]).first).to_be_visible()


def test_test_data_are_made_from_the_page(opened: Page, up: Up) -> None:
    """Whoever tries the system has no file yet."""
    opened.locator("#jobs summary").click()
    opened.get_by_label("Records").fill("1000")
    opened.get_by_role("button", name="Make test data").click()
    run = opened.locator("#dummy .answer a")
    expect(run).to_contain_text("run ")

    run_id = run.inner_text().removeprefix("run ")
    assert (run.get_attribute("href") or "").endswith(f"/runs/{run_id}")
    up.until(lambda: status_of(up, run_id) == "SUCCESS")


def status_of(up: Up, run_id: str) -> str:
    """How far a run is."""
    query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
    return str(up.ask(query, id=run_id)["status"])


def test_a_file_sent_twice_is_repeated_and_says_so(
    opened: Page, tmp_path: Path
) -> None:
    """Nobody must fear to send a file again."""
    send(opened, write_csv(tmp_path / "again.csv", ROWS))

    shown = ended(opened, "again.csv", "Repeated")
    expect(shown.locator(".message")).to_contain_text("good.csv")
    expect(shown.locator(".message")).not_to_contain_text("--force")
