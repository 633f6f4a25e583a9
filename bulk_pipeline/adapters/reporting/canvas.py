"""Matplotlib as the report uses it: no state of its own, nothing in anybody's home.

Matplotlib is imported only when something is drawn. It keeps a list of the machine's
fonts, which takes seconds to make; that goes into the home of the installation. Where
it cannot be written, matplotlib takes a temporary folder that it removes itself.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

INCHES = (5.6, 3.9)
"""So small that its letters can be read on a phone, where it is as wide as that."""
DOTS_PER_INCH = 150
INK, QUIET, LINE = "#1b2230", "#566072", "#d5dae2"
"""Of the upload page: text, what is beside it, rules."""

TIER_LOOKS = {
    "ULTRA": ("#009e73", "D"),
    "VERY HIGH": ("#0072b2", "s"),
    "HIGH": ("#e69f00", "^"),
    "STANDARD": ("#8a5a9e", "o"),
}
"""Colour (after Okabe and Ito) and shape, so that nobody depends on the colour."""

LEVEL_COLOURS = {
    "LOW": "#2c7bb6",
    "MEDIUM": "#8ecae6",
    "HIGH": "#fdae61",
    "CRITICAL": "#d7191c",
}
"""After ColorBrewer's RdYlBu in four classes: told apart also by the colour-blind."""

LEVEL_INKS = {"LOW": "white", "MEDIUM": INK, "HIGH": INK, "CRITICAL": "white"}
"""Numbers on these colours: contrasts of 4.5 and more."""

OUTCOME_COLOURS = {
    "inserted": "#0072b2",
    "updated": "#56b4e9",
    "duplicates": "#b9bfca",
    "rejected": "#d55e00",
}

_FALLBACKS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Arial Unicode MS",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)
"""Fonts for names that matplotlib's own has no signs for, where they are installed."""

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": QUIET,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "grid.color": "#e6e9ee",
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    # What people wrote is text, also where it has dollars in it.
    "text.parse_math": False,
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
}

_CONFIGURATION = "MPLCONFIGDIR"


@contextmanager
def drawing(cache: Path) -> Iterator[None]:
    """A block in which figures are made and written in the style of the report.

    The style is the process's for that long: one block at a time.

    Args:
        cache: folder for the list of fonts; made where it is missing and can be.
    """
    _import(cache)
    import matplotlib as mpl  # noqa: PLC0415  # 1 s, which only a report needs
    from matplotlib.font_manager import fontManager  # noqa: PLC0415

    known = set(fontManager.get_font_names())
    fonts = ["DejaVu Sans", *(name for name in _FALLBACKS if name in known)]
    with mpl.rc_context(), warnings.catch_warnings():
        # Names are looked at before; what is left, such as joiners, leaves no gap.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams["font.family"] = fonts
        for name, value in _STYLE.items():
            mpl.rcParams[name] = value
        yield


def _import(cache: Path) -> None:
    """Import matplotlib with its folder in ours, unless somebody chose another."""
    if os.environ.get(_CONFIGURATION):
        return
    os.environ[_CONFIGURATION] = str(cache)
    try:
        import matplotlib as mpl  # noqa: PLC0415
        import matplotlib.font_manager  # noqa: PLC0415

        # Remembered from the first time on; parts of it ask only later.
        mpl.get_configdir()
    finally:
        del os.environ[_CONFIGURATION]


def can_be_drawn(text: str) -> bool:
    """Whether the fonts of this machine have every sign of a text."""
    import matplotlib as mpl  # noqa: PLC0415  # as in ``drawing``
    from matplotlib.font_manager import findfont, get_font  # noqa: PLC0415

    signs = {ord(sign) for sign in text if not sign.isspace()}
    for family in mpl.rcParams["font.family"]:
        signs -= get_font(findfont(family)).get_charmap().keys()
    return not signs


def new_figure(inches: tuple[float, float] = INCHES) -> Any:
    """An empty figure that nothing else knows of, and its axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=inches, layout="constrained")
    return figure, figure.subplots()


def png(figure: Any) -> bytes:
    """A figure as a PNG of 256 colours; the same figure gives the same bytes."""
    from PIL import Image  # noqa: PLC0415  # as in ``drawing``

    drawn, written = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH)
    with Image.open(drawn) as image:
        # The method by default takes frequent colours alone: of one dot it makes grey.
        few = image.convert("RGB").quantize(
            method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    few.save(written, "png", optimize=True)
    return written.getvalue()
