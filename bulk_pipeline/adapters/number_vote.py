"""How a whole file writes its numbers, by a vote of all its cells."""

from bulk_pipeline.adapters.parts import our_texts
from bulk_pipeline.adapters.readers.base import TextSource
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.number_style import (
    Evidence,
    NumberStyle,
    numeric_evidence,
    settle,
)
from bulk_pipeline.core.schema import HeaderMatch


def voted_style(name: str, source: TextSource, match: HeaderMatch) -> NumberStyle:
    """The style of all numbers of a file.

    Every cell has its say, so nothing that comes later can contradict the outcome.

    Args:
        name: of the file, for messages.
        source: the open file, read from its first row.
        match: where its columns are.

    Raises:
        UnreadableFile: cells contradict each other, or nothing settles them; shows
            both readings.
    """
    evidence = Evidence()
    for chunk in source.chunks():
        evidence += numeric_evidence(our_texts(chunk, match))
    try:
        return settle(evidence, delimiter=source.delimiter)
    except UnreadableFile as error:
        raise UnreadableFile(f"{name}, {error}") from None
