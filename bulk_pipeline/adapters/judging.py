"""What the figures of a batch say beside their thresholds; no load stops."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bulk_pipeline.adapters.checking import Drift, Share, data_shares, drift_of
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.reference import SCORE
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.stability import MODERATE
from bulk_pipeline.core.wording import amount

Figures = dict[str, float | str]


class Judged(NamedTuple):
    """What a check says.

    Attributes:
        passed: whether nobody has to look.
        figures: plain finite numbers and short texts under flat names.
        said: what was found and, where nothing was compared, why, in a sentence.
    """

    passed: bool
    figures: Figures
    said: str = ""


def judged_batch(
    folder: Path, home: Home, settings: Settings
) -> tuple[Judged, Judged, Judged, Judged, Judged]:
    """What a scored batch looks like beside the thresholds and the reference.

    Args:
        folder: the chunks of the batch.
        home: where its model and perhaps a reference are.
        settings: the thresholds.

    Returns:
        Of rejected rows, missing ratios, implausible values, the distribution of the
        ratios and that of the scores.

    Raises:
        PermanentError: the batch has not been read or scored.
        TransientError: a chunk was cut short.
    """
    rejected, missing, implausible = data_shares(folder, settings)
    drift = drift_of(folder, home)
    placeholders = judged_placeholders(drift, settings)
    return (
        Judged(rejected.passed, share_figures(rejected)),
        Judged(missing.passed, share_figures(missing) | missing_figures(drift)),
        Judged(
            implausible.passed and placeholders.passed,
            share_figures(implausible) | placeholders.figures,
        ),
        judged_ratios(drift, settings),
        judged_scores(drift, settings),
    )


def share_figures(share: Share) -> Figures:
    """A share beside its threshold."""
    return {
        "rows": share.rows,
        "share": share.share,
        "threshold": share.threshold,
        "setting": share.setting,
    }


def missing_figures(drift: Drift) -> Figures:
    """The share of missing cells of each ratio, beside the reference's."""
    found: Figures = {
        f"missing_share_{name}": drift.columns[name].missing_share for name in RATIOS
    }
    if drift.reference is not None:
        columns = drift.reference.columns
        found |= {
            f"reference_missing_share_{name}": columns[name].missing_share
            for name in RATIOS
        }
    return found


def judged_placeholders(drift: Drift, settings: Settings) -> Judged:
    """Whether any ratio holds the placeholder in too many of its cells."""
    shares = {name: drift.columns[name].placeholder_share for name in RATIOS}
    threshold = settings.warn_placeholder_share
    figures = {f"placeholder_share_{name}": share for name, share in shares.items()}
    return Judged(
        max(shares.values()) <= threshold,
        {
            **figures,
            "placeholder_threshold": threshold,
            "placeholder_setting": _variable("warn_placeholder_share"),
        },
    )


def judged_ratios(drift: Drift, settings: Settings) -> Judged:
    """Whether any ratio of a batch has moved away from the reference."""
    return _judged(drift, RATIOS, "warn_ratio_psi", settings)


def judged_scores(drift: Drift, settings: Settings) -> Judged:
    """Whether the scores of a batch have moved away from the reference."""
    return _judged(drift, (SCORE,), "warn_score_psi", settings)


def _judged(
    drift: Drift, names: Sequence[str], setting: str, settings: Settings
) -> Judged:
    """The indexes of some columns beside one threshold."""
    found = {name: drift.index(name) for name in names}
    indexes = {name: index for name, index in found.items() if index is not None}
    if drift.reference is None or not indexes:
        said = drift.why_none or "The batch has no rows to compare."
        return Judged(not drift.broken, {"rows": drift.rows, "reference": said}, said)
    threshold = float(getattr(settings, setting))
    large = [name for name, index in indexes.items() if index > threshold]
    enough = drift.rows >= settings.drift_rows
    figures: Figures = {f"psi_{_label(name)}": index for name, index in indexes.items()}
    figures |= {
        "psi_highest": max(indexes.values()),
        "psi_by_chance": max(drift.by_chance(name) or 0.0 for name in indexes),
        "moderate": sum(index > MODERATE for index in indexes.values()),
        "threshold": threshold,
        "setting": _variable(setting),
        "rows": drift.rows,
        "rows_needed": settings.drift_rows,
        "reference_rows": drift.reference.rows,
        "reference": drift.reference.source,
    }
    return Judged(
        not (large and enough), figures, _sentence(large, figures, enough=enough)
    )


def _sentence(large: Sequence[str], figures: Figures, *, enough: bool) -> str:
    if not enough:
        rows = amount(int(figures["rows"]), "row is", "rows are")
        return (
            f"{rows} too few to judge: below "
            f"{_variable('drift_rows')} ({figures['rows_needed']}) nobody is warned."
        )
    if not large:
        return "The batch is like the reference."
    moved = ", ".join(f"{_label(n)} {figures[f'psi_{_label(n)}']:.3g}" for n in large)
    return (
        f"The batch is unlike the reference: {moved}. It is loaded all the same. See "
        "whether units or sources have changed; if the population has, the model may "
        "no longer fit it."
    )


def _label(name: str) -> str:
    return "score" if name == SCORE else name


def _variable(setting: str) -> str:
    return str(Settings.model_fields[setting].validation_alias)
