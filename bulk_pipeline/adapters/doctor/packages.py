"""Python and the packages beside it: what is there against what is required.

What is required is read from the metadata of the installed project, so that nothing of
it is written down twice.
"""

import platform
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata

from bulk_pipeline.core.findings import Area, Finding, failure, fine, warning

PROJECT = "bulk-pipeline"
AREA = Area.PACKAGES
_INSTALL = "Install the project with its dependencies: pip install "


def package_findings() -> Iterator[Finding]:
    """Python, each required package, each extra."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  # for this command

    try:
        project = metadata.metadata(PROJECT)
    except metadata.PackageNotFoundError:
        yield warning(
            AREA,
            "bulk-pipeline runs from its source and is not installed: what it requires "
            "is not known.",
            f"{_INSTALL}-e . in the folder of its pyproject.toml.",
        )
        return
    yield judged_python(
        platform.python_version(), SpecifierSet(project["Requires-Python"] or "")
    )
    yield fine(AREA, f"{PROJECT} {project['Version']}")
    yield from _required(metadata.requires(PROJECT) or ())
    for extra in project.get_all("Provides-Extra") or ():
        yield judged_extra(extra, metadata.requires(PROJECT) or ())


def judged_python(version: str, supported: object) -> Finding:
    """Whether a version of Python is one that the project supports.

    Args:
        version: such as 3.11.4.
        supported: a ``SpecifierSet``.
    """
    what = (
        f"Python {version} ({platform.python_implementation()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.system()} {platform.machine()})"
    )
    if version in supported:  # type: ignore[operator]  # packaging is imported late
        return fine(AREA, what)
    return failure(
        AREA,
        f"{what} is not supported.",
        f"Make an environment with a Python {supported} and install the project there.",
    )


def _required(requirements: Sequence[str]) -> Iterator[Finding]:
    """Each package that is always needed; those as required are minor."""
    good = 0
    for text in requirements:
        if _extra_of(text):
            continue
        found = judged_package(text)
        good += not found.cure
        yield found
    yield fine(AREA, f"{good} packages as required")


def judged_package(requirement: str) -> Finding:
    """Whether a package is there as a requirement asks.

    Args:
        requirement: such as ``polars>=2.1``.
    """
    from packaging.requirements import Requirement  # noqa: PLC0415  # as above

    wanted = Requirement(requirement)
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        what = f"{wanted.name} is not installed; {requirement} is required."
        return failure(AREA, what, f"{_INSTALL}'{wanted.name}{wanted.specifier}'.")
    if wanted.specifier.contains(version, prereleases=True):
        return fine(AREA, f"{wanted.name} {version}", minor=True)
    what = f"{wanted.name} {version} is installed; {requirement} is required."
    return failure(AREA, what, f"{_INSTALL}'{wanted.name}{wanted.specifier}'.")


def judged_extra(extra: str, requirements: Sequence[str]) -> Finding:
    """Whether the packages of an extra are there: all, none, or only some.

    A package that comes with what is always required, as fsspec does with Dagster, does
    not say that anybody wanted the extra.

    Args:
        extra: its name.
        requirements: all that the project declares, those of extras by their markers.
    """
    texts = [
        text.partition(";")[0].strip()
        for text in requirements
        if _extra_of(text) == extra
    ]
    faults = {text: found for text in texts if (found := judged_package(text)).cure}
    if not faults:
        return fine(AREA, f"extra {extra}: installed")
    absent = {text for text, fault in faults.items() if "not installed" in fault.what}
    if absent == {*texts} or absent == {*texts} - _brought_by_others(requirements):
        return fine(AREA, f"extra {extra}: not installed")
    return warning(
        AREA,
        f"extra {extra}: {' '.join(fault.what for fault in faults.values())}",
        f"Install it as a whole: pip install 'bulk-pipeline[{extra}]'.",
    )


def _brought_by_others(requirements: Sequence[str]) -> set[str]:
    """Those of our requirements whose packages come with what is always required."""
    from packaging.requirements import Requirement  # noqa: PLC0415  # as above
    from packaging.utils import canonicalize_name as canonical  # noqa: PLC0415

    def needed(texts: Sequence[str]) -> list[str]:
        found = map(Requirement, texts)
        return [
            canonical(each.name)
            for each in found
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]

    waiting, brought = needed(requirements), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in brought:
            brought.add(name)
            with suppress(metadata.PackageNotFoundError):
                waiting += needed(metadata.requires(name) or ())
    plain = [text.partition(";")[0].strip() for text in requirements]
    return {text for text in plain if canonical(Requirement(text).name) in brought}


def _extra_of(requirement: str) -> str:
    """The extra that a requirement is of; "" for one that always holds."""
    _, _, marker = requirement.partition("extra == ")
    return marker.strip("\"' )")
