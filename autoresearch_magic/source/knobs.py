"""Which places of a source are knobs: numbers that a person would tune, and how much each of them usually matters.

A place is judged by its name (`knob_names`), by how it stands (`places`), by the function and class around it, and by where its
value goes (`data_flow`). Left out are seeds; what makes, splits or describes data; what measures, prints, saves or plots;
guards against division by zero; laws of nature and the problem's own numbers; counters; names that are bound again; defaults that
every call replaces; and values that only reach printed figures other than the metric.

A name at module level is a knob unless something speaks against it; anything else needs a name of the trade, or a value and a
place that speak for it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence

from .knob_names import (
    MAIN,
    MINOR,
    USUAL,
    importance,
    is_config,
    is_data_call,
    is_heuristic,
    is_section,
    is_vague,
    never_measured,
    never_tuned,
    plain,
    seed_like,
)
from .known_calls import known_words
from .places import ASSIGNED, Place
from .surroundings import Surroundings, last_part

DECLARED = 4
"""Importance of a constant whose values a comment gives: its author wants it tuned."""

_FLAT = {0.0, 1.0, -1.0}
"""Values of an unknown name that say nothing: starts of sums and products."""
_COMMON = {
    0.0,
    0.5,
    1.0,
    2.0,
    3.0,
    4.0,
    10.0,
    60.0,
    90.0,
    100.0,
    180.0,
    255.0,
    360.0,
    1000.0,
    3600.0,
    1e6,
    1e9,
    9.8,
    9.81,
    3.14,
    273.15,
}
"""Factors of formulas and units, which are no weights."""
_STEPS = re.compile(r"(n_|num_|max_)?(steps|updates)")
_LEARNING_RATE = re.compile(r"(.*_)?(lr|learning_rate|eta)(_.*)?")
_FORBIDDEN_TUPLES = re.compile(r"\w*(range|bounds?|limits?|interval|size|shape|loc|pos\w*|point|color|lim)")
_LAYERS = re.compile(r"(n_)?(layers|layer_sizes|sizes|dims|layer_dims|channels)")
_HIDDEN = re.compile(r"hidden\w*|(\w+_)?betas|units|widths|\w*weights|coef\w*|alphas|dropouts?|windows|spans|lags")
_OWN_WORDS = {"LoraConfig": "r", "DBSCAN": "eps", "OPTICS": "max_eps"}
"""Parameters that are knobs of one class alone."""
_DISPLAYS = re.compile(
    r"head|tail|describe|info|plot|hist|boxplot|mean|std|sum|median|corr|value_counts|round|sort_values|sample|show"
)
_GEOMETRY = ({"width", "height"}, {"w", "h"}, {"grid_width", "grid_height"}, {"board_width", "board_height"})
"""Names that together are the sides of a board, an image or a room."""
_FILTERS = re.compile(r"(median|uniform|maximum|minimum|percentile|rank|wiener)_filter(1d)?|wiener|TimeSeries\w*")
_SWITCHES = re.compile(
    r"use_\w+|with_\w+|bias|use_bias|nesterov|amsgrad|bootstrap|fit_intercept|tied?\w*|normali[sz]e\w*|centered|rescale|sublinear_tf|standardi[sz]e\w*|whiten"
)


class Knobs(Surroundings):
    """Judges the places of one source.

    Parameters
    ----------
    tree : Module
    places : sequence of Place
        All places of the tree.
    metric : str
        The metric's name as it is printed; empty when it is not known, and then printed figures are not told apart.
    outside : str
        Text whose words are names that are read from outside: the metric's expression.
    relaxed : bool
        Whether constants of a function that looks like the problem itself (``cost``, ``step``) count, because the target has
        no others.
    """

    def __init__(
        self, tree: ast.Module, places: Sequence[Place], metric: str = "", outside: str = "", *, relaxed: bool = False
    ) -> None:  # fmt: skip
        super().__init__(tree, metric, outside, relaxed=relaxed)
        self.trains = any(_LEARNING_RATE.fullmatch(plain(place.key)) for place in places)
        self._keys = {plain(place.key) for place in places if place.role != "inline"}
        self._stored = Counter(
            n.node.attr
            for n in self.names.nodes
            if isinstance(n.node, ast.Attribute) and isinstance(n.node.ctx, ast.Store)
        )
        self._codes: dict[int, bool] = {}

    def allowed(self, place: Place) -> bool:
        """Whether a place may be tuned when its author wishes so: neither a seed, nor private, nor bound again."""
        if seed_like(plain(place.key)) or seed_like(place.key) or place.key.startswith("_"):
            return False
        if any(seed_like(owner) for owner in place.owners):
            return False
        return place.role not in ASSIGNED or self._bound_once(place)

    def worth(self, place: Place, *, marked: bool = False) -> int:
        """Return how much a place usually matters; 0 for one that is not tuned.

        Parameters
        ----------
        place : Place
        marked : bool
            Whether it stands in a block that is marked to be changed.
        """
        if not self.allowed(place) or not self._by_value(place):
            return 0
        config = place.role == "item" and self._is_record(place)
        around = place.path if place.role == "argument" else (*place.path, *place.owners[config:])
        own = place.role == "argument" and _OWN_WORDS.get(place.owners[-1]) == place.key
        if (
            (never_tuned(place.key) and not own)
            or never_measured(place.key, self.metric)
            or any(map(is_section, around))
        ):
            return 0
        if any(plain(place.key) in sides and sides <= self._keys for sides in _GEOMETRY):
            return 0
        if is_vague(place.key) and not self._clear(place):
            return 0
        known = importance(place.key)
        if not self._in_place(place, known) or self._only_shown(place):
            return 0
        found = _ROLES[place.role](self, place, known, marked)
        if not found or self._only_measures(place, known):
            return 0
        # one of several of the same name, and what is switched off, matters less
        return max(MINOR, found - ("#" in place.name) - (place.value == 0 and not isinstance(place.value, bool)))

    # -- values ---------------------------------------------------------------------------------------------------------

    def _by_value(self, place: Place) -> bool:
        value, word = place.value, plain(place.key)
        if isinstance(value, str):
            return bool(place.options or self.words(place))
        if isinstance(value, bool):
            capital = place.role == "module" and (place.key.isupper() or self.relaxed)
            return capital or bool(_SWITCHES.fullmatch(word))
        if isinstance(value, float) and 0 < abs(value) < 1e-3 and word in ("epsilon", "eps"):
            return False  # a guard; a share of random moves is larger
        if _STEPS.fullmatch(word) and not self.trains:
            return False  # the length of a simulation
        if isinstance(value, float) and 0 < abs(value) <= 1e-5 and not importance(place.key):
            return False
        return not (len(word) == 1 and value == 0) and not self._is_code(place)

    def _is_code(self, place: Place) -> bool:
        """Whether a number is one of a few codes: ``EMPTY, BLACK, WHITE = 0, 1, 2``."""
        around = self.flow.parents.get(id(place.node))
        if place.role not in ASSIGNED or importance(place.key) or not isinstance(around, ast.Tuple | ast.List):
            return False
        if id(around) not in self._codes:
            values = [each.value if isinstance(each, ast.Constant) else None for each in around.elts]
            counted = list(range(len(values))), list(range(1, len(values) + 1))
            self._codes[id(around)] = len(values) > 1 and values in counted
        return self._codes[id(around)]

    def _clear(self, place: Place) -> bool:
        """Whether it is known after all what a vague name such as ``size`` counts."""
        if place.role == "argument":
            return bool(_FILTERS.fullmatch(place.owners[-1]))
        return self.relaxed and place.role in ("module", "class") and place.key.isupper()

    def _is_record(self, place: Place) -> bool:
        """Whether a dict is read by constant keys alone, ``EVAL["corner"]``, as settings are and data are not."""
        scope = self._scope(place)
        if scope is None or not place.owners:
            return False
        uses = self.flow.uses(scope.owner_of(place.owners[0]), place.owners[0])
        reads = [use for use in uses if not self._stores(use)]
        return bool(reads) and all(self._read_by_key(use) for use in reads)

    def _stores(self, use: ast.Name) -> bool:
        parent = self.flow.parents.get(id(use))
        return isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store)

    def _read_by_key(self, use: ast.Name) -> bool:
        parent = self.flow.parents.get(id(use))
        if isinstance(parent, ast.Subscript) and parent.value is use:
            return isinstance(parent.slice, ast.Constant) and isinstance(parent.slice.value, str)
        return isinstance(parent, ast.Attribute) and parent.attr == "get"

    @staticmethod
    def words(place: Place) -> Sequence[str]:
        """Return the words that may stand in a place of a string; none where they are not known."""
        value = str(place.value)
        if place.options:
            return place.options if value in place.options else ()
        return known_words(place.owners[-1], place.key, value) if place.role == "argument" and place.owners else ()

    # -- roles -----------------------------------------------------------------------------------------------------------

    def _module(self, place: Place, known: int, marked: bool) -> int:
        if known:
            return known
        if place.key.isupper() and (self.relaxed or not _counts_things(place)):
            return USUAL
        # an unknown number in lower case may be anything: it counts where it has a fraction, or there is nothing else
        return MINOR if self.relaxed or isinstance(place.value, float) else 0

    def _class(self, place: Place, known: int, marked: bool) -> int:
        if self._replaced(place):
            return 0
        if known:
            return known
        settings = place.key.isupper() or any(is_config(each) for each in place.path[-1:])
        if isinstance(place.value, float):
            return MINOR if settings or place.value not in _FLAT else 0
        return MINOR if settings and isinstance(place.value, int) else 0

    def _attribute(self, place: Place, known: int, marked: bool) -> int:
        if self._stored[place.key] != 1:
            return 0
        if place.owners and not is_config(place.owners[-1]):
            return known if known == MAIN else 0
        return known or (MINOR if isinstance(place.value, float) and place.value not in _FLAT else 0)

    def _local(self, place: Place, known: int, marked: bool) -> int:
        if isinstance(place.value, float):
            return known or (MINOR if place.value not in _FLAT else 0)
        if len(place.key) == 1 and not place.key.isupper():
            return 0
        return known or (MINOR if place.key.isupper() else 0)

    def _default(self, place: Place, known: int, marked: bool) -> int:
        if self.dead(place):
            return 0
        if place.index >= 0:
            return self._element(place, known)
        return known or (MINOR if isinstance(place.value, float) and place.value not in _FLAT else 0)

    def _argument(self, place: Place, known: int, marked: bool) -> int:
        callee = place.owners[0].removesuffix("()")
        base = place.call.func.value if place.call and isinstance(place.call.func, ast.Attribute) else None
        if (
            is_data_call(callee)
            or (place.call and self.flow.is_printer(place.call))
            or (base and last_part(base) in ("init", "random"))
        ):
            return 0
        if (place.owners[0].endswith("()") and self._calls_data(callee)) or self._displayed(place):
            return 0
        if place.index >= 0:
            return self._element(place, known)
        if isinstance(place.value, str):
            return USUAL
        if _OWN_WORDS.get(callee) == place.key:
            return MAIN
        if is_vague(place.key):
            return USUAL  # of a filter: see `_clear`
        if known or not isinstance(place.value, float) or place.value in _FLAT:
            return known
        return MINOR if callee[:1].isupper() or callee in self.functions else 0

    def _displayed(self, place: Place) -> bool:
        """Whether a call belongs to an expression that a notebook shows below its cell: ``x.rolling(9).mean().tail()``."""
        node: ast.AST | None = place.call
        while isinstance(above := self.flow.parents.get(id(node)), ast.expr):
            node = above
        return (
            isinstance(above, ast.Expr)
            and isinstance(node, ast.Call)
            and bool(_DISPLAYS.fullmatch(last_part(node.func)))
        )

    def _item(self, place: Place, known: int, marked: bool) -> int:
        if place.index >= 0:
            return self._element(place, known)
        if not place.owners:
            return 0
        if not any(is_config(each) for each in place.owners) and not self._is_record(place):
            return known if known == MAIN else 0
        return known or (MINOR if not isinstance(place.value, float) or place.value not in _FLAT else 0)

    def _element(self, place: Place, known: int) -> int:
        word = plain(place.key)
        if word == "ngram_range":
            return USUAL if place.index == 1 else 0
        if _FORBIDDEN_TUPLES.fullmatch(word) and not _HIDDEN.fullmatch(word) and not _LAYERS.fullmatch(word):
            return 0
        if _LAYERS.fullmatch(word):  # the first and the last size fit the data
            return USUAL if 0 < place.index < self._length(place) - 1 else 0
        if not _HIDDEN.fullmatch(word) or (word.endswith("weights") and not isinstance(place.value, float)):
            return 0
        return known or USUAL

    def _length(self, place: Place) -> int:
        around = self.flow.parents.get(id(place.node))
        return len(around.elts) if isinstance(around, ast.Tuple | ast.List) else 0

    def _option(self, place: Place, known: int, marked: bool) -> int:
        if isinstance(place.value, str):
            return USUAL
        return known or MINOR

    def _inline(self, place: Place, known: int, marked: bool) -> int:
        if place.key == "factor":
            return USUAL if importance(place.owners[-1]) and isinstance(place.value, float) else 0
        value = place.value
        if (
            not isinstance(value, float)
            or abs(value) in _COMMON
            or (value.is_integer() and value > 9)
            or not 1e-4 < abs(value) < 1e4
        ):
            return 0
        if place.owners and never_tuned(place.owners[-1]):
            return 0
        heuristic = any(is_heuristic(name) for name in place.path if name in self.flow.functions)
        return MINOR if marked or heuristic else 0


_ROLES = {
    "module": Knobs._module,
    "local": Knobs._local,
    "class": Knobs._class,
    "attribute": Knobs._attribute,
    "default": Knobs._default,
    "argument": Knobs._argument,
    "item": Knobs._item,
    "option": Knobs._option,
    "inline": Knobs._inline,
}


def _counts_things(place: Place) -> bool:
    """Whether a constant is named by one word in the plural, such as ``LINES``: a number of things that are there."""
    word = plain(place.key)
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is")) and "_" not in word
    return isinstance(place.value, int) and plural and not never_measured(word, "")  # workers: the metric decides
