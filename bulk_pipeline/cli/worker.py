"""The command that does steps of runs on this machine, for a broker."""

import os

import click

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.adapters.step_broker import QUEUES, require_broker, shown_broker
from bulk_pipeline.core.errors import TransientError


def _queues(ctx: click.Context, option: click.Parameter, given: str) -> list[str]:
    del ctx, option
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    unknown = [name for name in names if name not in QUEUES]
    if unknown:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'} is no queue. Use {', '.join(QUEUES)}."
        )
    return names


@click.command()
@click.option(
    "--queues",
    default=",".join(QUEUES),
    show_default=True,
    callback=_queues,
    help="Kinds of steps, with commas between.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=lambda: os.cpu_count() or 1,
    show_default="cores of this machine",
    help="Steps at once, each in a process of its own.",
)
@click.option("--check", is_flag=True, help="Only ask whether one works on this host.")
def worker(queues: list[str], concurrency: int, *, check: bool) -> None:
    """Do steps of runs that wait in a broker, until Ctrl-C or SIGTERM.

    For BULK_PIPELINE_EXECUTOR=celery (deploy/celery/README.md). The queues home, read
    and load need the home of the pipeline; score needs none. A signal lets the steps in
    hand end first.
    """
    settings = Settings.from_environment()
    shown = shown_broker(settings)
    # The definitions that a step is looked up in are those of its run.
    os.environ[EXECUTOR_VARIABLE] = "celery"
    try:
        # only this command needs it, and it is an extra
        from bulk_pipeline.defs.celery_worker import (  # noqa: PLC0415
            work,
            worker_app,
        )
    except ModuleNotFoundError as error:
        from bulk_pipeline.defs.executors import needs_extra  # noqa: PLC0415

        raise needs_extra(error, "A worker") from error
    if check:
        _require_one_here(settings)
        return
    require_broker(settings)
    click.echo(
        f"Takes steps of {', '.join(queues)} from {shown}, {concurrency} at once."
    )
    code = work(worker_app(settings), queues, concurrency, _prepare)
    click.echo("Stopped.")
    if code:
        raise click.exceptions.Exit(code)


def _require_one_here(settings: Settings) -> None:
    """Ask the workers of the broker for one of this host.

    Raises:
        TransientError: none answers.
    """
    from bulk_pipeline.adapters.step_workers import (  # noqa: PLC0415
        workers,  # Celery, an extra
    )

    host = os.uname().nodename
    names = [name for name in workers(settings).queues if name.endswith(f"@{host}")]
    if not names:
        raise TransientError(
            f"No worker of {host} answers. Start `bulk-pipeline worker`."
        )
    click.echo(f"Works: {', '.join(names)}")


def _prepare() -> None:
    """Import what steps need, so that the first one does not wait for it."""
    from bulk_pipeline.adapters.logs import configure_logging  # noqa: PLC0415
    from bulk_pipeline.definitions import (  # noqa: PLC0415  # after the fork only
        build_definitions,
    )

    configure_logging()
    build_definitions().resolve_all_job_defs()
