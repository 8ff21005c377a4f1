"""What experiments may read and write by default: everything that programs need, and nothing that is the user's own.

Home, other temporary folders and the places of running services are closed; in them the folder of the notebook or the project, Python's
own folders, the caches of data and tools, and what the setup has opened are open again. What holds keys stays closed everywhere.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .places import Access, Tree
from .programs import path_folders, program_folders
from .wanted import Walls

try:
    import pwd
except ImportError:  # a system without fork, where nothing is confined
    pass

PRIVATE = (
    "/root",
    "/home",
    "/Users",
    "/tmp",
    "/var/tmp",
    "/run",
    "/var/run",
    "/private/tmp",
    "/private/var/tmp",
    "/private/var/folders",
)
"""Folders of users and of running programs, which hold files, sockets and keys of all kinds."""
CLOSED = (*PRIVATE, "/dev", "/var/log", "/var/spool", "/var/backups")
SECRETS = ("/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssl/private",
           "/etc/krb5.keytab", "/etc/wireguard", "/etc/kubernetes", "/etc/docker", "/etc/ppp", "/etc/openvpn",
           "/etc/NetworkManager/system-connections", "/etc/security/opasswd", "/var/lib/sss/secrets")  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/nvidia-caps", "/dev/dri",
               "/dev/kfd")  # fmt: skip
DATA_CACHES = (".cache/huggingface/hub", ".cache/huggingface/datasets", ".cache/huggingface/modules", ".cache/huggingface/xet",
               ".cache/torch", ".cache/autoresearch_magic", ".cache/matplotlib", ".cache/fontconfig", ".cache/kagglehub", ".cache/gensim",
               ".cache/sentence_transformers", ".cache/tiktoken", ".cache/numba", ".cache/lm-evaluation-harness", ".cache/openml",
               "scikit_learn_data", "nltk_data", "gensim-data", ".keras/datasets", ".keras/models", ".keras/keras.json",
               "seaborn-data", "tensorflow_datasets", ".fonts", ".local/share/fonts", ".EasyOCR", ".insightface", ".medmnist")  # fmt: skip
"""Downloads of libraries, in home. Not ``.cache/huggingface`` itself, which holds the token."""
TOOLS = (".local/bin", ".local/lib", ".local/pipx", ".local/share/uv", ".local/share/pnpm", ".local/share/pipx", ".local/share/mise",
         ".local/share/fnm", ".cache/uv", ".cache/pip", ".cache/yarn", ".cache/node", ".cache/pnpm", ".cache/go-build", ".cache/pre-commit",
         ".cache/pypoetry/virtualenvs", ".local/share/virtualenvs", ".cargo/bin", ".cargo/registry", ".cargo/git", ".cargo/env", ".cargo/config.toml",
         ".rustup", ".nvm", ".fnm", ".volta", ".asdf", ".mise", ".pyenv", ".rbenv", ".gem/ruby", ".sdkman", ".m2/repository",
         ".gradle/caches", ".gradle/wrapper", ".nuget/packages", ".dotnet", ".bun", ".deno", ".npm/_cacache", ".yarn", ".ghcup",
         ".stack", ".cabal/packages", ".opam", ".juliaup", ".julia", ".conan2/p", ".virtualenvs", ".conda/envs", ".conda/pkgs",
         "miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".local/share/mamba", "go/pkg", "go/bin", "sdk",
         "R", ".elan", ".deps", ".hex", ".mix")  # fmt: skip
"""Where languages and their tools keep programs and packages in home, without their tokens."""
KEYS = (".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".config", ".netrc", "_netrc", ".git-credentials", ".pypirc", ".npmrc",
        ".yarnrc.yml", ".cargo/credentials", ".cargo/credentials.toml", ".jupyter", ".ipython", ".local/share/jupyter/runtime",
        ".local/share/keyrings", ".password-store", ".mozilla", ".thunderbird", ".bash_history", ".zsh_history", ".python_history",
        ".node_repl_history", ".psql_history", ".mysql_history", ".sqlite_history", ".lesshst", ".viminfo", ".pgpass", ".my.cnf", ".boto",
        ".s3cfg", ".databrickscfg", ".snowflake", ".kaggle", ".huggingface", ".gem/credentials", ".m2/settings.xml",
        ".gradle/gradle.properties", ".claude", ".claude.json", ".codex", ".gemini", ".aider.conf.yml", ".terraform.d", ".vault-token",
        ".oci", ".bluemix", "Library/Keychains", "Library/Cookies")  # fmt: skip
"""What holds keys, tokens or what the user typed, in home; also where all of home is the notebook's folder."""
PROJECT_KEYS = (".env", ".envrc", ".netrc", ".pypirc", ".npmrc", ".git-credentials", ".git", ".autoresearch", "credentials.json",
                ".streamlit/secrets.toml", "secrets.toml", "service-account.json")  # fmt: skip
"""What is closed at the top of a project: its keys, its history and its studies."""
MOST_OPENED = 200
"""Files that the setup has opened, in closed places, that are allowed one by one; of more, their folders are."""


def home_folders() -> list[str]:
    """Return the user's home by the environment and by the system."""
    found = [str(Path.home())]
    with suppress(KeyError):
        found.append(pwd.getpwuid(os.getuid()).pw_dir)
    return [path for path in dict.fromkeys(found) if path.startswith("/") and path != "/"]


def private_folders() -> set[str]:
    """Return `PRIVATE`, with the user's home and temporary folder."""
    return {os.path.realpath(path) for path in (*PRIVATE, *home_folders(), tempfile.gettempdir())}


def python_folders() -> list[str]:
    """Return where this Python and the modules on its path are."""
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sys.path]
    found += [os.path.dirname(os.path.realpath(sys.executable)), str(Path(__file__).parents[2])]
    return [path for path in dict.fromkeys(found) if path.startswith("/")]


def cache_folders() -> list[str]:
    """Return the caches that the environment names."""
    named = [os.environ.get(name, "") for name in ("TORCH_HOME", "NLTK_DATA", "SCIKIT_LEARN_DATA", "KAGGLEHUB_CACHE", "TFDS_DATA_DIR",
             "UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR", "NVM_DIR", "VOLTA_HOME", "FNM_DIR", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR",
             "PNPM_HOME", "BUN_INSTALL", "RBENV_ROOT", "PYENV_ROOT", "RUSTUP_HOME", "GOROOT", "GOMODCACHE", "JAVA_HOME", "SDKMAN_DIR",
             "DOTNET_ROOT", "VIRTUAL_ENV", "CONDA_PREFIX", "GEM_HOME", "NODE_PATH")]  # fmt: skip
    if hub := os.environ.get("HF_HOME"):
        named += [f"{hub}/hub", f"{hub}/datasets", f"{hub}/modules"]
    if cargo := os.environ.get("CARGO_HOME"):
        named += [f"{cargo}/bin", f"{cargo}/registry", f"{cargo}/git"]
    return [path for path in named if path.startswith("/")]


def project_paths(folder: str, homes: Iterable[str]) -> list[str]:
    """Return what is open of a project's folder: all of it; of one that holds home, what in home has no leading dot."""
    real = os.path.realpath(folder)
    for home in map(os.path.realpath, homes):
        if home == real or home.startswith(real.rstrip("/") + "/"):
            with suppress(OSError):
                return (
                    [entry.path for entry in os.scandir(home) if not entry.name.startswith(".")] if home == real else []
                )
            return []
    return [] if real == "/" or real in CLOSED else [real]


def opened_paths(opened: Iterable[str]) -> list[str]:
    """Return what the setup has opened, or the folders of it where that is much."""
    paths = [path for path in dict.fromkeys(map(os.path.realpath, opened)) if path.startswith(CLOSED)]
    if len(paths) <= MOST_OPENED:
        return paths
    closed = {*CLOSED, *home_folders(), os.path.realpath(tempfile.gettempdir())}
    return [path for path in dict.fromkeys(map(os.path.dirname, paths)) if path not in closed]


def make_tree(walls: Walls, *, projects: Iterable[str] = (), opened: Iterable[str] = (), tools: bool = True) -> Tree:
    """Return what experiments may read and write; their own folders are not in it.

    Parameters
    ----------
    walls : Walls
    projects : iterable of str
        The folder of the notebook or of the repository, and what else the user's code is imported from.
    opened : iterable of str
        Files that the setup has opened.
    tools : bool
        Whether all tools in home are open, as for commands, or those on ``PATH``, as for cells.
    """
    homes, tree = home_folders(), Tree()
    tree.mark(
        [path for path in (*CLOSED, *SECRETS, *homes, tempfile.gettempdir(), *_host_keys()) if os.path.lexists(path)],
        Access.NONE,
    )
    read = [*python_folders(), *cache_folders(), *opened_paths(opened)]
    read += [f"{home}/{each}" for home in homes for each in DATA_CACHES]
    read += [path for path in (f"{home}/{each}" for home in homes for each in TOOLS) if tools or _on_path(path)]
    projects = list(projects)
    read += [path for folder in projects for path in project_paths(folder, homes)]
    broad = {"/", *CLOSED, *map(os.path.realpath, homes), os.path.realpath(tempfile.gettempdir())}
    read += [*program_folders(walls.programs, broad), *path_folders(broad)]
    tree.mark(
        [path for path in read if os.path.realpath(path) not in broad and os.path.lexists(path)],
        Access.READ,
        certain=True,
    )
    keys = [f"{home}/{each}" for home in homes for each in KEYS]
    keys += [f"{folder}/{each}" for folder in projects for each in PROJECT_KEYS]
    keys += [str(path) for folder in projects for path in _dot_env(folder)]
    tree.mark([path for path in (*keys, *walls.hidden) if os.path.lexists(path)], Access.NONE, certain=True)
    tree.mark([*DEVICES, *_gpu_devices()], Access.WRITE, certain=True)
    tree.mark(walls.read, Access.READ, certain=True)
    tree.mark(walls.write, Access.WRITE, certain=True)
    return tree


def _on_path(folder: str) -> bool:
    return any(f"{each}/".startswith(f"{folder}/") for each in os.environ.get("PATH", "").split(":"))


def closed_paths(walls: Walls, projects: Iterable[str]) -> frozenset[str]:
    """Return the real paths of what experiments may not read in the folders that they may read otherwise."""
    folders = list(projects)
    found = {*walls.hidden, *(f"{folder}/{each}" for folder in folders for each in PROJECT_KEYS)}
    found |= {str(path) for folder in folders for path in _dot_env(folder)}
    allowed = {os.path.realpath(path) for path in (*walls.read, *walls.write)}
    return frozenset(os.path.realpath(path) for path in found if os.path.lexists(path)) - allowed


def _gpu_devices() -> list[str]:
    return [*filter(os.path.exists, GPU_DEVICES), *(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))]


def _host_keys() -> list[str]:
    with suppress(OSError):
        return [str(path) for path in Path("/etc/ssh").glob("ssh_host_*_key")]
    return []


def _dot_env(folder: str) -> list[Path]:
    with suppress(OSError):
        return [
            path for path in Path(folder).glob(".env.*") if not path.name.endswith((".example", ".sample", ".template"))
        ]
    return []
