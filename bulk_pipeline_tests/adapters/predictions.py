"""What tests of loads look at and change in rows of predictions."""

ROA = "return_on_assets"


def with_roa(rows, value):
    """The same rows with another return on assets."""
    return [{**row, ROA: str(value)} for row in rows]


def roas(pipeline):
    """The stored returns on assets in order of the key."""
    return [row[-1] for row in pipeline.stored()]


def table(pipeline, name):
    """All rows of a table, in order of their ids."""
    return pipeline.query(f"SELECT * FROM {name} ORDER BY id")  # noqa: S608  # ours
