"""What assets work with: one installation, opened on first use."""

from contextlib import ExitStack
from functools import cached_property

import dagster as dg

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.loaders import loader_for
from bulk_pipeline.adapters.loaders.base import Loader
from bulk_pipeline.adapters.locks import FileLock, own_batch
from bulk_pipeline.defs.event_log import event_log_kept_open


class InstallationResource(dg.ConfigurableResource):
    """Settings, home, database and journal, read from the environment of the run.

    Nothing of it is Dagster config, so no URL and no password enters a run's record.
    """

    @cached_property
    def opened(self) -> Installation:
        """The installation; its database was asked for nothing yet."""
        return Installation.from_environment()

    @cached_property
    def installation(self) -> Installation:
        """The installation of this process; its tables are there when this returns."""
        self.opened.database.create_tables()
        return self.opened

    @cached_property
    def loader(self) -> Loader:
        """The way into the database of the installation."""
        return loader_for(self.installation.database)

    @cached_property
    def _held(self) -> dict[str, FileLock]:
        return {}

    @cached_property
    def _kept_open(self) -> ExitStack:
        return ExitStack()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        if context.instance is not None and context.run is not None:
            kept = event_log_kept_open(context.instance, context.run.run_id)
            self._kept_open.enter_context(kept)

    def hold(self, batch: str, run_id: str) -> None:
        """Hold a batch until this process is done with the run.

        Raises:
            TransientError: another run holds it.
        """
        folder = self.installation.home.batch(batch)
        if batch not in self._held and folder.exists():
            self._held[batch] = own_batch(folder, run_id)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        del context  # Dagster's signature; nothing here depends on the run
        self._kept_open.close()
        for lock in self._held.values():
            lock.close()
        self._held.clear()
        if "loader" in self.__dict__:
            self.loader.close()
        if "opened" in self.__dict__:
            self.opened.close()
