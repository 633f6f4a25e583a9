"""What SQL Server's error numbers mean for us: the one table of them.

Numbers and texts are those of Microsoft's list of events and errors; which of them
pass by themselves, of its list of transient faults of Azure SQL and of the detector in
Entity Framework Core. A login that fails (18456, 4060) counts as transient for the
time that a server takes to start; the caller ends it.
"""

from collections.abc import Iterable

from bulk_pipeline.adapters.sqlserver_cures import (
    AWAY,
    BUSY,
    DAMAGED,
    DUPLICATE,
    EXISTS,
    FULL,
    LOGIN,
    LOGIN_STATE,
    LOST,
    NO_DATABASE,
    NO_DRIVER,
    PERMISSION,
    READ_ONLY,
    RULE,
    SHORT,
    SYNTAX,
    TABLES,
    THROTTLED,
    TIMED_OUT,
    UNREACHABLE,
    VALUE,
    Rule,
)


def _of(*rules: tuple[Rule, Iterable[int]]) -> dict[int, Rule]:
    return {number: rule for rule, numbers in rules for number in numbers}


BY_NUMBER = _of(
    (BUSY, (1205, 1222, 3960, 41301, 41302, 41305, 41325, 41339, 41839)),
    (SHORT, (701, 802, 1204, 8628, 8645, 8651)),
    (UNREACHABLE, (2, 20, 53, 258, 10057, 10060, 10061, 11001)),
    (LOST, (64, 109, 121, 233, 596, 10053, 10054)),
    # The server starts, stops, pauses, recovers or fails over.
    (AWAY, (904, 921, 922, 926, 927, 941, 952, 976, 982, 983, 988, 4221, 6005)),
    (AWAY, (17142, 17187, 17188, 17197, 17809, 18401, 18451, 18461)),
    (THROTTLED, (615, 10928, 10929, 10930, 10936, 40143, 40197, 40501, 40540, 40613)),
    (THROTTLED, (49802, 49918, 49919, 49920)),
    (LOGIN, (18456,)),
    (NO_DATABASE, (4060, 4064)),
    (LOGIN_STATE, (18452, 18470, 18486, 18487, 18488, 40532, 40615, 40914)),
    (PERMISSION, (229, 230, 262, 297, 300, 916, 1088, 2760, 4902, 15151, 15247)),
    (TABLES, (207, 208, 213, 2812)),
    (SYNTAX, (102, 156, 195)),
    (EXISTS, (1913, 2714)),
    (DUPLICATE, (2601, 2627)),
    (RULE, (515, 547)),
    (VALUE, (220, 232, 241, 242, 244, 245, 248, 295, 2628, 8114, 8115, 8152)),
    (FULL, (1101, 1105, 9002, 40544)),
    (DAMAGED, (605, 823, 824, 825, 9001)),
    (READ_ONLY, (978, 3906)),
)
"""What each number means; a number that is not here is permanent."""

BY_STATE = {
    "40001": BUSY,
    "HYT00": TIMED_OUT,
    "HYT01": LOST,
    "40003": LOST,
    "01002": LOST,
    "08001": UNREACHABLE,
    "08003": LOST,
    "08004": AWAY,
    "08007": LOST,
    "08S01": LOST,
    "08S02": LOST,
    "28000": LOGIN,
    "23000": RULE._replace(quotes_data=True),
    "IM002": NO_DRIVER,
    "IM003": NO_DRIVER,
}
"""What each SQLSTATE means where there is no number that we know."""
