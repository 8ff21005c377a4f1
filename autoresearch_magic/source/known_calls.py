"""What is known of functions and classes of common libraries: names of positional parameters, and choices of words.

Only what is the same in all recent versions, and where every choice works beside any other argument.
"""

from __future__ import annotations

from collections.abc import Sequence

_POSITIONAL: dict[str, Sequence[str]] = {
    # torch, keras
    **dict.fromkeys(("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"), ("p",)),
    **dict.fromkeys(("GaussianNoise",), ("stddev",)),
    **dict.fromkeys(("SpatialDropout1D", "SpatialDropout2D"), ("rate",)),
    "LeakyReLU": ("negative_slope",),
    "dropout": ("", "p"),
    "leaky_relu": ("", "negative_slope"),
    "clip_grad_norm_": ("", "max_norm"),
    "clip_grad_value_": ("", "clip_value"),
    **dict.fromkeys(("Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax"), ("", "lr")),
    "SGD": ("", "lr", "momentum"),
    "StepLR": ("", "step_size", "gamma"),
    "MultiStepLR": ("", "", "gamma"),
    "ExponentialLR": ("", "gamma"),
    # scikit-learn
    **dict.fromkeys(("Ridge", "RidgeClassifier", "Lasso", "ElasticNet"), ("alpha",)),
    **dict.fromkeys(("KNeighborsClassifier", "KNeighborsRegressor"), ("n_neighbors",)),
    **dict.fromkeys(
        ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"), ("n_estimators",)
    ),
    **dict.fromkeys(("KMeans", "MiniBatchKMeans"), ("n_clusters",)),
    **dict.fromkeys(("PCA", "TruncatedSVD", "NMF", "GaussianMixture"), ("n_components",)),
    "DBSCAN": ("eps",),
    "PolynomialFeatures": ("degree",),
    "SelectKBest": ("", "k"),
    # pandas, scipy
    "rolling": ("window",),
    "ewm": ("com",),
    "butter": ("N", "Wn"),
    "iirnotch": ("", "Q"),
    "savgol_filter": ("", "window_length", "polyorder"),
    "medfilt": ("", "kernel_size"),
    "gaussian_filter": ("", "sigma"),
    "gaussian_filter1d": ("", "sigma"),
}  # fmt: skip

_KERAS = ("layers", "keras")


def positional_names(callee: str, base: str = "") -> Sequence[str]:
    """Return the names of the positional parameters of a known function, empty for those that are never tuned.

    Parameters
    ----------
    callee : str
        The last name: ``Dropout`` for ``nn.Dropout``.
    base : str
        The name before it.
    """
    if callee == "Dropout" and base in _KERAS:
        return ("rate",)
    return _POSITIONAL.get(callee, ())


_TREES = ("DecisionTreeClassifier", "RandomForestClassifier", "ExtraTreesClassifier")
_FORESTS = (*_TREES, "DecisionTreeRegressor", "RandomForestRegressor", "ExtraTreesRegressor")
_HIDDEN = ("relu", "elu", "selu", "gelu", "swish")

_WORDS: dict[tuple[str, str], Sequence[str]] = {
    **{(name, "activation"): ("relu", "tanh", "logistic", "identity") for name in ("MLPClassifier", "MLPRegressor")},
    **{(name, "kernel"): ("rbf", "linear", "poly", "sigmoid") for name in ("SVC", "SVR", "NuSVC", "NuSVR")},
    **{(name, "weights"): ("uniform", "distance") for name in ("KNeighborsClassifier", "KNeighborsRegressor")},
    **{(name, "criterion"): ("gini", "entropy", "log_loss") for name in _TREES},
    **{(name, "max_features"): ("sqrt", "log2") for name in _FORESTS},
    **{(name, "gamma"): ("scale", "auto") for name in ("SVC", "SVR", "NuSVC", "NuSVR")},
    **{(name, "activation"): _HIDDEN for name in ("Dense", "Conv1D", "Conv2D")},
    ("compile", "optimizer"): ("adam", "rmsprop", "sgd", "nadam"),
}  # fmt: skip


def known_words(callee: str, key: str, value: str) -> Sequence[str]:
    """Return the words that an argument of a known function may be instead of `value`; none where that is unknown."""
    words = _WORDS.get((callee, key), ())
    return words if value in words else ()
