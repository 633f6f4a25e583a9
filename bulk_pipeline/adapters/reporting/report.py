"""The report on disk: a folder with the page and each picture, whole or not at all."""

import errno
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bulk_pipeline.adapters.atomic import whole_directory
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.removing import names_in, remove
from bulk_pipeline.adapters.reporting import (
    LAST,
    level_plots,
    load_plots,
    score_plots,
    trend_plot,
)
from bulk_pipeline.adapters.reporting.canvas import drawing
from bulk_pipeline.adapters.reporting.gathering import gathered
from bulk_pipeline.adapters.reporting.page import page
from bulk_pipeline.adapters.reporting.plots import Plot
from bulk_pipeline.core.errors import ConfigurationError, PermanentError, TransientError
from bulk_pipeline.core.reporting import ReportFigures

logger = logging.getLogger(__name__)

PAGE = "report.html"
_LOCK = ".lock"
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_MOMENT = "%Y-%m-%dT%H-%M-%S"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class Report:
    """A report that lies on the disk.

    Attributes:
        folder: with ``report.html`` and a PNG for each plot.
        figures: what it shows.
        plots: its plots, in their order.
    """

    folder: Path
    figures: ReportFigures
    plots: tuple[Plot, ...]

    @property
    def page(self) -> Path:
        """The page, which needs no other file."""
        return self.folder / PAGE


def make_report(
    installation: Installation,
    made_at: datetime,
    last: int = LAST,
    out: Path | None = None,
) -> Report:
    """Make a report; nothing of it is there before all of it is.

    Args:
        installation: what it is about, and whose home it goes into.
        made_at: the moment of it, UTC; names its folder.
        last: loads and uploads to look at, at most.
        out: another folder, which is not there yet; in the home, the oldest reports go
            where there are more than the settings keep.

    Raises:
        ConfigurationError: ``out`` is there, or is in no folder; a folder cannot be
            written; or see ``gathered``.
        TransientError: another report of this home is being made, or no space is left.
        PermanentError: see ``gathered``.
    """
    home = installation.home
    folder = _free(out) if out else home.reports / _name(made_at)
    with _may_be_written(), only_one(home.reports / _LOCK) as alone:
        if not alone:
            raise TransientError("Another report is being made. Wait for its end.")
        figures = gathered(installation, made_at, last)
        report = _written(figures, folder, home)
        if out is None:
            _remove_oldest(home, installation.settings.keep_reports)
    logger.info("A performance report is in %s.", report.page)
    return report


@contextmanager
def _may_be_written() -> Iterator[None]:
    """What the system says of a folder that is closed to us, as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CLOSED:
            raise
        raise ConfigurationError(
            f"The report cannot be written: {error.filename}: {error.strerror}. Give "
            "it to the user of this process, or mount it for writing."
        ) from error


def _name(made_at: datetime) -> str:
    return f"{made_at:{_MOMENT}}.{made_at.microsecond // 1000:03}Z"


def _free(out: Path) -> Path:
    """A folder that can be made.

    Raises:
        ConfigurationError: names what would work.
    """
    out = out.absolute()
    if out.exists() or out.is_symlink():
        raise ConfigurationError(
            f"{out} is there already, and a report is a folder of its own. Name one "
            f"that is not there, such as {out / 'report'}."
        )
    if not out.parent.is_dir():
        raise ConfigurationError(
            f"{out}: there is no directory {out.parent}. Make it, or use another."
        )
    return out


def _written(figures: ReportFigures, folder: Path, home: Home) -> Report:
    with drawing(home.root / "cache" / "matplotlib"):
        loads, scores = list(_of_loads(figures)), list(_of_scores(figures))
    plots = (*loads, *scores)
    with whole_directory(folder, lasting=True) as fresh:
        # Made for one user alone; people of the home's group read reports.
        fresh.chmod(0o755)
        for plot in plots:
            (fresh / f"{plot.name}.png").write_bytes(plot.png)
        (fresh / PAGE).write_text(page(figures, loads, scores), encoding="utf-8")
    return Report(folder, figures, plots)


def _of_loads(figures: ReportFigures) -> Iterator[Plot]:
    if worked := figures.worked:
        yield trend_plot.trend(worked, len(figures.loads) - len(worked))
    if figures.loads:
        yield load_plots.outcomes(figures.loads)
    if figures.rejected:
        yield load_plots.rejects(figures.rejected)


def _of_scores(figures: ReportFigures) -> Iterator[Plot]:
    stored, thresholds = figures.stored, figures.thresholds
    if stored.rows:
        yield score_plots.by_year(stored, thresholds)
        yield score_plots.by_sector(stored, thresholds)
        yield level_plots.levels_by_year(stored)
        yield level_plots.levels_by_sector(stored)


def _remove_oldest(home: Home, kept: int) -> None:
    """Remove reports beyond those that are kept; what cannot go is logged."""
    for name in _reports(home)[:-kept]:
        try:
            remove(home.reports / name)
        except (OSError, PermanentError) as error:
            logger.warning("The old report %s cannot be removed: %s", name, error)


def _reports(home: Home) -> Sequence[str]:
    """Names of the reports in a home, oldest first; of nothing else that lies there."""
    found = names_in(home.reports)
    return sorted(
        e.name
        for e in found
        if _NAME.fullmatch(e.name) and e.is_dir(follow_symlinks=False)
    )
