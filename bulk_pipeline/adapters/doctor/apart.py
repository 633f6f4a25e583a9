"""One check beside others: what it cannot do is a finding, and the others go on."""

from collections.abc import Callable, Iterable

from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.findings import Area, Finding, failure, refused


def apart(area: Area, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a check finds; an error of ours or of the system ends it as a failure.

    Args:
        area: of that failure.
        check: yields what it finds.
    """
    found: list[Finding] = []
    try:
        found.extend(check())
    except BulkPipelineError as error:
        found.append(refused(area, str(error)))
    except OSError as error:
        found.append(denied(area, error))
    return found


def denied(area: Area, error: OSError) -> Finding:
    """What the system refused, as a failure."""
    named = f"{error.filename}: " if error.filename else ""
    return failure(
        area,
        f"{named}{error.strerror or error}.",
        "Check that it exists, and that the user of this process may use it.",
    )
