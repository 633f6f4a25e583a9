"""The command that starts everything and stops it again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Self

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.core.errors import ConfigurationError, PermanentError

READY_SECONDS = 120
STOP_SECONDS = 30
WORKSPACE = {
    "load_from": [
        {
            "python_module": {
                "module_name": "bulk_pipeline.definitions",
                "location_name": "bulk_pipeline",
            }
        }
    ]
}


@click.command()
@click.option("--port", default=3000, show_default=True, help="Port of the UI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of it.")
@database_option
def up(port: int, host: str) -> None:
    """Start the Dagster UI and the daemon that watches the inbox; Ctrl-C stops both."""
    from bulk_pipeline.cli.running import prepare_instance  # noqa: PLC0415  # Dagster

    installation = Installation.from_environment()
    try:
        _require_free_port(host, port)
        installation.home.inbox.mkdir(parents=True, exist_ok=True)
        installation.database.create_tables()
        folder = prepare_instance(installation)
    finally:
        installation.close()
    os.environ["BULK_PIPELINE_HOME"] = str(installation.home.root)
    workspace = folder / "workspace.yaml"
    # JSON is YAML, too.
    workspace.write_text(json.dumps(WORKSPACE), encoding="utf-8")
    serve = ["-w", str(workspace)]
    webserver = ["dagster-webserver", *serve, "-h", host, "-p", str(port)]
    with _Family([webserver, ["dagster-daemon", "run", *serve]]) as family:
        family.wait_until_open(host, port)
        click.echo(f"Dagster is up at http://{host}:{port}")
        click.echo(f"Drop files into {installation.home.inbox}")
        click.echo(f"Database: {installation.database.name}")
        family.wait()
    click.echo("Stopped.")


def _require_free_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} of {host} cannot be used ({error.strerror}). Choose "
                "another one with --port."
            ) from error


class _Family:
    """Processes that live and die together; a signal to us stops them cleanly."""

    def __init__(self, commands: list[list[str]]) -> None:
        self._commands = commands
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopping = False

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for command in self._commands:
            program = _program(command[0])
            # A group of its own: Ctrl-C reaches us alone, and we pass it on once.
            self._processes.append(
                subprocess.Popen([program, *command[1:]], process_group=0)  # noqa: S603
            )
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stopping = True

    def wait_until_open(self, host: str, port: int) -> None:
        """Wait until the webserver takes connections.

        Raises:
            PermanentError: it does not in time, or a process ended.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self._stopping:
            self._require_alive()
            with socket.socket() as probe:
                if probe.connect_ex((host, port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise PermanentError(
                    f"Nothing answers on port {port} after {READY_SECONDS} s. See the "
                    "messages above."
                )
            time.sleep(0.2)

    def wait(self) -> None:
        """Wait for a signal; an end of any process is an error."""
        while not self._stopping:
            self._require_alive()
            time.sleep(0.5)

    def _require_alive(self) -> None:
        for command, process in zip(self._commands, self._processes, strict=True):
            if process.poll() is not None and not self._stopping:
                raise PermanentError(
                    f"{command[0]} ended with code {process.returncode}. See its "
                    "messages above."
                )


def _program(name: str) -> str:
    """A program of this environment, wherever the command was started from."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ConfigurationError(
            f"{name} is not installed beside {sys.executable}. Install bulk-pipeline "
            "with its dependencies."
        )
    return found
