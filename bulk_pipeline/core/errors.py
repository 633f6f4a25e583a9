"""Failures by class: what a retry can clear and what it cannot.

Every message names the offender (a file, a line, a column, a setting) and the
cure. No message holds a password or a row of company data beyond the one cell
that it is about.
"""


class BulkPipelineError(Exception):
    """Anything this project raises on purpose."""


class PermanentError(BulkPipelineError):
    """Trying again cannot help: a bad file, a bad setting, a broken promise."""


class TransientError(BulkPipelineError):
    """Trying again may help: a busy database, a dropped connection, throttling."""


class DatabaseUnavailable(TransientError):
    """The database does not answer, or turns everybody away for now.

    These count for the circuit breaker; a deadlock or a lock that was waited for in
    vain does not, since a database that says so is there.
    """


class LoginRefused(DatabaseUnavailable):
    """The database refused the login: a starting server does so for a while."""


class DatabaseLeftAlone(DatabaseUnavailable):
    """The circuit breaker is open: the database was not asked at all."""


class ReplicaBehind(TransientError):
    """The read replica has not yet what was asked for; names it and the way round."""


class UnreadableFile(PermanentError):
    """A file that is no table we can read; says what is wrong, where, what to do."""


class MissingColumns(PermanentError):
    """A table without columns that are needed; names them and lists what was found."""


class ConfigurationError(PermanentError):
    """A setting or an argument that cannot work; names it and a value that would."""


class DatabaseUnusable(PermanentError):
    """The database refuses every load alike: no permission, no table, a damaged file.

    No part of a batch fares better than the whole.
    """


class WithdrawnMeanwhile(PermanentError):
    """An upload was withdrawn between its reading and its load; names it."""


class ModelRefused(PermanentError):
    """A model document or file that must not score anything; names the fault."""


class AccountingError(PermanentError):
    """Independent counts disagree, so the load was rolled back; names the counts."""
