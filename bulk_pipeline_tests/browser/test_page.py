"""Laws of the page itself: whoever opens it, on whatever screen, and whatever fails."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bulk_pipeline_tests.browser.acting import ended, send
from bulk_pipeline_tests.browser.serving import serving
from bulk_pipeline_tests.builders import ROW, write_csv
from bulk_pipeline_tests.ports import free_port

pytestmark = pytest.mark.browser

NAMELESS = """() => [...document.querySelectorAll("button, input, select, summary, a")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.ariaLabel || one.textContent.trim()
    || [...(one.labels ?? [])].some((label) => label.textContent.trim())))
  .map((one) => one.outerHTML)"""
HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_an_empty_home_says_what_to_do(page: Page, tmp_path: Path) -> None:
    """The first visit has nothing to show but the way in."""
    with serving(tmp_path / "home") as address:
        page.goto(address)

        expect(page.locator("#none")).to_have_text("No uploads yet.")
        expect(page.get_by_label("Choose files")).to_be_attached()
        expect(page.locator("#pages")).to_be_hidden()
        expect(page.locator("#sign-in")).to_be_hidden()


def test_the_page_is_worked_by_the_keyboard_alone(page: Page, tmp_path: Path) -> None:
    """Some people have no mouse, and a screen reader needs a name for everything."""
    with serving(tmp_path / "home") as address:
        page.goto(address)
        send(page, write_csv(tmp_path / "one.csv", [ROW]))
        ended(page, "one.csv", "Received")
        reached = []
        page.locator("body").focus()
        for _ in range(5):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || 'other'"))
        page.locator("#list summary").focus()
        page.keyboard.press("Enter")

        assert {"files", "state"} <= {*reached}
        expect(page.locator("#list details")).not_to_have_attribute("open", "")
        page.locator("#jobs summary").focus()
        page.keyboard.press("Space")
        expect(page.get_by_label("Records")).to_be_visible()
        assert page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_page_fits_every_screen(page: Page, tmp_path: Path, width: int) -> None:
    """Reading sideways is no reading (WCAG 1.4.10); names may have no blank."""
    page.set_viewport_size({"width": width, "height": 800})
    with serving(tmp_path / "home") as address:
        page.goto(address)
        name = f"{'x' * 120}.csv"
        send(page, write_csv(tmp_path / name, [ROW]))
        ended(page, name, "Received")
        page.locator("#jobs summary").click()

        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_server_that_is_away_is_said_and_asked_again(
    page: Page, tmp_path: Path
) -> None:
    """A list that has silently grown old misleads more than none."""
    port = free_port()
    with serving(tmp_path / "home", port) as address:
        page.goto(address)
        expect(page.locator("#none")).to_be_visible()
        file = write_csv(tmp_path / "one.csv", [ROW])
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    send(page, file)
    expect(page.locator("#sending .said")).to_contain_text("connection broke")

    with serving(tmp_path / "home", port):
        expect(page.get_by_role("alert")).to_be_hidden()
        page.get_by_role("button", name="Dismiss one.csv").click()
        send(page, file)
        ended(page, "one.csv", "Received")


def test_nothing_is_asked_while_nobody_looks(page: Page, tmp_path: Path) -> None:
    """A hundred forgotten tabs must not be a load on the server."""
    with serving(tmp_path / "home") as address:
        page.goto(address)
        send(page, write_csv(tmp_path / "one.csv", [ROW]))
        ended(page, "one.csv", "Received")
        asked: list[str] = []
        page.evaluate(HIDDEN, arg=True)
        page.wait_for_load_state("networkidle")
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(3_000)
        assert asked == []

        with page.expect_request("**/api/v1/uploads?**"):
            page.evaluate(HIDDEN, arg=False)


def test_a_job_that_cannot_be_started_says_why(page: Page, tmp_path: Path) -> None:
    """Without Dagster nothing runs; the form is where that is looked for."""
    with serving(tmp_path / "home") as address:
        page.goto(address)
        page.locator("#jobs summary").click()
        page.get_by_role("button", name="Make test data").click()

        expect(page.locator("#dummy .answer")).to_contain_text("Dagster")
        expect(page.get_by_role("button", name="Make test data")).to_be_enabled()
