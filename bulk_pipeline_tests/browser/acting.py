"""What a person does on the page, and what they see there."""

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page, expect


def send(page: Page, *files: Path) -> None:
    """Choose files, as by the dialogue of the button."""
    page.get_by_label("Choose files").set_input_files([str(file) for file in files])


def entry(page: Page, name: str) -> Locator:
    """The entry of the file with this name in the list of uploads."""
    exact = page.locator(".file").get_by_text(name, exact=True)
    return page.locator("#list > li").filter(has=exact)


def ended(page: Page, name: str, state: str) -> Locator:
    """The entry of a file, once it says that this has become of it."""
    found = entry(page, name)
    expect(found.locator(".state")).to_have_text(state)
    return found


def figures(shown: Locator) -> dict[str, str]:
    """The figures of an entry by their titles."""
    titles = shown.locator("dt").all_inner_texts()
    return dict(zip(titles, shown.locator("dd").all_inner_texts(), strict=True))


def downloaded(page: Page, shown: Locator, what: str, folder: Path) -> Path:
    """What a button of an entry saves; ``what`` is such as "Results CSV"."""
    row, name = what.split()
    buttons = shown.locator(".get").filter(has_text=row)
    with page.expect_download() as caught:
        buttons.get_by_text(name, exact=True).click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def names(page: Page) -> Sequence[str]:
    """The names of the files in the list, from the top."""
    return page.locator("#list .file").all_inner_texts()


def drop(page: Page, name: str, text: str) -> None:
    """Drop a file on the area, as a person drags it there."""
    dropped = page.evaluate_handle(
        """([name, text]) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([text], name));
          return dropped;
        }""",
        [name, text],
    )
    for event in ("dragover", "drop"):
        page.dispatch_event("#drop", event, {"dataTransfer": dropped})


def narrow_line(page: Page, bytes_per_second: int) -> None:
    """Let the browser send no faster than this."""
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_second,
        },
    )


def sign_in(page: Page, token: str) -> None:
    """Give a token to the page."""
    page.get_by_label("Access token").fill(token)
    page.keyboard.press("Enter")
