"""The report as one page of HTML: pictures inside, no script, nothing from outside."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from html import escape

from bulk_pipeline.adapters.reporting.page_style import STYLE
from bulk_pipeline.adapters.reporting.plots import PERCENT, Plot, percent, where
from bulk_pipeline.core.reporting import ReportFigures, compact
from bulk_pipeline.core.risk import LEVELS

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
            *_section("loads", "Loads", loads, _of_loads(figures)),
            *_section("scores", "Scores", scores, _of_scores(figures)),
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


def _tiles(figures: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Figures with their names and, in a line, what they are."""
    tiles = [
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        f'<dd class="what">{escape(what)}</dd></div>'
        for name, value, what in figures
    ]
    if tiles:
        yield f'<dl class="tiles">{"".join(tiles)}</dl>'


def _of_loads(figures: ReportFigures) -> Iterator[str]:
    """The figures of loads that a reader looks for first, and what there is none of."""
    if not figures.loads:
        yield f'<p class="none">{_NO_LOADS}</p>'
    yield from _tiles(_load_figures(figures))
    if figures.loads and not figures.rejected:
        yield f'<p class="none">{_NO_REJECTS}</p>'


def _load_figures(figures: ReportFigures) -> Iterator[tuple[str, str, str]]:
    if figures.loads:
        worked = f"of {len(figures.worked):,} that had rows to load"
        yield "Loads", f"{len(figures.loads):,}", f"the last {figures.last:,} at most"
        yield "Median rows/s", compact(figures.median_rate), worked
    for state, count in sorted(figures.states.items()):
        yield (
            f"Uploads {state}",
            f"{count:,}",
            f"this home's, the last {figures.last:,} at most",
        )


def _of_scores(figures: ReportFigures) -> Iterator[str]:
    """How much is stored and its mix, or that there is nothing."""
    if not figures.stored.rows:
        yield f'<p class="none">{_NO_ROWS}</p>'
        return
    yield from _tiles(_score_figures(figures))


def _score_figures(figures: ReportFigures) -> Iterator[tuple[str, str, str]]:
    rows, limits = figures.stored.rows, _limits(figures)
    yield "Rows stored", f"{rows:,}", "companies' years and quarters"
    for level, share in figures.stored.shares().items():
        yield f"Rows {level}", percent(share), limits[level]


def _limits(figures: ReportFigures) -> dict[str, str]:
    """Where each level of the active model lies, in words."""
    limits = {
        name.upper(): where(name.upper(), value)
        for name, value in asdict(figures.thresholds).items()
    }
    lowest = f"below {100 * figures.thresholds.medium:g}{PERCENT}"
    return {LEVELS[0]: lowest, **limits}


def _section(
    anchor: str, heading: str, plots: Sequence[Plot], before: Iterable[str]
) -> Iterator[str]:
    yield f'<section aria-labelledby="{anchor}">'
    yield f'<h2 id="{anchor}">{heading}</h2>'
    yield from before
    yield '<div class="plots">'
    for plot in plots:
        yield from _figure(plot)
    yield "</div>"
    yield "</section>"


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
    levels = ", ".join(f"{name} {words}" for name, words in _limits(figures).items())
    return (
        f"At most the last {figures.last:,} loads of the database, and as many uploads "
        f"of this home, are looked at. Probabilities of default by level of the active "
        f"model ({escape(figures.model)}): {levels}; a row keeps the level that the "
        "model of its load gave it until it is scored again."
    )
