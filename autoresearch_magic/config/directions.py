"""Which way a metric is better, where no option and no line says it: what its name says, and what the goal says.

A wrong guess turns a study upside down, so this answers only where the words leave no doubt. Where they say nothing, or where
name and goal say different things, `decide` raises an error that asks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..errors import UserError
from ..metric import made_name
from ..syntax import syntax_tree


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LOWER = _set(
    # what a model gets wrong
    "loss losses logloss error errors err errs mse rmse mae mape smape msle rmsle medae wer cer ter eer brier fid perplexity ppl nll "
    "bpb bpc bpd nats xent crossentropy entropy divergence kl regret residual residuals deviation miss misses missed "
    # what a program costs
    "latency time runtime elapsed duration delay lag wait jitter overhead memory rss vram cost costs footprint consumption ttfb lcp "
    "fcp tbt "
    # what should not be there
    "failure failures failed failing fail fails crash crashes bug bugs defect defects warning warnings violation violations issue "
    "issues finding findings vulnerability vulnerabilities complexity duplication flaky uncovered untested conflicts outliers"
)
"""Words in a metric's name that say that lower is better."""
HIGHER = _set(
    "accuracy acc f1 fbeta auc auroc auprc rocauc precision recall specificity sensitivity score scores pass passed passes passing passrate "
    "coverage cov covered throughput speedup reward rewards win wins winrate success successes successful r2 bleu rouge meteor "
    "iou miou dice psnr ssim ndcg mrr map ap kappa mcc hit hits hitrate qps rps tps fps iops mbps gbps correct solved likelihood "
    "loglikelihood elbo sharpe profit revenue quality similarity correlation spearman pearson fitness survival reduction "
    "improvement saved savings gain gains"
)
"""Words that say that higher is better."""
_TIMES = _set("ms us ns sec secs second seconds minute minutes mins hour hours")
_SIZES = _set("size kb mb gb kib mib gib byte bytes")
_SECOND = frozenset({"s", "h", "min", *_TIMES})
_NO_SIZE = _set("batch vocab vocabulary sample window step population hidden effect dataset corpus embedding")
"""Words in front of ``size`` that make it a setting rather than a cost."""
_DECIDES = frozenset({"brier", "fid"})
"""Lower is better for these, though they are called scores."""
_UNSURE = _set(
    "not non no without inverse minus free available remaining left reciprocal fixed resolved found caught detected killed closed removed"
)
_PERCENTILE = re.compile(r"p\d\d+")

_PER = re.compile(
    r"/\s*(?=(?:s|sec|second|min|minute|h|hour|byte|char|token|step|request|item|op|call|sample|epoch)s?\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")

_GOAL_LOWER = re.compile(
    r"\breduc(?:e|es|ed|ing)\b|\blower(?:s|ed|ing)?\b(?!\s+(?:bound|case))|\bminimi[sz]|\bcut(?:s|ting)?\b(?!-|\s*off)|\bshrink|\bdecreas"
    r"|\beliminat|\bfewer\b|\b(?:below|under)\s+\D{0,3}\d|\b(?:to|at) zero\b|\b(?:zero|no) (?:\w+ )?(?:error|warning|failure|finding|bug|issue)s"
    r"|\bhalv(?:e|es|ing)\b|\bat most\b|\bno more than\b|\bget rid of\b|\bbring(?:s|ing)? (?:\w+ ){0,4}down\b",
    re.IGNORECASE,
)
_GOAL_HIGHER = re.compile(
    r"\bincreas(?:e|es|ed|ing)\b|\brais(?:e|es|ed|ing)\b(?!.{0,12}(?:error|exception))|\bmaximi[sz]|\bgrow(?:s|ing)?\b"
    r"|\babove\s+\D{0,3}\d|\bat least\b|\bhigher\b(?!-|\s+order)|\bdoubl(?:e|es|ing)\b",
    re.IGNORECASE,
)
_FASTER = re.compile(r"\b(?:faster|quicker|speed(?:ing)? up|slow|latency|less time)", re.IGNORECASE)
_FROM_TO = re.compile(r"\bfrom\s+\D{0,3}?(\d+(?:\.\d+)?)\D{0,20}\bto\s+\D{0,8}?(\d+(?:\.\d+)?)", re.IGNORECASE)

ASK = "--minimize or --maximize (or a line  Direction: higher is better)"


@dataclass(frozen=True)
class Aim:
    """What a program says about the direction of its metric, besides its settings.

    Attributes
    ----------
    goals : tuple of str
        Its goal and its title.
    prose : str
        Its text without settings and code; only sentences that name the metric count.
    default : bool or None
        The direction where nothing says one; the generalised skill's command has such a rule, others have none.
    """

    goals: tuple[str, ...] = ()
    prose: str = ""
    default: bool | None = None


def decide(name: str, expression: str, aim: Aim, *, verified: bool) -> bool:
    """Return whether lower is better, by the metric's name, its expression or format, and the goal.

    Parameters
    ----------
    name, expression : str
        See `Metric`.
    aim : Aim
    verified : bool
        Whether the expression is a reading of a command's output, rather than Python.

    Raises
    ------
    UserError
        When nothing says it, or name and goal contradict each other.
    """
    by_name = direction_of_metric(name, expression, verified=verified)
    by_goal = _direction_of_goals(name, aim)
    if by_name is not None and by_goal is not None and by_name != by_goal:
        raise UserError(
            f"The goal asks for {_better(by_goal)} values, but {_better(by_name)} values of {name!r} seem better. "
            f"Say which way is better: {ASK}."
        )
    found = by_name if by_name is not None else by_goal if by_goal is not None else aim.default
    if found is None:
        raise UserError(f"Nothing says whether lower or higher values of {name!r} are better. Say which way: {ASK}.")
    return found


def direction_of_metric(name: str, expression: str, *, verified: bool) -> bool | None:
    """Return whether lower is better by a metric's name, else by what it is read from; None where both are silent."""
    try:
        if not verified:
            return _direction_in_python(name, expression)
    except SyntaxError:
        pass  # a cell's metric may be a reading of its output as well
    if (found := direction_of_name(name)) is not None or not _silent(name):
        return found
    keyword, _, argument = expression.partition(":")
    if keyword in ("exit", "seconds"):
        return True
    path = re.split(r"[.\[#:]", argument)[-1] if keyword in ("json", "file") else argument
    return direction_of_name(re.sub(r"\\.", " ", path))


def _direction_in_python(name: str, expression: str) -> bool | None:
    called = _called(expression)
    by_hand = name != made_name(expression)  # a name that was made of  1 - accuracy  says nothing
    if by_hand and ((found := direction_of_name(name)) is not None or not _silent(name)):
        return found
    return None if called is None else direction_of_name(called)


def direction_of_name(name: str) -> bool | None:
    """Return whether lower is better by the words of a name; None when they say neither, or both.

    Examples
    --------
    >>> direction_of_name("val_loss"), direction_of_name("pass_rate"), direction_of_name("tokens/s")
    (True, False, False)
    >>> direction_of_name("ratio"), direction_of_name("accuracy loss")
    (None, None)
    """
    words = _words(name)
    flipped = any(
        word in ("neg", "negative") and before not in ("true", "false") for before, word in pairwise(["", *words])
    )
    at = words.index("per") if "per" in words else len(words)
    above, below = words[:at], words[at + 1 :]
    if _UNSURE & {*words} or re.search(r"\b(?:to|between|until|before) (?:fail|crash|error)", " ".join(words)):
        return None
    lower, higher = bool(LOWER & {*above}), bool(HIGHER & {*above})
    if lower and higher and _DECIDES & {*above}:
        higher = False
    if {"false", "true"} & {*above} and {"positive", "positives", "negative", "negatives", "rate"} & {*above}:
        lower, higher = lower or "false" in above, higher or "true" in above
    if not lower and not higher:
        if below and below[0] in _SECOND and not _TIMES & {*above}:
            higher = True
        elif (
            (below and {"bit", "bits"} & {*above})
            or _TIMES & {*above}
            or (_SIZES & {*above} and not _NO_SIZE & {*above})
        ):
            lower = True
    if lower == higher:
        return None
    return lower != flipped


def goal_direction(goal: str) -> bool | None:
    """Return whether a goal asks for lower (True) or higher values (False); None when it asks for neither or for both."""
    if numbers := _FROM_TO.search(goal):
        before, after = float(numbers[1]), float(numbers[2])
        if before != after:
            return after < before
    lower, higher = bool(_GOAL_LOWER.search(goal)), bool(_GOAL_HIGHER.search(goal))
    return None if lower == higher else lower


def _direction_of_goals(name: str, aim: Aim) -> bool | None:
    for goal in aim.goals:
        if (found := goal_direction(goal)) is not None:
            return found
    said = {found for sentence in _about(name, aim.prose) if (found := goal_direction(sentence)) is not None}
    if len(said) == 1:
        return said.pop()
    if any(_PERCENTILE.fullmatch(word) for word in _words(name)) and any(_FASTER.search(goal) for goal in aim.goals):
        return True  # the percentile of a time
    return None


def _about(name: str, prose: str) -> Iterator[str]:
    """Yield the sentences of a text that name the metric."""
    named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    for sentence in re.split(r"(?<=[.!?;])\s|\n\s*\n|\n(?=[-*#])", prose):
        if named.search(sentence):
            yield sentence


def _better(lower: bool) -> str:
    return "lower" if lower else "higher"


def _words(name: str) -> list[str]:
    spaced = _PER.sub(" per ", name)
    words = [word.lower() for word in _WORD.findall(spaced)]
    known = LOWER | HIGHER
    return [word if word in known else bare if (bare := word.rstrip("0123456789")) in known else word for word in words]


def _silent(name: str) -> bool:
    """Whether a name has no word that says a direction, rather than words that contradict each other."""
    return not (LOWER | HIGHER | _UNSURE) & {*_words(name)}


def _called(expression: str) -> str | None:
    """Return the name in a Python expression that is a name, a call or an item of one; None for any other expression."""
    node: ast.AST = syntax_tree(expression.strip(), "eval").body
    while True:
        match node:
            case ast.Call(func=ast.Name(id="float" | "int" | "round"), args=[inner, *_]):
                node = inner
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                return key
            case ast.Call(func=inner) | ast.Subscript(value=inner):
                node = inner
            case ast.Name() | ast.Attribute():
                return ast.unparse(node)
            case _:
                return None
