"""Helpers that make small git repositories for tests, with the git program itself."""

import os
import subprocess
from pathlib import Path

from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.checkout import open_checkout

IDENTITY = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")


def run_git(folder, *words, given=None):
    """Run git as the user would; return its output."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *IDENTITY, *words], cwd=folder, env=env, capture_output=True, text=True, input=given, check=False
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}{done.stdout}"
    return done.stdout


def write(folder, files):
    """Write files given as paths to text or bytes; None deletes a file."""
    for path, content in files.items():
        place = Path(folder) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.unlink()
        elif isinstance(content, bytes):
            place.write_bytes(content)
        else:
            place.write_bytes(content.encode())


def commit(folder, files, message="more"):
    """Write files and commit them."""
    write(folder, files)
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "--quiet", "--allow-empty", "-m", message)


def repository(folder, files, *init):
    """Make a repository with one commit."""
    folder.mkdir(parents=True, exist_ok=True)
    run_git(folder, "init", "--quiet", "-b", "main", *init)
    for word in IDENTITY[1::2]:  # the user's own, whoever runs the tests
        run_git(folder, "config", *word.split("=", 1))
    commit(folder, files, "start")
    return folder


def opened(folder, scope=("src/**",), *commands):
    """Return the checkout of a folder and its target."""
    checkout, target, _ = open_checkout(folder, scope, commands)
    return checkout, target


def changed(target, **files):
    """Return a target with files changed: names with __ for / and _py for .py; None removes a file."""
    contents = split(target)
    for name, content in files.items():
        path = name.replace("__", "/").replace("_py", ".py")
        contents.pop(path, None)
        if content is not None:
            contents[path] = content
    return join(contents)


HOOKS = (
    "post-checkout", "pre-commit", "commit-msg", "post-commit", "post-merge", "reference-transaction", "post-index-change",
    "prepare-commit-msg", "pre-merge-commit",
)  # fmt: skip


def add_hooks(folder, log):
    """Give a repository hooks that write their names into a log file."""
    hooks = Path(folder) / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> '{log}'\n")
        (hooks / name).chmod(0o755)


def state(folder):
    """Return everything in a repository that a study must not touch, byte for byte."""
    folder = Path(folder)
    git_folder = folder / ".git"
    refs = run_git(folder, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return {
        "status": run_git(folder, "--no-optional-locks", "status", "--porcelain"),
        "stash": run_git(folder, "stash", "list"),
        "head": run_git(folder, "rev-parse", "HEAD"),
        "HEAD": (git_folder / "HEAD").read_bytes(),
        "index": (git_folder / "index").read_bytes(),
        "config": (git_folder / "config").read_bytes(),
        "refs": [ref for ref in refs if "/autoresearch/" not in ref],
        "files": {
            str(path.relative_to(folder)): (os.readlink(path).encode() if path.is_symlink() else path.read_bytes(),
                                            path.lstat().st_mtime_ns)
            for path in sorted(folder.rglob("*"))
            if path.relative_to(folder).parts[0] not in (".git", ".autoresearch") and not path.is_dir()
        },
    }  # fmt: skip
