"""Summaries of real repositories."""

import json
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.agents.drafting.repository_summary import SUMMARY, hide, looks_secret, summarize, tracked_files
from autoresearch_magic.errors import UserError

from .repositories import FILES, commit

SECRET = "hunter2-very-secret-value"
CLOSED = (
    ".env", ".env.local", "sub/.env", "deploy.pem", "server.key", "my_key.txt", "deploykey.txt", "apiKey.json", "credentials",
    "credentials.json", "conf/db_password.yml", ".npmrc", ".aws/config", "id_rsa", "id_rsa.pub", "secrets/README.md",
    "secrets.py", "api_key.py", "keys/package.json", "client_secret.toml", "token.txt", "prod.env", "store.p12",
)  # fmt: skip
OPEN = (
    "src/tokenizer.py", "src/keyboard.py", "monkey.py", "tokenizer.json", "README.md", "environment.yml", "envs.py", "package.json",
    "docs/passes.md", "hotkeys.ts", "author.md",
)  # fmt: skip


def test_which_files_look_secret():
    assert [path for path in CLOSED if not looks_secret(path)] == []
    assert [path for path in OPEN if looks_secret(path)] == []


def test_secrets_are_in_no_summary(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPLOY_PASSWORD", f"{SECRET}-9")
    files = {
        **dict.fromkeys(CLOSED, SECRET),
        "Makefile": f"deploy:\n\tAPI_KEY={SECRET} curl -H 'Authorization: Bearer {SECRET}' https://me:{SECRET}@host.example/\n",
        "package.json": json.dumps({"scripts": {"publish": f"x --auth-token {SECRET}", "test": "jest"}}),
        "tox.ini": f"[testenv]\nsetenv =\n  aws_secret_access_key = {SECRET}\ncommands = pytest -q\n",
        "pyproject.toml": f"[tool.poe.tasks]\nrun = 'TOKEN={SECRET} go'\n",
        "README.md": f"Use\n-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"
        f"or ghp_0123456789012345678901234 or {SECRET}-9 and password: '{SECRET}'.\n",
    }
    said = summarize(commit(tmp_path, files))
    assert SECRET not in said
    assert "ghp_" not in said
    assert [name for name in CLOSED if re.search(rf"(^|[\s/]){re.escape(name.split('/')[-1])}($|[\s,])", said)] == [
        "secrets/README.md", "keys/package.json",
    ]  # fmt: skip  # whose open namesakes are listed
    assert "secrets/" not in said
    assert "keys/" not in said
    assert f"{len(files)} files are tracked ({len(CLOSED)} whose names look like secrets are not listed)" in said
    for word in (
        "deploy: API_KEY=[key removed]",
        "jest",
        "commands = pytest -q",
        "poe.tasks",
        "Use\n[key removed]\nor [key removed]",
    ):
        assert word in said


def test_links_and_untracked_files_are_not_read(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text(SECRET)
    repo = commit(tmp_path / "repo", {"a.py": "", "conf/.env": SECRET})
    (repo / "README.md").symlink_to("conf/.env")
    (repo / "Makefile").symlink_to(outside)
    commit(repo, {})
    (repo / "package.json").write_text(json.dumps({"name": SECRET}))
    said = summarize(repo)
    assert SECRET not in said
    assert "package.json" not in said


def test_the_summary_shows_how_the_code_is_tested(tmp_path):
    said = summarize(
        commit(
            tmp_path,
            {
                "src/a.py": "", "web/b.ts": "", "cmd/c.go": "",
                "pyproject.toml": "[project]\nname = 'toy'\n[tool.pytest.ini_options]\ntestpaths = ['t']\n[tool.ruff]\n",
                "web/package.json": json.dumps({"scripts": {"test": "vitest run", "lint": "eslint ."}}),
                "Makefile": "X := 1\n.PHONY: test\ntest: build ## run\n\t@pytest -q\n\techo done\nlint:\n\truff check\n",
                "tox.ini": "[tox]\nenvlist = py311\n[testenv]\ncommands = pytest\n[other]\nx = 1\n",
                "go.mod": "module example.com/toy\n\ngo 1.22\n\nrequire x v1\n",
                "Cargo.toml": "[package]\nname = 'toy'\n[[bench]]\nname = 'speed'\n",
                "setup.cfg": "[tool:pytest]\naddopts = -x\n", "noxfile.py": "", ".flake8": "",
                "README.md": "# Toy\n\nIt plays.\n",
            },
        )
    )  # fmt: skip
    for words in (
        "Python 2, Go 1, TypeScript 1", "web/ b.ts, package.json", 'project.name: "toy"', '"testpaths": ["t"]', "tools: pytest, ruff",
        '"test": "vitest run"', "test: @pytest -q", "echo done", "lint: ruff check", "[tox] envlist = py311",
        "[testenv] commands = pytest", "module example.com/toy\ngo 1.22", '"speed"', "[tool:pytest] addopts = -x",
        "Also there: .flake8, noxfile.py", "## README.md, beginning\n\n```text\n# Toy\n\nIt plays.",
    ):  # fmt: skip
        assert words in said, words
    assert "X:" not in said
    assert "[other]" not in said


def test_broken_configuration_is_skipped(tmp_path):
    broken = {
        "package.json": "{" * 9,
        "pyproject.toml": "a = = 1",
        "tox.ini": "no section",
        "Cargo.toml": "package = 3\n",
    }
    said = summarize(commit(tmp_path, {**broken, "setup.cfg": "", "README.md": ""}))
    assert said.count("(cannot be read)") == 3
    (tmp_path / "package.json").unlink()  # tracked, and gone
    assert "package.json:\n(cannot be read)" in summarize(tmp_path)
    (tmp_path / "package.json").write_text("[" * 150_000)
    assert "package.json:\n(cannot be read)" in summarize(tmp_path)


@pytest.mark.slow
def test_a_large_repository_is_summarized(tmp_path):
    files = {f"lib/part{n % 60}/deep{n % 7}/module_{n}.py": "" for n in range(3000)}
    top = {f"top-{n}.md": "" for n in range(400)}
    long = {"README.md": "word " * 5000, "Makefile": "".join(f"target{n}:\n\techo {'x' * 99}\n" for n in range(300))}
    said = summarize(commit(tmp_path, {**files, **top, **long}))
    assert SUMMARY / 2 < len(said) <= SUMMARY
    assert "3402 files are tracked" in said
    assert "lib/part7/ 50 files (.py 50)" in said
    assert "./ " in said
    for part in ("## Files", "## Configuration", "## README.md"):
        assert part in said


def test_small_folders_are_listed_whole_beside_large_ones(tmp_path):
    files = {f"data/sample_with_a_long_name_{n}.csv": "" for n in range(500)}
    said = summarize(commit(tmp_path, {**files, "src/core/a.py": "", "src/core/b.py": ""}))
    assert "data/ 500 files (.csv 500)" in said
    assert "src/core/ a.py, b.py" in said


@pytest.mark.parametrize("name", ["odd\nname.py", "bell\a.py"])
def test_unprintable_names_are_left_out(tmp_path, name):
    assert "odd" not in (said := summarize(commit(tmp_path, {name: "", "a.py": ""})))
    assert said.isascii()
    assert "\a" not in said


def test_no_repository_is_one_line(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path.name} is not a git repository: run git init"):
        tracked_files(tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(UserError, match="tracks no file"):
        summarize(tmp_path)


def test_no_git_is_one_line(repo, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(UserError, match="no git here"):
        tracked_files(repo)


def test_gits_environment_variables_are_ignored(repo, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert tracked_files(repo) == sorted(FILES)


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), min_size=8, max_size=40))
def test_values_of_key_names_are_hidden(value):
    for line in (f"API_KEY={value}", f'"clientSecret": "{value}"', f"password: {value}", f"x --access-token {value} y"):
        assert value not in hide(line).replace("clientSecret", "").replace("password", "").replace("access-token", "")
    assert hide(f"count = {value}x") == f"count = {value}x"


def test_plain_lines_stay_unchanged():
    for line in (
        "keywords = ['a', 'b']",
        "pytest -q tests",
        "token: $TOKEN",
        "https://example.org/a?b=c",
        "seconds: 2.5",
    ):
        assert hide(line) == line
