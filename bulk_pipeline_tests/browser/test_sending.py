"""Laws of sending files from the page, to a server whose inbox nobody empties."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bulk_pipeline_tests.browser.acting import (
    drop,
    ended,
    entry,
    names,
    narrow_line,
    send,
)
from bulk_pipeline_tests.browser.serving import serving
from bulk_pipeline_tests.builders import ROW, write_csv

pytestmark = pytest.mark.browser

MEBIBYTE = 2**20
SEEN_PROGRESS = """() => {
  window.seen = [];
  new MutationObserver(() => {
    const bar = document.querySelector("#sending progress");
    if (bar) window.seen.push(bar.value);
  }).observe(document.querySelector("#sending"), {subtree: true, attributes: true});
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home behind the page."""
    return tmp_path_factory.mktemp("served") / "home"


@pytest.fixture(scope="module")
def address(served: Path) -> Iterator[str]:
    """Where the page is."""
    with serving(served) as found:
        yield found


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    """The page."""
    page.goto(address)
    expect(page.locator("#most")).not_to_be_empty()
    return page


def landed(served: Path) -> list[Path]:
    """The files that lie in the inbox, half-written ones among them."""
    return [path for path in (served / "inbox").rglob("*") if path.is_file()]


def test_a_large_file_shows_how_much_of_it_is_sent(
    opened: Page, tmp_path: Path
) -> None:
    """Who sees nothing move for a minute sends the file again."""
    file = tmp_path / "large.csv"
    file.write_bytes(b"x" * (20 * MEBIBYTE))
    narrow_line(opened, 10 * MEBIBYTE)
    opened.evaluate(SEEN_PROGRESS)
    send(opened, file)
    expect(opened.locator("#sending .said")).to_contain_text("of 20 MiB sent")

    ended(opened, "large.csv", "Received")
    expect(opened.locator("#sending li")).to_have_count(0)
    seen = opened.evaluate("window.seen")
    assert seen == sorted(seen)
    assert any(0 < share < 1 for share in seen)


def test_a_file_that_is_stopped_leaves_nothing(
    opened: Page, served: Path, tmp_path: Path
) -> None:
    """Half a file in the inbox would be read as a short one."""
    before = landed(served)
    file = tmp_path / "stopped.csv"
    file.write_bytes(b"x" * (20 * MEBIBYTE))
    waiting = write_csv(tmp_path / "waiting.csv", [ROW])
    narrow_line(opened, MEBIBYTE)
    send(opened, file, waiting)
    expect(opened.locator("#sending .said").first).to_contain_text("of 20 MiB sent")
    opened.get_by_role("button", name="Stop waiting.csv").click()
    opened.get_by_role("button", name="Stop stopped.csv").click()

    expect(opened.locator("#sending li")).to_have_count(1)
    expect(opened.locator("#sending .said")).to_contain_text("Nothing of it was taken")
    opened.get_by_role("button", name="Dismiss stopped.csv").click()
    expect(opened.locator("#sending li")).to_have_count(0)
    expect(entry(opened, "stopped.csv")).to_have_count(0)
    while set(landed(served)) - set(before):
        opened.wait_for_timeout(100)


def test_files_can_be_dropped(opened: Page) -> None:
    """Dropping is what the page offers first."""
    drop(opened, "dropped.csv", "company_symbol\n")

    ended(opened, "dropped.csv", "Received")


def test_a_file_that_is_refused_says_why_and_stays_until_dismissed(
    opened: Page, tmp_path: Path
) -> None:
    """A message that vanishes by itself is missed."""
    empty = tmp_path / "empty.csv"
    empty.touch()
    send(opened, empty, write_csv(tmp_path / "after.csv", [ROW]))

    ended(opened, "after.csv", "Received")
    expect(opened.locator("#sending .said")).to_contain_text("The file is empty.")
    expect(opened.locator("#said")).to_contain_text("empty.csv was not taken")
    opened.get_by_role("button", name="Dismiss empty.csv").click()
    expect(opened.locator("#sending li")).to_have_count(0)


def test_a_file_above_the_limit_is_not_even_sent(page: Page, tmp_path: Path) -> None:
    """Nobody waits for two gigabytes to be sent only to be refused."""
    with serving(tmp_path / "home", BULK_PIPELINE_API_UPLOAD_BYTES="2048") as address:
        page.goto(address)
        expect(page.locator("#most")).to_have_text("Up to 2 KiB each.")
        posted: list[str] = []
        page.on("request", lambda r: posted.extend([r.url] * (r.method == "POST")))
        file = tmp_path / "large.csv"
        file.write_bytes(b"x" * 2049)
        send(page, file)

        expect(page.locator("#sending .said")).to_contain_text("Larger than 2 KiB")
        assert posted == []


def test_many_files_wait_for_a_server_that_has_no_time(
    page: Page, tmp_path: Path
) -> None:
    """Whoever drops a folder's worth of files must not send the last ten by hand."""
    files = [write_csv(tmp_path / f"{n:02}.csv", [ROW]) for n in range(50)]
    rate = {"BULK_PIPELINE_API_REQUESTS_PER_MINUTE": "60"}
    with serving(tmp_path / "home", **rate) as address:
        page.goto(address)
        refused: list[str] = []
        page.on("response", lambda r: refused.extend([r.url] * (r.status == 429)))
        send(page, *files)

        expect(page.locator("#sending li")).to_have_count(0)
        expect(page.locator("#page-number")).to_have_text("1 to 20 of 50 uploads")
        assert any(url.endswith("process-excel") for url in refused)


def test_fifty_uploads_come_in_pages_and_by_state(page: Page, tmp_path: Path) -> None:
    """A list that shows everything shows nothing."""
    home = tmp_path / "home"
    files = [write_csv(tmp_path / f"{n:02}.csv", [ROW]) for n in range(50)]
    with serving(home) as address:
        page.goto(address)
        send(page, *files)
        expect(page.locator("#page-number")).to_have_text("1 to 20 of 50 uploads")
        expect(page.locator("#sending li")).to_have_count(0)
        seen = {*names(page)}
        for shown in ("21 to 40", "41 to 50"):
            page.get_by_role("button", name="Older").click()
            expect(page.locator("#page-number")).to_have_text(f"{shown} of 50 uploads")
            seen |= {*names(page)}
        assert seen == {file.name for file in files}
        expect(page.get_by_role("button", name="Older")).to_be_disabled()

        page.get_by_label("Show").select_option("Failed")
        expect(page.locator("#none")).to_have_text("No upload is failed.")
        expect(page.locator("#list > li")).to_have_count(0)
        page.get_by_label("Show").select_option("Received")
        expect(page.locator("#list > li")).to_have_count(20)
