"""Laws of the page where tokens are asked for."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Page, Route, expect

from bulk_pipeline_tests.browser.acting import downloaded, ended, send, sign_in
from bulk_pipeline_tests.browser.serving import serving
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline

pytestmark = pytest.mark.browser


@pytest.fixture
def token(home: Path) -> str:
    """A token of a home, which needs one from then on."""
    made = bulk_pipeline("tokens", "add", "ann")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def address(home: Path, token: str) -> Iterator[str]:
    """Where the page is."""
    with serving(home) as found:
        yield found


def test_without_a_token_there_is_only_the_field_for_it(
    page: Page, address: str, token: str
) -> None:
    """A page full of errors does not say what is missing."""
    page.goto(address)
    expect(page.get_by_label("Access token")).to_be_focused()
    expect(page.get_by_label("Choose files")).to_be_hidden()
    expect(page.locator("#uploads")).to_be_hidden()

    sign_in(page, "wrong")
    expect(page.locator("#token-hint")).to_contain_text("not known here")
    sign_in(page, token)
    expect(page.locator("#uploads")).to_be_visible()
    expect(page.get_by_label("Choose files")).to_be_focused()
    expect(page.locator("#sign-in")).to_be_hidden()


def test_a_token_is_kept_for_the_tab_alone(
    page: Page, address: str, token: str
) -> None:
    """What a disk keeps, others find."""
    page.goto(address)
    sign_in(page, token)
    expect(page.locator("#uploads")).to_be_visible()
    page.reload()
    expect(page.locator("#uploads")).to_be_visible()

    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0
    other = page.context.new_page()
    other.goto(address)
    expect(other.get_by_label("Access token")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Access token")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_files_go_and_rows_come_with_the_token(
    page: Page, address: str, token: str, tmp_path: Path
) -> None:
    """A link alone carries no token; the page must."""
    loaded = write_csv(tmp_path / "loaded.csv", rows_of(["ZZ01"], range(2001, 2011)))
    done = bulk_pipeline("ingest", loaded)
    assert done.returncode == 0, done.stdout + done.stderr
    page.goto(address)
    sign_in(page, token)
    send(page, write_csv(tmp_path / "sent.csv", [ROW]))
    expect(ended(page, "sent.csv", "Received")).to_contain_text("from ann")

    shown = ended(page, "loaded.csv", "Loaded")
    shown.locator("summary").click()
    path = downloaded(page, shown, "Results CSV", tmp_path)
    assert pl.read_csv(path)["reporting_year"].to_list() == [*range(2001, 2011)]


def test_files_that_wait_go_on_after_a_new_token(
    page: Page, address: str, token: str, tmp_path: Path
) -> None:
    """Whoever chose twenty files must not choose them again."""
    page.goto(address)
    sign_in(page, token)
    expect(page.locator("#uploads")).to_be_visible()
    other = bulk_pipeline("tokens", "add", "bob").stdout.strip()
    assert bulk_pipeline("tokens", "remove", "ann").returncode == 0
    files = [write_csv(tmp_path / f"{n}.csv", [ROW]) for n in range(3)]
    send(page, *files)
    expect(page.get_by_label("Access token")).to_be_visible()

    sign_in(page, other)
    for file in files:
        expect(ended(page, file.name, "Received")).to_contain_text("from bob")
    expect(page.locator("#sending li")).to_have_count(0)


def test_an_answer_to_an_old_token_does_not_end_the_visit_of_a_new_one(
    page: Page, address: str, token: str
) -> None:
    """What was asked before the new sign-in is refused after it."""
    other = bulk_pipeline("tokens", "add", "bob").stdout.strip()
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Let it wait for its answer."""
        held.append(route)

    page.route("**/sync-data", hold)
    page.goto(address)
    sign_in(page, token)
    page.locator("#jobs > summary").click()
    with page.expect_request("**/sync-data"):
        page.locator("#sync button").click()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, other)
    expect(page.locator("#uploads")).to_be_visible()

    with page.expect_response("**/sync-data"):
        held[0].fulfill(status=401, json={"detail": "No token.", "cure": "Get one."})
    expect(page.locator("#sync .answer")).to_contain_text("No token.")
    expect(page.locator("#uploads")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 1


def test_the_list_is_there_while_the_database_is_away(
    page: Page, address: str, token: str
) -> None:
    """The journal has it; only the figures and the rows are in the database."""
    away = {"detail": "The database does not answer.", "cure": "Wait."}
    page.route("**/metrics/latest", lambda route: route.fulfill(status=503, json=away))
    page.goto(address)
    with page.expect_response("**/metrics/latest"):
        sign_in(page, token)
    expect(page.locator("#none")).to_be_visible()
    expect(page.locator("#away")).to_be_hidden()


def test_a_token_that_is_taken_back_ends_the_visit(
    page: Page, address: str, token: str
) -> None:
    """Whoever may no longer look is not left looking at an old list."""
    page.goto(address)
    sign_in(page, token)
    expect(page.locator("#uploads")).to_be_visible()
    assert bulk_pipeline("tokens", "add", "bob").returncode == 0
    assert bulk_pipeline("tokens", "remove", "ann").returncode == 0
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("#token-hint")).to_contain_text("no longer")
    expect(page.locator("#uploads")).to_be_hidden()
