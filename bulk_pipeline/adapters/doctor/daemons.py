"""Processes of Dagster's daemon on this machine."""

from pathlib import Path

NAMES = ("dagster-daemon", "dagster._daemon")
"""Parts of a command line: the program, and the module that `dagster dev` starts."""


def daemons_of(folder: Path) -> list[int] | None:
    """Numbers of the processes that are the daemon of an instance.

    Args:
        folder: of the instance, as their ``DAGSTER_HOME`` names it.

    Returns:
        None where there is a daemon whose instance the system does not tell, such as
        one of another user.
    """
    import psutil  # noqa: PLC0415  # 20 ms that no other command should pay

    found, untold = [], False
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if not any(name in part for name in NAMES for part in line):
            continue
        try:
            home = process.environ().get("DAGSTER_HOME", "")
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            untold = True
            continue
        if home and Path(home).resolve() == folder.resolve():
            found.append(process.pid)
    return None if untold and not found else found
