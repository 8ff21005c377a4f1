"""The chance that one version is better than another: one definition for gains, comparisons and the final result.

Pure functions, no I/O.
"""

from __future__ import annotations

from .noise import chance_below


def p_better(gain: float, error: float, df: float) -> float:
    """Return the chance that a version is better, from its gain: that of Student's t below the gain in standard errors.

    Parameters
    ----------
    gain : float
        Positive for better.
    error : float
        Its standard error; without one the answer is 0, 0.5 (equal) or 1.
    df : float
        Degrees of freedom of the noise behind the error, above 0.
    """
    if error > 0:
        return chance_below(gain / error, df)
    return 0.5 + 0.5 * ((gain > 0) - (gain < 0))
