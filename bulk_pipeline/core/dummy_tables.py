"""What real accounts look like, in numbers; made-up ones are drawn from these tables.

Source, unless said otherwise: the 2,466 distinct rows (86 companies, 1990 to 2025) of
``annual_predictions_part_1.xlsx`` of the application that this system rebuilds (MIT).
Only figures about its rows stand here, none of its rows. The placeholder 100000000
counts as no value in them.
"""

from bulk_pipeline.core.schema import RATIOS

PROBABILITIES = (
    *(0.0, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35),
    *(0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99),
    *(0.995, 0.9975, 0.999, 1.0),
)
"""Shares of the values below each entry of ``QUANTILES``."""

_VALUES = (
    (
        *(0.007, 0.016, 0.056, 0.133, 0.44, 1.212, 3.161, 7.906, 12.322, 16.448),
        *(20.718, 24.223, 26.526, 30.146, 33.948, 37.389, 39.922, 42.584, 45.669),
        *(48.875, 51.976, 55.38, 58.804, 65.856, 78.545, 94.358, 132.022, 185.378),
        *(355.768, 560.373, 827.898),
    ),
    (
        *(0.001, 0.006, 0.007, 0.009, 0.027, 0.097, 0.208, 0.447, 0.686, 0.872),
        *(1.058, 1.218, 1.397, 1.566, 1.765, 1.97, 2.185, 2.483, 2.787, 3.193),
        *(3.691, 4.304, 4.938, 5.822, 7.16, 9.484, 19.084, 34.389, 60.831, 69.159),
        279.79,
    ),
    (
        *(-299.865, -274.612, -207.191, -161.935, -93.222, -25.818, -10.272, -0.843),
        *(2.089, 3.475, 4.424, 5.298, 6.131, 7.039, 7.984, 9.069, 10.114, 11.144),
        *(12.338, 13.909, 15.837, 18.071, 21.054, 24.973, 32.375, 41.638, 49.291),
        *(56.385, 60.516, 74.537, 157.117),
    ),
    (
        *(0.008, 0.068, 0.133, 0.445, 0.844, 1.306, 1.722, 2.244, 2.582, 3.028),
        *(3.506, 4.171, 5.116, 6.279, 7.162, 8.431, 9.693, 11.311, 13.062, 14.871),
        *(17.624, 21.017, 26.347, 36.408, 61.97, 97.122, 146.75, 181.207, 234.745),
        *(254.772, 295.0),
    ),
    (
        *(-115.678, -58.093, -38.196, -24.285, -17.651, -6.399, -1.429, 1.574, 2.408),
        *(2.876, 3.381, 3.822, 4.298, 4.748, 5.278, 5.936, 6.657, 7.376, 8.074, 9.072),
        *(10.04, 11.28, 12.574, 14.534, 18.82, 22.01, 28.775, 36.279, 46.036, 54.596),
        59.321,
    ),
)
QUANTILES = dict(zip(RATIOS, _VALUES, strict=True))
"""Ratio → its quantiles at ``PROBABILITIES``, in the unit of the ratio."""

RANK_CORRELATIONS = (
    (1.0, 0.683, -0.008, -0.525, -0.124),
    (0.683, 1.0, -0.122, -0.816, -0.672),
    (-0.008, -0.122, 1.0, 0.234, 0.392),
    (-0.525, -0.816, 0.234, 1.0, 0.679),
    (-0.124, -0.672, 0.392, 0.679, 1.0),
)
"""Spearman's correlation of each two ratios, in the order of ``RATIOS``, over the rows
that have both: more debt goes with less coverage and less return."""

MISSING_PATTERNS = {
    "xx-x-": 107,
    "---x-": 95,
    "-x-x-": 69,
    "----x": 42,
    "xx--x": 40,
    "x----": 30,
    "xx-xx": 29,
    "xx---": 17,
    "-xxx-": 15,
    "x--x-": 9,
    "---xx": 5,
    "xxxx-": 3,
    "-xxxx": 3,
    "-x-xx": 3,
    "x---x": 2,
    "x--xx": 1,
    "--xx-": 1,
}
"""Which ratios are missing together (``x``, in the order of ``RATIOS``) → rows."""

MISSING_SHARE = 0.2
"""Rows that lack a ratio: 2,064 of the 9,900 rows of all four files."""
PLACEHOLDER_SHARE = 19 / 49_500
"""Cells of ratios that hold the placeholder, of all cells of the 9,900 rows."""
DUPLICATES_PER_CONFLICT = 153
"""Of the repeated keys of the 9,900 rows, 152 repeat identically and one does not."""

COMPANY_WEIGHT = 0.45
"""Share of a ratio's variance (of its normal score) that a company keeps for ever."""
YEAR_MEMORY = 0.8
"""What is left of the rest after a year. With the weight above, the normal scores of a
company's years correlate by 0.89 one year apart, 0.63 five and 0.51 ten; the ranks of
the real rows by 0.74 to 0.91, 0.54 to 0.70 and 0.47 to 0.60, ratio by ratio."""
