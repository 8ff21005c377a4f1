"""Blocks of the generalised skill, in the layouts that its documentation shows, and prose that must stay prose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.config.converters import UNLIMITED
from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.config.program import parse_program
from autoresearch_magic.config.program_blocks import read_blocks
from autoresearch_magic.config.program_keys import NOT_IN_PROGRAMS, evals_interval
from autoresearch_magic.config.settings import FIELDS, KEYS
from autoresearch_magic.errors import UserError

COVERAGE = """/autoresearch
Iterations: 20
Goal: Increase test coverage from 72% to 90%
Scope: src/**/*.test.ts, src/**/*.ts
Metric: coverage % (higher is better)
Verify: npm test -- --coverage | grep "All files"
"""

BLOCKS = {
    "coverage": (
        COVERAGE,
        {
            "experiments": 20, "scope": ("src/**/*.test.ts", "src/**/*.ts"), "metric": "coverage % (higher is better)",
            "minimize": False, "verify": 'npm test -- --coverage | grep "All files"', "guard": "",
        },
    ),
    "bundle size with a guard": (
        """/autoresearch
Iterations: 15
Goal: Get the production bundle below 200KB
Scope: src/**/*.tsx, src/**/*.ts
Metric: bundle size in KB (lower is better)
Verify: npm run build 2>&1 | grep "First Load JS"
Guard: npm test
""",
        {
            "experiments": 15, "scope": ("src/**/*.tsx", "src/**/*.ts"), "metric": "bundle size in KB (lower is better)",
            "minimize": True, "verify": 'npm run build 2>&1 | grep "First Load JS"', "guard": "npm test",
        },
    ),
    "colons and backslashes in a command": (
        """/autoresearch
Goal: No `any` in TypeScript
Scope: src/**/*.ts
Metric: count of `any` occurrences (lower is better)
Verify: grep -r ":\\s*any" src/ --include="*.ts" | wc -l
Guard: tsc --noEmit
""",
        {
            "verify": 'grep -r ":\\s*any" src/ --include="*.ts" | wc -l', "guard": "tsc --noEmit",
            "metric": "count of `any` occurrences (lower is better)", "experiments": 24,
        },
    ),
    "braces in a loop of the shell": (
        """/autoresearch
Iterations: 10
Goal: No flaky tests: all pass 5 times in a row
Scope: src/**/*.test.ts
Metric: failures in 5 runs (lower is better)
Verify: for i in {1..5}; do npm test 2>&1; done | grep -c "FAIL"
""",
        {"verify": 'for i in {1..5}; do npm test 2>&1; done | grep -c "FAIL"', "scope": ("src/**/*.test.ts",)},
    ),
    "quotes within quotes": (
        """/autoresearch
Iterations: 20
Goal: Lighthouse score 95+
Scope: src/components/**/*.tsx, src/app/**/*.tsx
Metric: Lighthouse performance score (higher is better)
Verify: npx lighthouse http://localhost:3000 --output=json --quiet | jq '.categories.performance.score * 100'
Guard: npx playwright test
""",
        {
            "verify": "npx lighthouse http://localhost:3000 --output=json --quiet | jq '.categories.performance.score * 100'",
            "guard": "npx playwright test", "minimize": False,
        },
    ),
    "an # inside a command": (
        """/autoresearch
Goal: Replace hardcoded colors by tokens
Scope: src/**/*.tsx, src/**/*.css
Metric: hardcoded values (lower is better)
Verify: grep -rE "#[0-9a-fA-F]{3,6}|px\\b" src/ --include="*.tsx" --include="*.css" # hex | wc -l
""",
        {"verify": 'grep -rE "#[0-9a-fA-F]{3,6}|px\\b" src/ --include="*.tsx" --include="*.css" # hex | wc -l'},
    ),
    "without an end": (
        """/autoresearch
Iterations: unlimited
Goal: Reduce the validation loss
Scope: train.py, model.py
Metric: val_bpb (lower is better)
Verify: uv run train.py --epochs 1 2>&1 | grep "val_bpb" | tail -1 | awk '{print $NF}'
""",
        {
            "experiments": UNLIMITED, "scope": ("train.py", "model.py"),
            "verify": "uv run train.py --epochs 1 2>&1 | grep \"val_bpb\" | tail -1 | awk '{print $NF}'",
        },
    ),
    "flags as lines": (
        """/autoresearch
Iterations: 25
Goal: Bring the lint errors to zero
Scope: src/**/*.ts
Metric: lint errors (lower is better)
Verify: npx eslint src/ 2>&1 | grep -c "error"
--evals
--evals-interval 5
""",
        {"experiments": 25, "evals_interval": 5},
    ),
    "evals alone": (
        "/autoresearch\nIterations: 25\nScope: src/**\nMetric: m (lower is better)\nVerify: make size\n--evals\n",
        {"evals_interval": 8},
    ),
    "comments behind values, no metric": (
        """/autoresearch
Iterations: 25        # the default, until evals say otherwise
Goal: Reduce p95 latency below 50ms  # stops there
Scope: src/**  # all of it
Verify: npm run bench:api | grep "p95"
--evals-interval 5
""",
        {
            "experiments": 25, "metric": "", "minimize": True, "verify": 'npm run bench:api | grep "p95"', "scope": ("src/**",),
            "evals_interval": 5,
        },
    ),
    "noise": (
        """/autoresearch
Goal: Bring the response time under 100ms
Scope: app/**/*.py
Verify: wrk -t2 -c10 -d10s http://localhost:3000/api 2>&1 | grep 'Avg Lat' | awk '{print $2}'
Noise: high          # several runs
Min-Delta: 5.0       # below 5 ms it is not worth it
Noise-Runs: 7        # instead of what high means
""",
        {"noise": "high", "repeats": 7, "min_delta": 5.0, "minimize": True},
    ),
    "an accuracy whose goal says the direction": (
        """/autoresearch
Goal: Improve classification accuracy from 85% to 95%
Scope: model.py, config.yaml, data/augmentation.py
Verify: python train.py --eval-only 2>&1 | grep 'val_accuracy' | awk '{print $NF}'
Guard: python -m pytest tests/test_model.py -q
Noise: high
Min-Delta: 0.5
Iterations: 25
""",
        {"minimize": False, "noise": "high", "repeats": 5, "min_delta": 0.5, "guard": "python -m pytest tests/test_model.py -q"},
    ),
    "plateau": (
        """/autoresearch
Goal: Reduce the bundle
Scope: src/**/*.ts
Verify: npx esbuild src/index.ts --bundle --minify | wc -c
Plateau-Patience: 20    # look after 20 without a gain
""",
        {"patience": 20, "verify": "npx esbuild src/index.ts --bundle --minify | wc -c"},
    ),
    "no plateau": ("/autoresearch\nScope: a.py\nVerify: make\nPlateau-Patience: off\n", {"patience": None}),
    "a guard with a number": (
        """/autoresearch
Goal: Increase test coverage to 95%
Scope: src/**/*.ts
Verify: npx jest --coverage 2>&1 | grep 'All files' | awk '{print $4}'
Guard: npx esbuild src/index.ts --bundle --minify | wc -c
Guard-Direction: lower is better
Guard-Threshold: 5%
""",
        {
            "guard": "npx esbuild src/index.ts --bundle --minify | wc -c", "guard_metric": "guard (lower is better)",
            "guard_threshold": 5.0, "minimize": False,
        },
    ),
    "a wizard's config, with its direction as a word": (
        """/autoresearch
Goal: Pass more validations
Scope: scripts/validators/*.py
Metric: pass rate
Direction: higher_is_better
Verify: python scripts/run_validations.py | grep "pass_rate"
Guard: npm run build
Iterations: 20
""",
        {"minimize": False, "metric": "pass rate"},
    ),
    "a config indented under a heading": (
        """=== Autoresearch Config ===

  /autoresearch
  Goal: Reduce bundle size below 200KB
  Scope: src/**/*.tsx, src/**/*.ts
  Metric: bundle size in KB (lower is better)
  Verify: npm run build 2>&1 | grep "First Load JS" | awk '{print $4}'
  Guard: npm test
""",
        {"verify": "npm run build 2>&1 | grep \"First Load JS\" | awk '{print $4}'", "guard": "npm test"},
    ),
    "a prompt in YAML, the command at the margin": (
        """/autoresearch
          Iterations: 40
          Goal: Increase test coverage to 90%
          Scope: src/**/*.ts
          Verify: npm test -- --coverage | grep 'All files'
          Guard: npm run build
          --evals-interval 10
          --evals
""",
        {"experiments": 40, "evals_interval": 10, "guard": "npm run build", "minimize": False},
    ),
    "in a fence, for codex": (
        """Some words before.

```
$autoresearch
Iterations: 20
Goal: Reduce bundle size below 200KB
Scope: src/**/*.ts
Metric: bundle size in KB (lower is better)
Verify: npm run build 2>&1 | grep "First Load JS"
Guard: npm test
```

Be careful.
""",
        {"experiments": 20, "guard": "npm test", "scope": ("src/**/*.ts",)},
    ),
    "the older loop": (
        """/loop 20 /autoresearch
Goal: Fewer lines of code, all tests green
Scope: src/services/**
Metric: LOC count (lower is better)
Verify: npm test && find src/services -name "*.ts" | xargs wc -l | tail -1
""",
        {"experiments": 20, "verify": 'npm test && find src/services -name "*.ts" | xargs wc -l | tail -1'},
    ),
    "keys in the command's line": (
        "/autoresearch Iterations: 10 Goal: Improve the coverage Scope: app/**/*.py Metric: cov (higher is better) "
        "Verify: pytest --cov=app | grep 'Total: ' --evals-interval 3",
        {
            "experiments": 10, "scope": ("app/**/*.py",), "minimize": False,
            "verify": "pytest --cov=app | grep 'Total: ' --evals-interval 3", "evals_interval": None,
        },
    ),
    "flags in the command's line": (
        "/autoresearch --iterations 10 --goal 'Keep coverage above 85%' --scope 'src/**' "
        "--verify 'npm test -- --coverage | grep All files' --maximize",
        {
            "experiments": 10, "verify": "npm test -- --coverage | grep All files", "minimize": False, "scope": ("src/**",),
        },
    ),
    "flags behind a key": (
        "/autoresearch Iterations: 25 --evals-interval 5\nScope: src/** --seed 3\nVerify: make size --seed 4\n",
        {"experiments": 25, "evals_interval": 5, "seed": 3, "verify": "make size --seed 4"},
    ),
    "values over several lines": (
        """Goal: Make it smaller,
  much smaller
Scope:
  - src/**/*.{ts,tsx}
  - '!src/gen/**'
Metric: size in KB
  (lower is better)
Verify: npm run build \\
  | grep "First Load JS" \\
  | awk '{print $4}'
Guard:
  npm run lint
  npm test -- \\
    --ci
    && echo ok
Iterations: 5
""",
        {
            "scope": ("src/**/*.ts", "src/**/*.tsx", "!src/gen/**"), "metric": "size in KB (lower is better)", "minimize": True,
            "verify": "npm run build | grep \"First Load JS\" | awk '{print $4}'",
            "guard": "npm run lint\nnpm test -- --ci && echo ok", "experiments": 5,
        },
    ),
    "bullets in bold": (
        """- **Goal:** more tests
- **Scope:** `tests/**/*.py`, `app/**/*.py`
- **Metric:** coverage % (higher is better)
- **Verify:** `pytest --cov=app 2>&1 | grep "TOTAL" | awk '{print $4}'`
- **Target**: 90%
""",
        {
            "scope": ("tests/**/*.py", "app/**/*.py"), "until": 90.0,
            "verify": "pytest --cov=app 2>&1 | grep \"TOTAL\" | awk '{print $4}'",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_means_the_settings_it_says(name):
    text, expected = BLOCKS[name]
    program = parse_program(text)
    settings = make_settings(program.settings, aim=program.aim)
    assert {key: getattr(settings, key) for key in expected} == expected


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_between_prose_has_the_same_settings(name):
    text, _ = BLOCKS[name]
    around = f"# A heading\n\nRead this first: be brave.\n\n{text}\n\nRules: one change at a time.\n"
    assert parse_program(around).settings == parse_program(text).settings
    assert parse_program(around).title == "A heading"


def test_words_in_a_block_are_prose():
    program = parse_program(f"{COVERAGE}Focus on the modules that nobody tests.\nIf stuck, think again.\n--seed 4\n")
    assert program.settings == {**parse_program(COVERAGE).settings, "seed": "4"}
    assert program.title == "Increase test coverage from 72% to 90%"
    assert parse_program("/autoresearch\nSeed: 2\nMake it all so much better").title == "Make it all so much better"


def test_flags_in_an_agents_command_line_are_not_settings():
    assert read_blocks("Agent: command:claude -p --model x").settings == {"agent": "command:claude -p --model x"}


def test_goal_and_title():
    assert parse_program(COVERAGE).title == "Increase test coverage from 72% to 90%"
    assert parse_program("/autoresearch make the login quick --evals-interval 4").title == "make the login quick"
    assert parse_program("```\n# a comment, no heading\nMetric: loss\n```").settings == {"metric": "loss"}


@given(st.permutations(COVERAGE.splitlines()[1:]))
def test_keys_come_in_any_order(lines):
    assert read_blocks("\n".join(lines)).settings == read_blocks(COVERAGE).settings


@given(st.sampled_from(sorted(KEYS)), st.integers(2, 9), st.sampled_from([" ", "-", "_"]))
def test_keys_may_be_spelled_with_blanks_hyphens_or_underscores(key, number, gap):
    for spelled in (key.replace(" ", gap), key.replace(" ", gap).title(), key.replace(" ", gap).upper()):
        assert read_blocks(f"/autoresearch\n{spelled}: {number}").settings == {KEYS[key]: str(number)}


SWITCHES = {name for name, field in FIELDS.items() if isinstance(field.default, bool)}


@given(st.sampled_from(sorted(set(FIELDS) - {*NOT_IN_PROGRAMS, *SWITCHES})), st.integers(2, 9))
def test_every_option_is_a_flag_too(name, number):
    flag = f"--{name.replace('_', '-')}"
    for text in (f"{flag} {number}", f"{flag}={number}", f"/autoresearch {flag} {number}", f"Seed: 1 {flag} {number}"):
        if not (name == "seed" and "Seed" in text):
            assert read_blocks(text).settings[name] == str(number)


WRONG = {
    "two directions": ("Metric: x (lower is better)\nDirection: higher", "two directions"),
    "two directions, with a unit": ("Metric: x (ms; lower is better)\nDirection: higher", "two directions"),
    "two scopes": (f"{COVERAGE}Scope: lib/**", "Scope: twice"),
    "two numbers": (f"{COVERAGE}Iterations: 25", "Iterations: twice, '20' and '25'"),
    "two names for one": (f"{COVERAGE}Experiments: 25", "Iterations: and Experiments:, which are the same"),
    "a loop of another length": (f"/loop 25 {COVERAGE}", "Iterations: twice, '25' and '20'"),
    "a loop of minutes": ("/loop 10m /autoresearch", "takes a number of experiments"),
    "a flag and a key": (f"{COVERAGE}--experiments 3", "the same, '20' and '3'"),
    "a typing error": (f"{COVERAGE}Itertions: 20", "'Itertions' is unknown: did you mean Iterations"),
    "an option's name for the direction": (f"{COVERAGE}Maximize: true", "write  Direction: higher is better"),
    "a typing error first": ("Goall: x\nScope: a\nVerify: b", "did you mean Goal"),
    "an indented typing error": ("Goal: x\n  Gaurd: y\nScope: a\nVerify: b", "did you mean Guard"),
    "an unknown key": (f"{COVERAGE}Colour: red", "'Colour' is unknown: the keys are"),
    "a key of other commands": (f"{COVERAGE}Depth: deep", "'Depth' is not used here: take it out"),
    "a flag of other commands": (f"{COVERAGE}--chain fix,ship", "'Chain' is not used here"),
    "an unknown flag": (
        f"{COVERAGE}--evals-intervall 5",
        "flag 'Evals-Intervall' is unknown: did you mean Evals-Interval",
    ),
    "a flag without its value": (f"{COVERAGE}--evals-interval", "--evals-interval has no value"),
    "a flag before a flag": ("/autoresearch --seed --evals", "--seed has no value"),
    "open quotes": ("/autoresearch --goal 'x", "check their quotes"),
    "no value": (f"{COVERAGE}Guard:", "'Guard' has no value"),
    "only a flag for a value": (f"{COVERAGE}Seed: --evals", "'Seed' has no value"),
    "another command": (
        "/autoresearch:fix\nIterations: 20",
        "not '/autoresearch:fix': fix is a command .* the template fix makes failing checks pass",
    ),
    "another command of codex": ("$autoresearch debug --fix", r"not '\$autoresearch debug': debug is a command"),
    "two words in a block": (f"{COVERAGE}Careful now", "'Careful now' is neither"),
    "a colon forgotten": (f"{COVERAGE}Guard npm run test", "'Guard npm run test' is neither"),
    "a colon glued": (f"{COVERAGE}Guard:npm run test", "'Guard:npm run test' is neither"),
    "a habit that is not changed here": (f"{COVERAGE}Git-Memory: enabled", "'Git-Memory' is not used here"),
    "prose below keys": (f"{COVERAGE.split(chr(10), 1)[1]}Mind the tests.", "leave an empty line"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_one_line_errors(name):
    text, message = WRONG[name]
    with pytest.raises(UserError, match=message) as caught:
        parse_program(text)
    assert "\n" not in str(caught.value)


ORIGINAL = """# nightly

Have the model find out for itself what works.

## Before you begin

Agree on these with the person:

1. **A tag**: today's date, such as `may7`. No branch of that name may exist.
2. **What to read**: all of these.
   - `prepare.py`: data and evaluation. Leave it alone.
   - `train.py`: the file you change.

**What you may do:**
- Change `train.py`: model, optimizer, sizes.

**What you may not do:**
- Change `prepare.py`.

**The goal is plain: the lowest val_bpb.** Time is fixed, so do not think about it.

**Memory** is a soft limit. **Simplicity**: less code for the same value is a win.

**Budget**: Each run trains for 5 minutes of wall clock (start and compilation not counted).

Once a run ends it prints:

```
---
val_bpb:          0.997900
training_seconds: 300.1
seed: 42
```

Read the number with:

```
grep "^val_bpb:" run.log
```

FOREVER:

1. Change the code.
2. Keep it when val_bpb is lower.

**Timeout**: A run should take 5 minutes (and a little). If it takes more than 10, kill it and count it as a failure (discard).

**Crashes**: Mend what is silly, and skip what is broken.

Target: beat what we had last week, by any honest means.
Noise: there is some.

Scope: stay with the optimizer, please.
"""


def test_the_original_autoresearch_program_is_prose():
    program = parse_program(ORIGINAL)
    assert program.settings == {}
    assert program.title == "nightly"


@pytest.mark.parametrize(
    "prose",
    [
        "Rules: be brave.\nBudget: spend it well.",
        "Budget: spend it well.",
        "Note this: the metric: is not a key.",
        "Metric: we look at the loss on data that was held out.",
        "--verbose output is not wanted here",
        "Use it so:\n\n```\n--seed 3\nMetric: loss\n```",
        "Goal:\n\nsomething",
        "Metric:",
    ],
)
def test_prose_with_colons_stays_prose(prose):
    assert parse_program(f"# T\n\n{prose}").settings == {}


@given(st.text(alphabet="abG: \n-*#`/.,", max_size=60))
def test_any_text_is_read_or_a_one_line_error(text):
    try:
        said = repr(read_blocks(text).settings)
    except UserError as error:
        said = str(error)
    assert "\n" not in said


def test_a_given_direction_overrides_that_of_the_goal():
    text = "/autoresearch\nGoal: Reduce the errors\nScope: a\nVerify: b\nDirection: higher"
    program = parse_program(text)
    assert not make_settings(program.settings, aim=program.aim).minimize


@pytest.mark.parametrize(
    ("experiments", "interval"), [("25", 8), (24, 8), ("2", 1), ("unlimited", 10), (UNLIMITED, 10)]
)
def test_evals_are_reported_three_times_a_study(experiments, interval):
    assert evals_interval(experiments) == interval
