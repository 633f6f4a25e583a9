"""What to make up: checked on the way in, so that all else can rely on it."""

from dataclasses import dataclass

from bulk_pipeline.core import schema
from bulk_pipeline.core.dummy_tables import DUPLICATES_PER_CONFLICT, MISSING_SHARE
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.wording import amount

LAST_YEAR = 2024
QUARTERS = ("Q4", "Q1", "Q2", "Q3")
"""The quarters of a company in the order in which they are used up."""
MOST_ROWS = 1_000_000_000
_USUAL_YEARS = 40  # rows of one company when the number of companies is left open


@dataclass(frozen=True, slots=True)
class DummyRequest:
    """What to make; the same request always means the same rows.

    Attributes:
        rows: number of rows, bad ones and duplicates included.
        companies: number of companies; None: about forty rows for each, or as many as
            there are years.
        seed: 0 or more; another seed, other rows.
        bad_share: fraction of the rows that is wrong on purpose: 0.01 is 1 %.
        first_year: first reporting year that may occur.
        last_year: last one; a company's latest year.
        duplicate_share: fraction of the rows that repeat the key of an earlier row.
        missing_share: fraction of the rows that lack at least one ratio.

    Raises:
        ConfigurationError: names the value that cannot work and one that would.
    """

    rows: int
    companies: int | None = None
    seed: int = 0
    bad_share: float = 0.0
    first_year: int = schema.FIRST_YEAR
    last_year: int = LAST_YEAR
    duplicate_share: float = 0.0
    missing_share: float = MISSING_SHARE

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= MOST_ROWS:
            raise ConfigurationError(
                f"rows is {self.rows}: give a number from 1 to {MOST_ROWS:,}."
            )
        if self.seed < 0:
            raise ConfigurationError(f"seed is {self.seed}: give 0 or more.")
        self._require_shares()
        self._require_years()
        self._require_companies()

    def _require_shares(self) -> None:
        for name in ("bad_share", "missing_share"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigurationError(
                    f"{name} is {value}: give a fraction from 0 to 1, such as 0.01 for "
                    "1 %."
                )
        if not 0 <= self.duplicate_share <= 0.5:  # noqa: PLR2004  # each row once more
            raise ConfigurationError(
                f"duplicate_share is {self.duplicate_share}: give a fraction from 0 to "
                "0.5, such as 0.02 for 2 %."
            )
        if self.bad_rows + self.duplicate_rows > self.distinct_rows:
            raise ConfigurationError(
                f"bad_share is {self.bad_share} and duplicate_share is "
                f"{self.duplicate_share}: a bad row is not repeated, so bad_share and "
                "twice duplicate_share may be 1 together. Make one of them smaller."
            )

    def _require_years(self) -> None:
        least, most = schema.FIRST_YEAR, schema.LAST_YEAR
        if not least <= self.first_year <= self.last_year <= most:
            raise ConfigurationError(
                f"years is {self.first_year}-{self.last_year}: give a first and a last "
                f"year from {least} to {most}, such as 1990-2024."
            )

    def _require_companies(self) -> None:
        each = self.years * len(QUARTERS)
        fewest = -(-self.distinct_rows // each)
        if not fewest <= self.company_count <= self.distinct_rows:
            most = max(self.company_count, 0) * each
            raise ConfigurationError(
                f"companies is {self.companies}, which holds at most "
                f"{amount(most, 'row')} ({each} each) and needs one row each: for "
                f"{amount(self.distinct_rows, 'row')} give a number from {fewest} to "
                f"{self.distinct_rows}."
            )

    @property
    def years(self) -> int:
        """Number of reporting years that may occur."""
        return self.last_year - self.first_year + 1

    @property
    def company_count(self) -> int:
        """Number of companies, also when the request leaves it open."""
        if self.companies is None:
            return -(-self.distinct_rows // min(_USUAL_YEARS, self.years))
        return self.companies

    @property
    def bad_rows(self) -> int:
        """Number of rows that are wrong on purpose."""
        return round(self.rows * self.bad_share)

    @property
    def duplicate_rows(self) -> int:
        """Number of rows that repeat the key of an earlier row."""
        return min(round(self.rows * self.duplicate_share), self.rows // 2)

    @property
    def distinct_rows(self) -> int:
        """Number of rows that repeat no key; the bad ones are among them."""
        return self.rows - self.duplicate_rows

    @property
    def conflicting_rows(self) -> int:
        """Number of duplicates with other ratios than the row they repeat."""
        most = DUPLICATES_PER_CONFLICT
        return (self.duplicate_rows + most - 2) // most
