"""The search space of a constant whose name says what kind of quantity it is; others have the space that their value suggests.

So that most proposals run: a share stays within 0 and 1, a window of a Savitzky-Golay filter stays odd and longer than its
polynomial, the number of attention heads divides the width, a burn-in ends before the chain, and a projection has no more components than before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .knob_names import plain
from .search_space import Choices, Range, Space, Value, inferred_space

_SHARE = re.compile(
    r"subsample|colsample\w*|max_samples|max_df|\w*(fraction|frac|share|prob|probability|chance)|p_\w+|dropout\w*|\w+_dropout|drop_\w+"
    r"|momentum|beta_?[12]|betas|rho|discount\w*|cooling\w*|forget\w*|top_p|quantile|crossover\w*|mutation_(rate|prob\w*)|l1_ratio|keep\w*"
    r"|recombination|label_smoothing|epsilon|decay|decay_rate|\w+_decay_rate|lr_decay|interpolate|blend|damping|p|rate_drop|max_features|nu"
)
_PENALTY = re.compile(
    r"weight_decay|wd|l1|l2|reg|reg_\w+|lambda_l[12]|ccp_alpha|alpha|lambda_?|lam|gamma|ridge|shrinkage"
)
_AT_LEAST_TWO = re.compile(
    r"num_leaves|max_leaf_nodes|min_samples_split|n_clusters|k_clusters|window|rolling_window|\w*_window|span|window_size|lookback|n_bins|bins|n_knots"
    r"|tournament_size|n_components_gmm"
)
_AT_LEAST_FOUR = re.compile(r"pop|population(_?size)?|pop_?size|popsize|n_particles|swarm(_?size)?|n_ants")
_SMALL_STEPS = re.compile(r"(\w+_)?(degree|order|polyorder|depth|ply|plies|n_?gram\w*)")
_HEADS = re.compile(r"n_heads?|num_heads|num_attention_heads|heads?|nheads?")
_WIDTHS = re.compile(
    r"n_embd?|d_model|embed_dim|emb_dim|model_dim|hidden_size|width|n_embed|dim|embedding_dim|model_width|n_state"
)
_CUTOFFS = re.compile(r"low|high|wn|low_?cut\w*|high_?cut\w*|cutoff\w*|lowpass\w*|highpass\w*|f_?low|f_?high")
_RATES = re.compile(r"(.*_)?(lr|learning_rate|eta)(_init|_max|_start|_\d)?|lr_\w+")
_BATCHES = re.compile(r"(.*_)?(batch|minibatch)_?(size)?|bs")
_WARMUPS = re.compile(r"burn_?in\w*|warm_?up\w*")
_TOTALS = re.compile(r"n_samples|(n_|num_|max_)?(draws|iters?|iterations|steps|epochs)|chain_length")
_SEARCHES = re.compile(r"minimax|negamax|alpha_?beta|expectimax|search|solve_game|principal_variation\w*")

Others = Mapping[str, Value]
"""The values of the other constants beside one: those of the same function, class, dict or call, by plain names."""


def named_space(
    name: str, value: Value, origin: Value | None, others: Others, callee: str = "", functions: frozenset[str] = frozenset()
) -> Space | None:  # fmt: skip
    """Return the search space of a constant without a comment; None for one that should not be tuned.

    Parameters
    ----------
    name : str
        The last part of the constant's name.
    value : bool, int, float or str
    origin : bool, int, float or str, optional
        Its value in the baseline; see `inferred_space`.
    others : mapping
    callee : str
        The function of which it is an argument.
    functions : frozenset of str
        The functions that the source defines.
    """
    word = plain(name)
    if isinstance(value, bool | str):
        return inferred_space(value, origin)
    if not isinstance(origin, int | float) or isinstance(origin, bool):
        origin = value
    for rule in (_rates, _share, _coupled, _filters, _least):
        if isinstance(space := rule(word, value, others, callee), Choices | Range):
            return space
        if space is False:
            return None
    if (
        isinstance(value, int)
        and word in ("depth", "max_depth", "search_depth", "ply", "plies")
        and any(map(_SEARCHES.fullmatch, functions))
    ):
        return Range(1, value + 1, whole=True)  # a game tree grows by a factor with each level
    return inferred_space(value, origin)


Found = Space | bool | None
"""A space; False for a constant that must not be tuned; None where the rule does not apply."""


def _rates(word: str, value: float, others: Others, callee: str) -> Found:
    """Learning rates, which have no upper limit, and batches, which stay powers of two."""
    if (
        isinstance(value, float)
        and 1e-300 < value < 1e300
        and _RATES.fullmatch(word)
        and not word.endswith(("decay", "factor", "frac"))
    ):
        return Range(float(f"{value / 8:.4g}"), float(f"{value * 8:.4g}"), "log")
    if isinstance(value, float) and value > 0 and word in ("weight", "exponent"):
        return Range(float(f"{value / 8:.4g}"), float(f"{value * 8:.4g}"), "log")  # of an expression: no share
    if isinstance(value, int) and value >= 4 and value & (value - 1) == 0 and _BATCHES.fullmatch(word):
        return Choices(tuple(value * 2**i // 4 for i in range(5)), ordered=True)
    return None


def _share(word: str, value: float, others: Others, callee: str) -> Found:
    if word == "epsilon" and callee.endswith("HuberRegressor") and value >= 1:
        return Range(1.0, max(4.0, 2.0 * value), "log")  # below 1 it is refused
    if not _SHARE.fullmatch(word):
        if value == 0 and isinstance(value, float) and _PENALTY.fullmatch(word):
            return Range(0.0, 0.1)
        return None
    if isinstance(value, int):
        return False if value in (0, 1) else None
    if value == 1.0:
        return Range(0.3, 1.0)
    if value == 0.0:
        return Range(0.0, 0.3)
    return None


def _coupled(word: str, value: float, others: Others, callee: str) -> Found:
    """Heads and the width of a transformer: any two values of their spaces go together."""
    if not isinstance(value, int):
        return None
    if _HEADS.fullmatch(word):
        width = _whole(others, _WIDTHS.fullmatch)
        if width is None:
            return None
        most = 2 * value if width % (4 * value) == 0 else value
        divisors = tuple(h for h in range(1, most + 1) if most % h == 0 and 4 * h >= value)
        return Choices(divisors, ordered=True) if len(divisors) > 1 else False
    if _WIDTHS.fullmatch(word):
        heads = _whole(others, _HEADS.fullmatch)
        if heads is None:
            return None
        unit = next((u for u in (4 * heads, 2 * heads, heads) if value % u == 0), 0)
        if not unit:
            return False
        times = value // unit
        multiples = {max(1, round(times * f)) for f in (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4)}
        return Choices(tuple(sorted(unit * m for m in multiples)), ordered=True)
    return None


def _filters(word: str, value: float, others: Others, callee: str) -> Found:
    if callee == "savgol_filter" and isinstance(value, int):
        if word == "polyorder":
            return Range(1, min(2 * value, _shortest(others.get("window_length", value + 2)) - 1), whole=True)
        if word == "window_length":
            least = max(_shortest(value), min(value, 2 * int(others.get("polyorder", 3)) + 1))
            return _odd(least, 4 * value)
    if word == "kernel_size" and callee == "medfilt" and isinstance(value, int):
        return _odd(max(3, value // 4), 4 * value)
    if _CUTOFFS.fullmatch(word) and isinstance(value, int | float) and value > 0:
        limit = 1.0 if isinstance(value, float) and value < 1 and callee == "butter" and "fs" not in others else None
        top = (
            float(f"{value * 2:.4g}")
            if limit is None
            else float(f"{(1 + value) / 2:.4g}")
            if value > 0.5
            else value * 1.9
        )
        if isinstance(value, int):
            return Range(max(1, value // 3), value * 2, "log", whole=True)
        return Range(float(f"{value / 3:.4g}"), top, "log")
    if word in ("n_components", "k") and callee in (
        "PCA",
        "TruncatedSVD",
        "NMF",
        "SelectKBest",
        "FastICA",
        "KernelPCA",
    ):
        return Range(max(1, int(value) // 4), int(value), whole=True) if isinstance(value, int) and value > 1 else None
    return None


def _shortest(window: Value) -> int:
    """Return the shortest window that is tried beside a filter's own."""
    least = max(3, int(window) // 2) if isinstance(window, int) else 3
    return least + (least % 2 == 0)


def _odd(low: int, high: int) -> Choices:
    values = [v for v in range(low, high + 1) if v % 2]
    thinned = sorted({values[round(i * (len(values) - 1) / 12)] for i in range(13)})
    return Choices(tuple(thinned), ordered=True)


def _least(word: str, value: float, others: Others, callee: str) -> Found:
    if not isinstance(value, int) or value < 2:
        return None
    if _SMALL_STEPS.fullmatch(word) and word not in ("depth", "max_depth") and value <= 12:
        return Range(1, 2 * value, whole=True)
    if word in ("window", "n_components") and callee == "rolling":
        least = max(2, value // 4, int(others.get("min_periods", 0)))
        return Range(least, 4 * value, "log", whole=True)
    if _WARMUPS.fullmatch(word) and (total := _whole(others, _TOTALS.fullmatch)) and total > 2 * value:
        return Range(max(1, value // 4), min(4 * value, total // 2), "log", whole=True)
    for pattern, least in ((_AT_LEAST_FOUR, 4), (_AT_LEAST_TWO, 2)):
        if pattern.fullmatch(word):
            return Range(min(value, max(least, value // 4)), 4 * value, "log", whole=True)
    return None


def _whole(others: Others, matches: Callable[[str], object]) -> int | None:
    return next(
        (v for name, v in others.items() if matches(name) and isinstance(v, int) and not isinstance(v, bool) and v > 0),
        None,
    )
