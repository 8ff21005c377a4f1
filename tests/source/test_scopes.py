"""The scope that is suggested where a program gives none."""

import pytest

from autoresearch_magic.source.scopes import suggest_scope

PYTHON = [
    "pyproject.toml",
    "README.md",
    "setup.py",
    "src/app/a.py",
    "src/app/b.py",
    "tests/test_a.py",
    "bench.py",
    "docs/conf.py",
]


@pytest.mark.parametrize(
    ("paths", "commands", "globs", "files"),
    [
        (PYTHON, ["python bench.py", "pytest -q"], ["src/**/*.py"], ["src/app/a.py", "src/app/b.py"]),
        (["a.py", "pkg/b.py", "run.py"], ["python run.py"], ["*.py", "pkg/**/*.py"], ["a.py", "pkg/b.py"]),
        (["web/a.ts", "web/b.tsx", "api/c.py"], ["npm test"], ["web/**/*.ts", "web/**/*.tsx"], ["web/a.ts", "web/b.tsx"]),
        (["web/a.ts", "web/b.ts", "api/c.py"], ["pytest"], ["api/**/*.py"], ["api/c.py"]),
        ([f"{x}/{x}.py" for x in "abcd"], ["make"], ["**/*.py"], [f"{x}/{x}.py" for x in "abcd"]),
        (["scripts/a.sh"], ["wc -c scripts/a.sh"], [], []),
        (["scripts/a.sh", "scripts/b.sh"], ["bash scripts/a.sh"], ["scripts/**/*.sh"], ["scripts/b.sh"]),
        (["README.md", "data.csv"], ["python -m x"], [], []),
        ([], [], [], []),
    ],
)  # fmt: skip
def test_sources_without_tests_and_what_measures(paths, commands, globs, files):
    assert suggest_scope(paths, commands) == (globs, files)
