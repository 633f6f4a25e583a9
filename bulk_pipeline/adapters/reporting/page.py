"""The report as one page of HTML: pictures inside, no script, nothing from outside."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from bulk_pipeline.adapters.reporting.page_style import STYLE
from bulk_pipeline.adapters.reporting.plots import Plot, percent
from bulk_pipeline.core.reporting import ReportFigures, compact

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_NO_LOADS = "Nothing has been loaded yet."
_NO_ROWS = (
    "No prediction is stored. Load a file (<code>bulk-pipeline ingest FILE</code>, or "
    "drop one into the inbox) and make the report again."
)
_NO_REJECTS = "No row of the last uploads was rejected."


def data_uri(png: bytes) -> str:
    """A picture as a URI that holds all of it."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def page(figures: ReportFigures, loads: Sequence[Plot], scores: Sequence[Plot]) -> str:
    """The whole page; every text from outside is escaped.

    Args:
        figures: what the report is about.
        loads: plots of loads and uploads.
        scores: plots of what is stored.
    """
    moment = f"{figures.made_at:%Y-%m-%d %H:%M:%S} UTC"
    title = f"Performance report, {figures.made_at:%Y-%m-%d %H:%M} UTC"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<header>",
            "<h1>Performance report</h1>",
            f"<p>Made <time>{moment}</time> of {escape(figures.database)}</p>",
            "</header>",
            "<main>",
            *_notes(figures.notes),
            *_tiles(figures),
            *_section("loads", "Loads", loads, _missing_of_loads(figures)),
            *_section("scores", "Scores", scores, _missing_of_scores(figures)),
            "</main>",
            f"<footer>{_footer(figures)}</footer>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _notes(notes: Iterable[str]) -> Iterator[str]:
    for note in notes:
        yield f'<p class="note">{escape(note)}</p>'


def _tiles(figures: ReportFigures) -> Iterator[str]:
    """The figures that a reader looks for first."""
    yield '<dl class="tiles">'
    yield from _tile("Rows stored", f"{figures.stored.rows:,}")
    yield from _tile("Loads looked at", f"{len(figures.loads):,}")
    if figures.loads:
        yield from _tile("Median rows/s", compact(figures.median_rate))
    for state, count in sorted(figures.states.items()):
        yield from _tile(f"Uploads {state}", f"{count:,}")
    for level, share in figures.stored.shares().items():
        yield from _tile(f"Rows {level.lower()}", percent(share))
    yield "</dl>"


def _tile(name: str, value: str) -> Iterator[str]:
    yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"


def _section(
    anchor: str, heading: str, plots: Sequence[Plot], missing: Sequence[str]
) -> Iterator[str]:
    yield f'<section aria-labelledby="{anchor}">'
    yield f'<h2 id="{anchor}">{heading}</h2>'
    for said in missing:
        yield f'<p class="none">{said}</p>'
    yield '<div class="plots">'
    for plot in plots:
        yield from _figure(plot)
    yield "</div>"
    yield "</section>"


def _missing_of_loads(figures: ReportFigures) -> list[str]:
    if not figures.loads:
        return [_NO_LOADS]
    return [] if figures.rejected else [_NO_REJECTS]


def _missing_of_scores(figures: ReportFigures) -> list[str]:
    return [] if figures.stored.rows else [_NO_ROWS]


def _figure(plot: Plot) -> Iterator[str]:
    yield '<article class="beside">' if plot.numbers_shown else "<article>"
    yield f"<div><h3>{escape(plot.title)}</h3>"
    yield f'<img src="{data_uri(plot.png)}" alt="{escape(plot.alt)}">'
    if plot.caption:
        yield f"<p>{escape(plot.caption)}</p>"
    yield "</div>"
    yield "<details open>" if plot.numbers_shown else "<details>"
    yield f'<summary>Numbers<span class="unseen"> of {escape(plot.title)}</span>'
    yield '</summary><div class="wide" tabindex="0"><table>'
    yield "<thead>"
    yield _row('<th scope="col">', plot.header, "</th>")
    yield "</thead><tbody>"
    for row in plot.rows:
        yield _row("<td>", row, "</td>")
    yield "</tbody></table></div></details></article>"


def _row(before: str, texts: Iterable[str], after: str) -> str:
    cells = (f"{before}{escape(text)}{after}" for text in texts)
    return f"<tr>{''.join(cells)}</tr>"


def _footer(figures: ReportFigures) -> str:
    levels = figures.thresholds
    return (
        f"At most the last {figures.last:,} loads of the database, and as many uploads "
        "of this home, are looked at. Levels of the active model "
        f"({escape(figures.model)}): MEDIUM from {levels.medium:g}, HIGH from "
        f"{levels.high:g}, CRITICAL above {levels.critical:g}; a row keeps the level "
        "that the model of its load gave it until it is scored again."
    )
