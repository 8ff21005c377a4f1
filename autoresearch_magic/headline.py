"""The final result of a study: best and baseline, measured again on fresh seeds, and on data that the search has never used (``--holdout``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Holdout:
    """Best and baseline on the holdout, in the runs of the final confirmation.

    A search that chooses among many versions by the validation data also chooses what happens to suit these data. `share` is
    the part of the confirmed gain that the holdout does not show.

    Attributes
    ----------
    name : str
        What the user calls it.
    best, baseline : float
        Values: means, or the study's ``statistic``, of the runs.
    best_sd, baseline_sd : float
        Sample standard deviations of single runs; 0 for one run.
    runs : int
        Runs of each of the two that have a value.
    gain : float
        By how much the best is better than the baseline on the holdout; negative when it is worse.
    reach : float or None
        Half the width of its confidence interval; None where one run of each cannot show it.
    p_better : float or None
        The chance that the best is better on the holdout, 0 to 1.
    share : float
        The gain on the validation data less the gain on the holdout, in the same runs.
    share_reach : float or None
        Half the width of its confidence interval, from the runs of best and baseline on the same seeds.
    looks : int
        How many times a result on the holdout has been told in this study, this one included. What is chosen after a look is no
        longer independent of the holdout.
    """

    name: str
    best: float
    best_sd: float
    baseline: float
    baseline_sd: float
    runs: int
    gain: float
    reach: float | None
    p_better: float | None
    share: float
    share_reach: float | None
    looks: int = 1

    @property
    def confirms(self) -> bool:
        """Whether the holdout shows an improvement: the interval of its gain is above zero."""
        return self.reach is not None and self.gain > self.reach


@dataclass(frozen=True)
class Headline:
    """The final result of a study: best and baseline, both measured again on fresh seeds.

    The best value seen during the search is biased towards lucky runs; this one is not.

    Attributes
    ----------
    number : int
        Number of the best experiment.
    best, baseline : float
        Values of the metric: means, or the study's ``statistic``, of these runs.
    best_sd, baseline_sd : float
        Sample standard deviations (n − 1) of single runs; 0 with fewer than two repeats.
    repeats : int
        Runs of each of the two.
    gain : float
        By how much the best is better than the baseline, in the metric's unit; negative when it is worse.
    reach : float or None
        Half the width of the gain's confidence interval; None when there is only one run of each.
    confidence : float
        Confidence level of that interval, such as 0.95.
    p_better : float or None
        The chance that the best is better than the baseline, 0 to 1; None when there is only one run of each.
    holdout : Holdout or None
        The same comparison by ``--holdout``; None without that option, and where it could not be measured.
    holdout_error : str
        Why runs have no value of the holdout, in one line; empty where all have one.
    """

    number: int
    best: float
    best_sd: float
    baseline: float
    baseline_sd: float
    repeats: int
    gain: float
    reach: float | None = None
    confidence: float = 0.95
    p_better: float | None = None
    holdout: Holdout | None = None
    holdout_error: str = ""
