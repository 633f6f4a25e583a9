"""What tests of loads look at and change in rows of predictions."""

ROA = "return_on_assets"

ODD_TEXTS = [
    "'; DROP TABLE annual_predictions; --",
    'O\'Brien "Sons" `Ltd`',
    "[brackets] ]] [",
    "100 % of %s, %(name)s, {0}",
    "? :name @p1 $1",
    "back\\slash /* comment */ --",
    "Größe, Ærø, Ελλάδα, Ж",
    "半期報告書 株式会社",
    "مرحبا עברית",
    "e\u0301 is not \u00e9",
    "😀👩\u200d👩\u200d👧 𠮷野家",
    "NULL",
    "a_b%c[d]e^f",
    "=1+1",
    "non\u00a0breaking",
    "soft\u00adhyphen",
    "İstanbul ß ẞ ǅ",
]
"""Texts that some program once took for something else."""


def with_roa(rows, value):
    """The same rows with another return on assets."""
    return [{**row, ROA: str(value)} for row in rows]


def roas(pipeline):
    """The stored returns on assets in order of the key."""
    return [row[-1] for row in pipeline.stored()]


def table(pipeline, name):
    """All rows of a table, in order of their ids."""
    return pipeline.query(f"SELECT * FROM {name} ORDER BY id")  # noqa: S608  # ours
