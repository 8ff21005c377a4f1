"""What the name of a number says: whether people tune it, how much it usually matters, and what kind of quantity it is.

Names are compared in lower case with underscores: ``nEstimators``, ``N_ESTIMATORS`` and ``--n-estimators`` are the same. The
tables are about words of the trade, so a name that is not in them is judged by how it stands in the code (`knobs`).
"""

from __future__ import annotations

import re
from functools import lru_cache

MAIN, USUAL, MINOR = 3, 2, 1
"""How much a constant usually matters: tuned first, next, and last."""


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name in lower case with underscores, without the index of a tuple's element and the number of a layer."""
    name = re.sub(r"\[\d+\]$", "", name).strip("-").replace("-", "_")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name)
    return name.lower().strip("_")


def _pattern(*names: str) -> re.Pattern[str]:
    return re.compile("|".join(names))


_MAIN = _pattern(
    r"(.*_)?(lr|learning_rate)(_init|_max|_start|_\w+)?|(base|peak|max|init|initial|embedding|matrix|scalar|unembedding)_lr|eta",
    r"(step_size|stepsize|rate|alpha|beta|gamma|lambda_?|lam|lmbda|reg|reg_\w+|l1|l2|l1_\w+|l2_\w+|lambda_l[12]|ridge|c)",
    r"(reg_)?(lambda|alpha)|regulari[sz]ation\w*|weight_decay|wd|penalty_weight|shrinkage|smoothing|noise_scale",
    r"(n_|num_)?(estimators|trees|layers?|blocks|components|clusters|neighbou?rs|leaves|factors|units|filters|heads?|hidden\w*)",
    r"n_(embd?|layers?|heads?|hidden)|(\w+_)?hidden_(size|dim|units|layers)|d_(model|ff|hidden)|dim_feedforward|(embed\w*|emb|model|hidden)_(dim|size|units)|hidden\w*",
    r"(aspect_ratio|expansion|mlp_ratio|ffn_mult|width|depth|model_width)|layers",
    r"(max_)?(depth|leaf_nodes|features)|min_samples(_\w+)?|min_child_\w+|num_boost_round|n_iter_no_change",
    r"(?!.*(eval|test|val))(\w+_)?batch(_?size|_rows|_len\w*)?|(?!.*(eval|test|val))minibatch\w*|bs|max_samples|lora_\w+|rank",
    r"dropout\w*|\w+_dropout|p_drop\w*|drop_(prob|rate|path)\w*|\w*drop_prob",
    r"(n_|num_|max_)?(train_|training_)?(epochs?|episodes|generations)|(n_|num_)?(passes|sweeps)|max_iters?|(n_|num_|max_)?(iter|iters|iterations)|maxiter",
    r"subsample|colsample\w*|(feature|bagging|col|row)_fraction",
    r"k|c\d?|c_puct|cpuct|ucb_c|exploration\w*|kp|ki|kd|temperature|temp|t0?|initial_temp\w*|init_temp\w*|cooling\w*",
    r"(pop|population|swarm)(_?size)?|popsize|n_particles|n_ants|mutation\w*|crossover\w*|elite\w*|tournament_size",
    r"threshold\w*|\w+_threshold|n_sigmas?|sigmas?|z_(score|threshold)|bandwidth|length_scale|kernel_width",
    r"(fast|slow|short|long|rolling|lookback|signal)?_?(window|span|lookback|halflife|half_life)(_\w+)?|window_(size|length)|wsize",
)
_USUAL = _pattern(
    r"momentum|nesterov|beta_?[12]|betas|rho|nu|q|tau|discount\w*|decay\w*|\w+_decay|forget\w*|epsilon|greedy_prob\w*|inertia|w",
    r"degree|(filter_|poly_?)?order|polyorder|n_?gram\w*|(min|max)_(df|features)|k1|b|top_p|lookahead|look_ahead|n_lags|lags?",
    r"\w*(weight|bonus|penalty|boost|coef\w*|factor|strength|gain|reward_scale|scale|power|exponent|decay|ratio|multiplier)s?(_?\d)?",
    r"(grad_|gradient_)?clip\w*|max_(grad_)?norm|label_smoothing|warm_?up\w*|warmdown\w*|min_lr|lr_min|final_lr\w*|negative_slope",
    r"(n_|num_)?(restarts|simulations|rollouts|proposals|candidates|beams?|samples_per_\w+)|beam_(width|size)|rollout\w*",
    r"sigma|radius|cohesion|alignment|separation|prominence|distance|height|cutoff\w*|wn|low_?cut|high_?cut|lowpass|highpass",
    r"(process|measurement|observation|exploration|action|parameter|param|gradient|injected)_noise\w*",
    r"recombination|differential_weight|init_scale|init_std|proposal\w*|burn_?in|thin|v_?max|max_speed|patience",
    r"(block|context|seq\w*)_(size|len\w*)|max_seq_len\w*|sequence_length|context\w*|refractory|interpol\w*|features|stride_len|chunk_(size|overlap|len\w*)|negatives|(n_|num_)?negative_samples|sub_?sampling|min_alpha",
    r"activation|kernel|optimizer|criterion|weights|filter|method_weight|bias|use_bias|fit_intercept|bootstrap|normali[sz]e|tie\w*|tied",
    r"(num|n|max)_(steps|updates)|steps|(step|gamma)_size|oob|com|eps_(start|end|decay)|l1_ratio|max_samples|min_split\w*|bins|(n|num)_(bins|quantiles|knots|splines|init\w*)|init_points",
)
_MINOR = _pattern(
    r"(gradient|grad)_accum\w*|accum\w*_steps|bagging_freq|max_delta_step|scale_pos_weight|n_knots|update_every|target_update\w*",
    r"ccp_alpha|min_impurity\w*|leaf_size|stddev|clip_value|buffer_size|replay_size",
)
_WORDS_OF_KNOBS = re.compile(
    r"(.*_)?(weight|bonus|penalty|threshold|coef\w*|factor|strength|gain|boost|decay|temperature|momentum|dropout|cooling|mutation"
    r"|smoothing|window|lookahead|exponent|power|radius|reg|lr|prob|probability|multiplier|ratio|sensitivity|aggressiveness)(_.*)?"
)

_NEVER = _pattern(
    # how it runs, and what it shows
    r"(.*_)?(verbos\w*|debug|silent|quiet|log\w*|print\w*|plot\w*|show\w*|disp\w*|progress|fig\w*|dpi|colou?rs?|title|tqdm|wandb|tensorboard)(_.*)?",
    r"(.*_)?(path|file\w*|dir|folder|url|host|port|device|cuda|gpus?|cpus?|dtype|backend|compile|amp|encoding|endpoint|model_name|name|tag)(_.*)?",
    r"(.*_)?(process\w*|cores|sleep|retries|download|pin)(_.*)?",
    r"(.*_)?(save|load|checkpoint\w*|ckpt|resume|export|output|version|schema|digits|decimals?|precision|indent|rounding|ndigits)(_.*)?",
    r"(.*_)?(interval|every|freq|frequency)|(.*_)?(eval|eval\w+|evaluation|dry|polish|axis|axes|enabled?|deterministic|benchmark)(_.*)?",
    # guards and limits
    r"eps|tol\w*|(.*_)?tolerance|[afgx]tol|rtol|atol|epsilon_guard|tiny|inf|big_?m|infinity|large|min_periods|early_stopping\w*|lr_decay_(iters|steps)",
    # data, its split, and how the result is measured
    r"(.*_)?(tests?|val|valid|validation|holdout|held|heldout|dev|split\w*|n?folds?|cv|seed\w*|random_state|shuffle|stratify)(_.*)?",
    r"(.*_)?(rng|turns|moves|samples|points|items|cities|instances|users|classes|class|labels|rows|cols|columns|trials|games|replic\w+|runs?|repeats?)",
    r"(n|num|number|max|total)_(of_)?(nodes|features|jobs|agents|boids|bodies|customers|vehicles|machines|arms|keys|requests|words|docs|peaks|anomalies|lifts|queries|channels|records|events|days|people|actions|states)",
    r"(.*_)?(vocab\w*|num_classes|in_features|out_features|in_channels|out_channels|input\w*|kernel_size|padding|stride|dilation|shape)(_.*)?",
    r"(train|training|data|dataset)_(size|share|fraction|frac|ratio|noise|len\w*)|(.*_)?noise(_?(sd|std|level|var\w*))?|frac|max_queries|top_?k",
    r"\w*episode_(steps|len\w*)|(?!(seq\w*|context|max_seq\w*|window|filter|kernel|block|chunk|prompt|memory|history)_)\w+_length",
    r"n|d|m|dim|ndim|dims?|dimensions?|index|idx|i|j|genome_length|n_?dims?|domain\w*|target_(?!update)\w+|(.*_)?sample|\w*tol",
    # the problem, and nature
    r"(.*_)?(cost|price|fee|fees|demand|budget|capacity|floors|grid|board|box|rounds|duration|seconds|minutes|hours|days|horizon|years)(_.*)?",
    r"(.*_)?(mass|gravity|drag|friction|density|viscosity|force|torque|voltage|planck|boltzmann|speed_of_\w+|lead|setpoint|heart|season)(_.*)?",
    r"(.*_)?(true|truth|ground|target_value|goal|best_known|optimum|win|reference|ref|expected|arrival|time|tax|inflation)(_.*)?|g|dt|fs|sr|rate_hz|hz",
    r"(sample|sampling|frame)_?(rate|freq\w*|hz)|nyquist|t_?max|sim_\w+|year|month|day|hour|minute|second|pi|tax\w*|bounds?|rows|cols",
    r"(img|image)_\w+|\w+_(img|image)|world_size|cell_size|(n_)?top_words|(.*_)?(per_violation|grid_w|grid_h|board_size|image_size|img_size|resolution|crop\w*|pad_\w+)|periods?|seasonal_periods",
)  # fmt: skip

_MODELLED_NOISE = re.compile(
    r"(process|measurement|observation|exploration|action|parameter|param|gradient|injected)_noise\w*"
)
"""Noise that a method assumes or adds, unlike the noise of data."""

_VAGUE = re.compile(r"size|length|count|limit|offset|start|end|stop|step")
"""Names that are knobs only where they stand as constants in capitals."""

_RUNNING = re.compile(
    r"(.*_)?(workers?|n_?jobs|threads?|n_?thread|timeout|cache|buffer|page|prefetch|pool|backlog|keep_alive|connections)(_.*)?"
)
"""Names of what makes a program fast and changes nothing else."""

_DURATIONS = re.compile(
    r"(.*_)?(m?s|ms|us|sec|secs|seconds?|time|latency|duration|elapsed|runtime|wall\w*|throughput|rps|qps|ops|fps|speed\w*|per_(s|sec|second)|p\d\d|memory|mb|gb|kb|rss)(_.*)?"
)


def never_measured(name: str, metric: str) -> bool:
    """Whether a name only says how fast or with how much memory a program runs, and the metric is neither time nor memory."""
    return bool(_RUNNING.fullmatch(plain(name))) and not measures_running(metric)


def measures_running(metric: str) -> bool:
    """Whether a metric is a time, a rate or an amount of memory."""
    return bool(_DURATIONS.fullmatch(plain(metric)))


def is_vague(name: str) -> bool:
    """Whether a name, such as ``size``, says nothing of what it counts."""
    return bool(_VAGUE.fullmatch(plain(name)))


_WEIGHING = re.compile(
    r"(?!(true|tests?|val|valid|eval|log|print|plot|reference|best|known|train|data|max|min)_)"
    r"\w+_(weight|bonus|penalty|boost|threshold|coef|strength|exponent|multiplier|factor|gain)s?"
)
"""Names that say what weighs how much, whatever it is that is weighed."""

_SECTIONS = re.compile(
    r"(.*_)?(demand|traffic|customers?|workload|arrivals?|scenario|data|dataset|report|reporting|logging|logger|log|paths?|io|system|plant|building|world|env|environment|physics|problem"
    r"|instance|market|test|tests|eval|evaluation|validation|simulation_env|track|arena|patient|display|plot|meta|info|hardware)(_.*)?"
)
_CONFIG = re.compile(
    r"(.*_)?(config\w*|cfg|conf|hp|hps|hparams?|hyper\w*|params?|parameters|settings|options|opts?|args|kwargs|defaults|knobs|weights|gains|coeffs?|coefficients|bonus\w*|penalt\w+)(_.*)?"
)


def seed_like(name: str) -> bool:
    """Whether a name looks like that of a seed: ``SEED``, ``torch_seed``, ``seed_offset``, ``random_state`` ..."""
    return _SEED.fullmatch(name) is not None


_SEED = re.compile(r"(?i).*seeds?|(.*_)?seeds?(_|\d).*|(.*_)?random_?state(_?\d+)?")


@lru_cache(maxsize=4096)
def importance(name: str) -> int:
    """Return how much a constant of this name usually matters: `MAIN`, `USUAL` or `MINOR`; 0 for a name that says nothing."""
    name = plain(name)
    for pattern, value in ((_MAIN, MAIN), (_MINOR, MINOR), (_USUAL, USUAL)):
        if pattern.fullmatch(name):
            return value
    return USUAL if _WORDS_OF_KNOBS.fullmatch(name) else 0


@lru_cache(maxsize=4096)
def never_tuned(name: str) -> bool:
    """Whether a name says that its value is no knob: data, a seed, how a result is measured or shown, a law of nature."""
    name = plain(name)
    if seed_like(name):
        return True
    if any(each.fullmatch(name) for each in (_MAIN, _MINOR, _WEIGHING, _MODELLED_NOISE)):
        return False
    return bool(_NEVER.fullmatch(name))


def is_section(name: str) -> bool:
    """Whether a class or a part of a configuration holds no knobs, such as ``Building``, ``data`` or ``logging``."""
    return bool(_SECTIONS.fullmatch(plain(name)))


def is_config(name: str) -> bool:
    """Whether a class or dict of this name holds settings."""
    return bool(_CONFIG.fullmatch(plain(name)))


_DATA_CALLS = re.compile(
    r"(make|load|fetch|read|gen|generate|create|build|sample|simulate|draw|synth\w*|fake|prepare|get|parse|to|write|save|dump|plot|draw|show"
    r"|print|log|assert|test|check|evaluate|eval|validate|score|measure|benchmark|set|init|render)_?(data\w*|instances?|samples?|points|problem\w*"
    r"|csv|json|excel|parquet|sql|pickle|iris|digits|wine|batch|trace|signal|image|text|openml|california_housing|diabetes|moons|blobs|circles"
    r"|classification|regression|friedman\d|s_curve|swiss_roll|sparse_\w+|low_rank_\w+|cities|graph|board|equal|almost_equal|allclose|files?|index|seed|"
    r"option|printoptions|num_threads|style|theme|state|title|xlabel|ylabel|xlim|ylim)"
)
_OTHER_CALLS = re.compile(
    r"train_test_split|\w*(KFold|ShuffleSplit|TimeSeriesSplit)|cross_val\w*|cross_validate|learning_curve|validation_curve|permutation_importance"
    r"|print|pprint|round|open|range|arange|linspace|logspace|geomspace|zeros|ones|full|eye|empty|tril|triu|meshgrid|hstack|vstack"
    r"|rand|randn|randint|integers|random|uniform|normal|standard_normal|poisson|exponential|binomial|choices?|sample|shuffle|permutation|gauss|randrange"
    r"|default_rng|RandomState|Random|Generator|seed|manual_seed|figure|subplots?|plot|scatter|hist|bar|legend|savefig|annotate|imshow|axhline|axvline"
    r"|dumps?|sleep|Pool|\w*Thread\w*|\w*Process\w*|connect|execute\w*|deque|Queue|lru_cache|\w+_score|\w+_error|accuracy|roc_\w+|classification_report"
    r"|isclose|allclose|approx|head|tail|describe|date_range|period_range|timedelta|Timedelta|Series|DataFrame|reshape|repeat|tile|pad|expand_dims"
    r"|Linear|LazyLinear|Conv\w*|Embedding|\w*Pool\w*|Input|Flatten|Normalize|BatchNorm\w*|LayerNorm|RMSNorm|normal_|uniform_|trunc_normal_|constant_|xavier\w*|kaiming\w*"
    r"|split|rsplit|join|get|setdefault|pop|format|zip|enumerate|sum|mean|std|var|argmax|argmin|argsort|max|min|transpose|view|permute|squeeze|unsqueeze"
    r"|evaluate|predict|isin|between|nlargest|nsmallest|shift|diff|pct_change|fillna|replace|astype|log_evaluation|early_stopping|quantile|percentile"
    r"|\w*Image|HTML|Markdown|display|\w*SearchCV|Dataset|DMatrix|ArgumentParser|Field|bincount|histogram|interp|trapz|cat|stack|chunk|full_like|timeit|Timer|urlopen|get_logger|basicConfig"
)  # fmt: skip


def is_data_call(callee: str) -> bool:
    """Whether a function's arguments are no knobs: it makes data, splits it, measures, prints, plots, draws at random or shapes arrays."""
    return bool(_OTHER_CALLS.fullmatch(callee) or _DATA_CALLS.fullmatch(callee.lower()))


_SPLITS_OR_SCORES = re.compile(
    r"train_test_split|\w*(KFold|ShuffleSplit|TimeSeriesSplit)|cross_val\w*|\w+_score|\w+_error|isclose|allclose|approx"
)


def makes_or_measures(callee: str) -> bool:
    """Whether a function makes data, splits it or measures, so that a name that only goes there is no knob."""
    return bool(_SPLITS_OR_SCORES.fullmatch(callee) or _DATA_CALLS.fullmatch(callee.lower()))


_MEASURING = re.compile(
    r"((compute|calc|calculate|get)_(\w+_)?(scores?|loss(es)?|r?mse|mae|acc\w*|errors?|metrics?|auc|f1|regret|stats|statistics)(_\w+)?|is_\w+|evaluat\w*|eval|eval_\w+|\w+_eval|test|test_\w+|validat\w*|metrics?|\w+_metric|benchmark\w*|measure\w*|verify\w*|check\w*|judge\w*"
    r"|plot\w*|show\w*|draw\w*|render\w*|print\w*|report\w*|log|log_\w+|save\w*|export\w*|tournament|match|play_(match|game)s?|accuracy|mape|rmse|mse|mae"
    r"|silhouette\w*|ess|f1|f1_\w+|auc|log_loss|sharpe\w*|estimate_loss|grade\w*|compare\w*|summari[sz]e\w*|describe\w*|bench|time_\w+)"
)
_MAKING = re.compile(
    r"(make|load|fetch|read|gen|generate|create|synth\w*|fake|prepare|download|simulate|sample|random|get|build)_?(\w*_)?(data\w*|instances?|samples?|points|problems?"
    r"|trace|signal|dataset\w*|series|cities|graph|board|task|jobs|items|input\w*|noise|market|prices?|batch(es)?|world|env\w*|text|docs|corpus|x|xy)|\w+_(points|data|dataset|instances?|samples?|readings|audio|trace|corpus|signal|image|problems?)|load|corpus|phantom|synth\w*|spectrum|trace|cities|world|instances?|download|dataset|toy\w*|connect"
)
_OBJECTIVE = re.compile(
    r"(objective\w*|fitness\w*|\w*_objective|\w*_fitness|cost|cost_fn|energy|hamiltonian|potential|rosenbrock|rastrigin|ackley|sphere|himmelblau|griewank|schwefel|levy|beale|booth|branin"
    r"|target_function|true_\w+|ground_truth|loglik\w*|log_?likelihood|log_(posterior|prior|prob)|physics|dynamics|plant|env_step|step|reward|reward_fn|distance|length)"
)
_BOARDS = ("board", "state", "position", "pos", "game", "node", "grid", "me", "player", "hand", "tour", "pieces")
_HEURISTIC = re.compile(
    r"(.*_)?(scor(e|er|ing)|priority|prioriti[sz]e|heuristics?|rank(ing)?|policy|choose|select\w*|utility|decide|move|act|strategy|bid|control(ler)?"
    r"|dispatch\w*|route|pick|estimate|value|weigh|prefer\w*|evaluat\w*|rule|detect\w*|filter|smooth|predict|desirability|attractiveness)(_.*)?"
)


def is_measuring(function: str, parameters: tuple[str, ...] = ()) -> bool:
    """Whether a function measures or shows a result, so that nothing in it is a knob; the evaluation of a game's position does not."""
    name = plain(function)
    if re.fullmatch(r"evaluat\w*|eval", name) and any(plain(each) in _BOARDS for each in parameters):
        return False
    return bool(_MEASURING.fullmatch(name))


def is_making_data(function: str) -> bool:
    """Whether a function makes, loads or describes data."""
    return bool(_MAKING.fullmatch(plain(function)))


def is_objective(function: str) -> bool:
    """Whether a function is the problem itself: an objective, a law of motion."""
    return bool(_OBJECTIVE.fullmatch(plain(function)))


def is_heuristic(function: str) -> bool:
    """Whether a function weighs something up, so that numbers in its expressions are knobs."""
    return bool(_HEURISTIC.fullmatch(plain(function)))
