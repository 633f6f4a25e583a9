"""What is pictured for the documents, and how."""

import html
import io
from pathlib import Path

import openpyxl
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page

SHOWN_HOME = "/srv/bulk_pipeline"
"""A home in the pictures; the one they are made in is a temporary folder."""
COLOURS = 256
RENAMED = """
([from, to]) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (text.data.includes(from)) text.data = text.data.replaceAll(from, to);
  }
}
"""
SHEET = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; font: 13px Arial, "Liberation Sans", sans-serif; color: #222; }
h1 { margin: 0; padding: 8px 12px; background: #1d6f42; color: #fff; font-size: 14px; }
table { border-collapse: collapse; }
td, th { border: 1px solid #d0d3d6; padding: 3px 6px; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; max-width: 180px; text-align: left; }
td:nth-child(5) { white-space: normal; min-width: 420px; }
th { background: #eef0f2; color: #555; font-weight: normal; text-align: center; }
tr:nth-child(2) td { font-weight: bold; }
</style>"""


def save(page: Page, path: Path, home: Path, of: Locator | None = None) -> None:
    """Save what a window or a part of it shows, in few colours and few bytes.

    Args:
        page: what is pictured.
        path: where to.
        home: the home, which is named otherwise in the picture.
        of: the part, from its first place to its last one; the window if None.
    """
    page.mouse.move(1, 1)
    page.wait_for_load_state("networkidle")
    page.evaluate(RENAMED, [str(home), SHOWN_HOME])
    page.evaluate("document.activeElement.blur()")
    clip = around(page, of) if of else None
    taken = page.screenshot(animations="disabled", caret="hide", clip=clip)
    with Image.open(io.BytesIO(taken)) as picture:
        few = picture.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        few.save(path, optimize=True)


def around(page: Page, of: Locator) -> FloatRect:
    """The part of a window that holds all places of a locator, none of them cut."""
    boxes = [box for place in of.all() if (box := place.bounding_box())]
    left, top = (min(box[edge] for box in boxes) for edge in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    size = page.viewport_size
    assert size
    assert left >= 0
    assert top >= 0
    assert right <= size["width"]
    assert bottom <= size["height"]
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def show_sheet(page: Page, workbook: Path, columns: int, rows: int) -> Locator:
    """Show the beginning of a workbook as a program for spreadsheets does."""
    sheet = openpyxl.load_workbook(workbook).worksheets[0]
    letters = [chr(ord("A") + number) for number in range(columns)]
    lines = ["<tr><th></th>" + "".join(f"<th>{n}</th>" for n in letters) + "</tr>"]
    found = sheet.iter_rows(max_row=rows, max_col=columns, values_only=True)
    for number, row in enumerate(found, 1):
        cells = (html.escape("" if cell is None else str(cell)) for cell in row)
        lines.append(f"<tr><th>{number}</th><td>{'</td><td>'.join(cells)}</td></tr>")
    title = html.escape(workbook.name)
    body = f"<main><h1>{title}</h1><table>{''.join(lines)}</table></main>"
    page.set_content(f"{SHEET}<div style='display: inline-block'>{body}</div>")
    return page.locator("main")
