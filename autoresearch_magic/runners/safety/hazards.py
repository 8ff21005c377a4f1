"""Programs whose calls may delete, publish, deploy or reach too far: `HAZARDS` maps each name to its rule.

A rule takes a `Call` and returns why it is refused, or an empty string. Pure functions without I/O. Programs that run others,
such as shells and ``xargs``, are in `policy`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

from ...text import shorten
from .shell_parser import UNKNOWN, Redirection, SimpleCommand

DOWNLOAD = "runs what it downloads"
DELETES = "deletes files"
_OUTSIDE = "writes outside of the repository"
_DEVICE = "writes to a device"
_DATA = "destroys data in a database"
_REMOTE = "reaches a database that is not on this machine"
_DEPLOYS = "changes infrastructure"
_PUBLISHES = "publishes"
_MACHINE = "changes the machine"


@dataclass(frozen=True)
class Call:
    """A program that would be run, and where."""

    words: tuple[str, ...]  # the program and its arguments
    command: SimpleCommand  # that runs it, possibly through others such as xargs
    before: tuple[SimpleCommand, ...]  # the commands before that one in its pipeline
    downloaded: frozenset[str]  # files that earlier commands have downloaded
    depth: int  # in how many commands it is nested

    @property
    def name(self) -> str:
        """The program's name without its folder."""
        return PurePosixPath(self.words[0]).name or self.words[0]  # "." has no name

    @property
    def arguments(self) -> tuple[str, ...]:
        """All words after the program."""
        return self.words[1:]

    @property
    def operands(self) -> list[str]:
        """The arguments that are not options."""
        return [a for a in self.arguments if not a.startswith("-")]

    def has(self, *options: str) -> bool:
        """Whether one of the options is given: ``-f`` also within ``-rf``, ``--force`` also as ``--force=...``."""
        return any(
            a == o
            or a.startswith(o + "=")
            or (len(o) == 2 and re.fullmatch(r"-[A-Za-z]+", a) is not None and o[1] in a)
            for a in self.arguments
            for o in options
        )

    def inner(self, words: Sequence[str]) -> Call:
        """Return the call of the program that this one starts."""
        return replace(self, words=tuple(words), depth=self.depth + 1)


def refuse(reason: str, call: Call) -> str:
    """Return a reason with the call after it, shortened."""
    return f"{reason} ({shorten(' '.join((call.name, *call.arguments)).replace(UNKNOWN, '…'))})"


def first_reason(reasons: Iterable[str]) -> str:
    """Return the first reason that is not empty, else an empty string."""
    return next(filter(None, reasons), "")


def piped_text(command: SimpleCommand) -> str:
    """Return the text that a command writes to its pipe, as far as it is known before it is run."""
    words = [word.text for word in command.words]
    if words and words[0] in ("echo", "printf"):
        return " ".join(w for w in words[1:] if not re.fullmatch("-[neE]+", w))
    return command.stdin_text


# -- files ------------------------------------------------------------------------------------------------------------

_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/private/tmp/", "/private/var/folders/", "/var/folders/")
_SYSTEM = re.compile(
    r"/(etc|usr|bin|sbin|lib\w*|boot|var|opt|root|sys|proc|home|Users|Library|System|Applications)(/|$)"
)
DISPOSABLE = re.compile(
    r"(build|dist|out|output|tmp|temp|target|site|htmlcov|coverage|__pycache__|\.coverage[\w.*-]*|\.\w+_cache|\.cache"
    r"|\.next|\.nuxt|\.turbo|\.parcel-cache|\.svelte-kit|\.vite|\.nyc_output|\.hypothesis|\.tox|\.nox|\.ipynb_checkpoints|[\w*.-]+\.(egg-info|pyc|pyo|o|so|log|prof|gcda|profraw)"
    r"|coverage\.(xml|json)|results?\.\w+|benchmark\.json|out\.\w+)"
)
"""Names of files and folders that tools make and that may be deleted: build outputs, caches, results."""


def _disposable(path: str) -> bool:
    if ".." in path or path.endswith(("/.", "/*")):
        return False
    if path.startswith(_TEMPORARY):
        return bool(path.split("/", 2)[2].strip("/*"))
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return not path.startswith(("/", "~")) and bool(parts) and DISPOSABLE.fullmatch(parts[-1]) is not None


def _one_file(path: str) -> bool:
    """Whether a path names exactly one file below the current folder, outside of ``.git``."""
    return (
        bool(path)
        and not path.startswith(("/", "~"))
        and ".git" not in path.split("/")
        and not re.search(rf"[*?\[{UNKNOWN}]|\{{\}}|\.\.", path)
    )


def _rm(call: Call) -> str:
    recursive = call.has("-r", "-R", "--recursive")
    paths = call.operands
    if not paths:  # xargs and find add the paths
        programs = {PurePosixPath(word.text).name for word in call.command.words}
        return refuse(DELETES, call) if programs & {"xargs", "find"} else ""
    allowed = all(_disposable(path) or (not recursive and _one_file(path)) for path in paths)
    return "" if allowed else refuse(DELETES, call)


def _always(reason: str) -> Callable[[Call], str]:
    return lambda call: "" if call.has("--help", "--version") else refuse(reason, call)


def _truncate(call: Call) -> str:
    sizes = {after for option, after in pairwise(call.arguments) if option in ("-s", "--size", "-r", "--reference")}
    paths = [path for path in call.operands if path not in sizes]
    return "" if paths and all(map(_disposable, paths)) else _always("empties a file")(call)


def _dd(call: Call) -> str:
    return next((path_hazard(a[3:]) for a in call.arguments if a.startswith("of=")), "")


def _tee(call: Call) -> str:
    return first_reason(path_hazard(path) for path in call.operands)


def _copy(call: Call) -> str:
    operands = call.operands
    if len(operands) < 2:
        return ""
    if call.name == "cp" and operands[0] == "/dev/null":
        return refuse("empties a file", call)
    if call.name == "mv" and operands[-1] == "/dev/null":
        return refuse(DELETES, call)
    return path_hazard(operands[-1])


def _rsync(call: Call) -> str:
    deletes = any(a.startswith(("--delete", "--remove-source")) for a in call.arguments)
    return refuse(DELETES, call) if deletes else ""


def path_hazard(path: str) -> str:
    """Return why a file must not be written; empty when it may."""
    if path.startswith("/dev/"):
        harmless = re.fullmatch(r"/dev/(null|stdout|stderr|tty|full|zero|fd/\d+|shm/.*)", path)
        return "" if harmless else f"{_DEVICE} ({path})"
    if ".git" in path.split("/"):
        return f"writes into git's own folder ({path})"
    if path.startswith(_TEMPORARY) and ".." not in path:
        return ""
    if _SYSTEM.match(path) or re.match(r"~[\w-]*/?\.\w", path):
        return f"{_OUTSIDE} ({path})"
    return ""


def redirection_hazard(redirection: Redirection, command: SimpleCommand) -> str:
    """Return why a command's output must not go where it is redirected; empty when it may."""
    path, operator = redirection.word.text, redirection.operator
    if operator not in (">", ">>", ">|", "&>", "&>>", "<>") or path.isdigit() or path == "-":
        return ""
    matters = UNKNOWN not in path and not path.startswith(("/dev/", *_TEMPORARY)) and not _disposable(path)
    if command.prints_nothing and matters and operator in (">", ">|", "&>"):
        return f"empties a file (> {path})"
    return path_hazard(path)


# -- git --------------------------------------------------------------------------------------------------------------

_GIT_OPTIONS_WITH_VALUES = {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"}
_CHECKOUT = "changes the checkout"
_HISTORY = "rewrites git's history"


def _git(call: Call) -> str:
    rest = list(call.arguments)
    while rest and rest[0].startswith("-"):
        if rest.pop(0) in _GIT_OPTIONS_WITH_VALUES and rest:
            rest.pop(0)
    if not rest:
        return ""
    subcommand = call.inner(rest)
    reason = "" if subcommand.has("--help") else _git_reason(subcommand)
    return refuse(reason, call) if reason else ""


def _git_reason(sub: Call) -> str:
    operand = sub.operands[0] if sub.operands else ""
    dry = sub.has("-n", "--dry-run")
    reasons: dict[str, str] = {
        "push": "" if dry else "pushes to a remote",
        "reset": _CHECKOUT if sub.has("--hard", "--merge", "--keep") else "",
        "clean": "" if dry or not sub.has("-f", "--force") else DELETES,
        "restore": "" if sub.has("--staged", "-S") and not sub.has("--worktree", "-W") else _CHECKOUT,
        "rm": "" if dry or sub.has("--cached") else DELETES,
        "branch": _HISTORY if sub.has("-D", "-d", "-M", "-m", "-f", "--delete", "--force", "--move") else "",
        "tag": _HISTORY if sub.has("-d", "-f", "--delete", "--force") else "",
        "stash": "" if operand in ("list", "show", "create") else _CHECKOUT,
        "commit": _HISTORY if sub.has("--amend", "--fixup", "--squash") else "",
        "gc": _HISTORY if any(a.startswith("--prune") for a in sub.arguments) or sub.has("--aggressive") else "",
        "reflog": _HISTORY if operand in ("expire", "delete") else "",
        "worktree": DELETES if operand in ("remove", "prune") else "",
        "config": _MACHINE if sub.has("--global", "--system") and len(sub.operands) > 1 else "",
        "apply": "" if sub.has("--check", "--stat", "--numstat", "--summary") else _CHECKOUT,
    }
    always = dict.fromkeys(("checkout", "switch", "pull", "merge", "cherry-pick", "revert", "am"), _CHECKOUT)
    always |= dict.fromkeys(("rebase", "filter-branch", "filter-repo", "prune", "update-ref", "replace"), _HISTORY)
    return reasons.get(sub.words[0]) or always.get(sub.words[0], "")


# -- databases --------------------------------------------------------------------------------------------------------

_SQL = re.compile(
    r"(?i)\bdrop\s+(table|database|schema|view|index|user|role|collection|owned)\b|\btruncate\s+(table\s+)?[\w\"`.]+"
    r"|\bdelete\s+from\b|\balter\s+table\b.*\bdrop\b|\bflush(all|db)\b|\bdropDatabase\b|\.drop\s*\(|\bdelete(Many|One)\b"
    r"|\.remove\s*\("
)
_URL = re.compile(r"(?i)\b(postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|mssql|sqlserver|clickhouse|cockroachdb|oracle)"
                  r"(?:\+\w+)?://(?:[^@/\s]*@)?(?P<host>\[[^\]]*\]|[^:/?,\s]*)(?P<rest>[^\s]*)")  # fmt: skip
_LOCAL = re.compile(
    r"(?i)|localhost|127(\.\d+){3}|\[?::1\]?|0\.0\.0\.0|/.*|db|database|postgres|mysql|redis|mongo|.*\.localhost"
)
_PRODUCTION = re.compile(r"(?i)(?<![a-z])(prod|production|prd|live)(?![a-z])")
_HOST_NAMES = re.compile(
    r"(?i)(PG|DB|DATABASE|MYSQL|POSTGRES|POSTGRESQL|REDIS|MONGO|MONGODB|SQL)_?(HOST|HOSTNAME|URL|URI|DSN)"
)


def production(text: str) -> bool:
    """Whether a text holds the address of a database whose host or path names production."""
    return any(_PRODUCTION.search(found["host"] + found["rest"]) for found in _URL.finditer(text))


def assignment_hazard(assignments: Mapping[str, str]) -> str:
    """Return why a command must not run with these variables; empty when it may."""
    for name, value in assignments.items():
        if production(value) or (_HOST_NAMES.fullmatch(name) and _PRODUCTION.search(value)):
            return f"reaches a production database ({name})"
    return ""


def _database(call: Call) -> str:
    text = " ".join((*call.arguments, call.command.stdin_text, *map(piped_text, call.before)))
    files = [a for a in call.operands if "/" in a or a.startswith(":") or "." in a]
    disposable = call.name == "sqlite3" and bool(files) and (files[0] == ":memory:" or _disposable(files[0]))
    if _SQL.search(text) and not disposable:
        return refuse(_DATA, call)
    return refuse(_REMOTE, call) if any(_LOCAL.fullmatch(host) is None for host in _hosts(call)) else ""


def _hosts(call: Call) -> list[str]:
    """Return the hosts that a database client would connect to."""
    hosts = [value for name, value in call.command.assignments.items() if name in ("PGHOST", "MYSQL_HOST")]
    for argument, after in pairwise((*call.arguments, "")):
        if argument in ("-h", "--host", "-H"):
            hosts.append(after)
        elif found := re.fullmatch(r"(?:--host=|-h)(.+)", argument):
            hosts.append(found[1])
        hosts += [found["host"] for found in _URL.finditer(argument)]
        hosts += re.findall(r"\bhost(?:addr)?=(\S+)", argument)
    return hosts


# -- infrastructure, publishing, the machine --------------------------------------------------------------------------


def _verbs(reason: str, *phrases: str, unless: tuple[str, ...] = ()) -> Callable[[Call], str]:
    """Return a rule that refuses calls with the words of a phrase, in order, among their arguments without options."""
    wanted = [phrase.split() for phrase in phrases]

    def rule(call: Call) -> str:
        if unless and call.has(*unless):
            return ""
        for words in wanted:
            left = iter(call.arguments if any(w.startswith("-") for w in words) else call.operands)
            if all(any(word == a for a in left) for word in words):
                return refuse(reason, call)
        return ""

    return rule


def _aws(call: Call) -> str:
    verbs = ("delete", "terminate", "remove", "put-", "create-", "update-", "stop-", "reboot-", "modify-", "purge")
    service, verb = (*call.operands[:2], "", "")[:2]
    s3 = service == "s3" and (verb in ("rm", "rb", "mv", "mb") or call.has("--delete"))
    return refuse(_DEPLOYS, call) if s3 or verb.startswith(verbs) else ""


def _cloud(call: Call) -> str:
    verbs = {"delete", "deploy", "create", "update", "remove", "stop", "reset", "rm", "apply", "destroy", "purge"}
    return refuse(_DEPLOYS, call) if verbs & set(call.operands[:5]) else ""


def _chmod(call: Call) -> str:
    recursive = call.has("-R", "--recursive")
    outside = any(path.startswith(("/", "~")) and not path.startswith(_TEMPORARY) for path in call.operands[1:])
    return refuse(_MACHINE, call) if outside or (recursive and "777" in call.operands[0:1]) else ""


def _kill(call: Call) -> str:
    operands = list(call.arguments)
    if operands and re.fullmatch(r"-(\d+|[A-Z]+[A-Z0-9]*)", operands[0]) and len(operands) > 1:
        operands.pop(0)
    if operands[:1] == ["-s"]:
        operands = operands[2:]
    return refuse("ends all processes", call) if {"-1", "1", "0"} & set(operands) else ""


def _systemctl(call: Call) -> str:
    reads = {"status", "show", "list-units", "is-active", "is-enabled", "is-failed", "cat", "list-timers", "list-unit-files"}  # fmt: skip
    return "" if not call.operands or call.operands[0] in reads else refuse(_MACHINE, call)


def _gh(call: Call) -> str:
    method = [after.upper() for a, after in pairwise(call.arguments) if a in ("-X", "--method")]
    acts = {"create", "delete", "upload", "edit", "merge", "close", "run", "set", "archive", "rename", "comment", "review"}  # fmt: skip
    if call.operands[:1] == ["api"]:
        return refuse(_PUBLISHES, call) if method and method[0] != "GET" else ""
    return refuse(_PUBLISHES, call) if acts & set(call.operands[1:2]) else ""


TEXT_ARGUMENTS = {
    "echo", "printf", "grep", "egrep", "fgrep", "rg", "ag", "ack", "sed", "awk", "test", "[", "expr", "true", ":", "git",
}  # fmt: skip
"""Programs for which an address among their arguments is only text."""

HAZARDS: dict[str, Callable[[Call], str]] = {
    # files
    "rm": _rm, "unlink": _rm, "shred": _always(DELETES), "srm": _always(DELETES), "wipe": _always(DELETES),
    "truncate": _truncate, "dd": _dd, "tee": _tee, "cp": _copy, "mv": _copy,
    "install": _copy, "rsync": _rsync, "git": _git,
    # databases
    **dict.fromkeys(
        ("psql", "mysql", "mariadb", "mongo", "mongosh", "redis-cli", "sqlite3", "pg_dump", "clickhouse-client", "cqlsh",
         "sqlcmd", "duckdb", "valkey-cli", "usql", "cockroach"), _database,
    ),
    "dropdb": _always(_DATA), "pg_restore": _always(_DATA), "mysqladmin": _verbs(_DATA, "drop", "flush-hosts"),
    "manage.py": _verbs(_DATA, "flush", "reset_db"), "django-admin": _verbs(_DATA, "flush", "reset_db"),
    "rails": _verbs(_DATA, "db:drop", "db:reset", "db:purge"), "rake": _verbs(_DATA, "db:drop", "db:reset", "db:purge"),
    "alembic": _verbs(_DATA, "downgrade"), "prisma": _verbs(_DATA, "migrate reset", "db push"),
    # infrastructure
    **dict.fromkeys(
        ("terraform", "tofu", "terragrunt"),
        _verbs(_DEPLOYS, "apply", "destroy", "import", "taint", "state rm", "force-unlock", "run-all"),
    ),
    "pulumi": _verbs(_DEPLOYS, "up", "destroy", "cancel"), "aws": _aws, "gcloud": _cloud, "az": _cloud, "doctl": _cloud,
    "gsutil": _verbs(_DEPLOYS, "rm", "rb", "mv", "rsync"), "s3cmd": _verbs(_DEPLOYS, "del", "rm", "rb"),
    "kubectl": _verbs(
        _DEPLOYS, "apply", "delete", "create", "replace", "patch", "edit", "scale", "drain", "cordon", "rollout restart",
        "rollout undo", "exec", unless=("--dry-run",),
    ),
    "helm": _verbs(_DEPLOYS, "install", "upgrade", "uninstall", "delete", "rollback", unless=("--dry-run",)),
    **dict.fromkeys(
        ("docker", "podman"),
        _verbs(
            _DEPLOYS, "system prune", "volume rm", "volume prune", "container prune", "image prune", "network prune",
            "builder prune", "push", "compose down -v", "stack rm", "swarm leave",
        ),
    ),
    "ansible-playbook": lambda call: "" if call.has("--check", "--syntax-check", "--list-tasks") else refuse(_DEPLOYS, call),
    **dict.fromkeys(
        ("vercel", "netlify", "fly", "flyctl", "heroku", "wrangler", "serverless", "sls", "cdk", "firebase", "railway"),
        _verbs(_DEPLOYS, "deploy", "destroy", "delete", "remove", "up", "releases:rollback", "apps:destroy", "pg:reset"),
    ),
    # publishing
    **dict.fromkeys(
        ("npm", "pnpm", "yarn", "bun", "cargo", "gem", "flit", "poetry", "uv", "hatch", "pdm", "lerna"),
        _verbs(_PUBLISHES, "publish", "unpublish", "yank", "push", "deprecate", unless=("--dry-run",)),
    ),
    "twine": _verbs(_PUBLISHES, "upload"), "gh": _gh, "glab": _gh,
    # the machine
    **dict.fromkeys(
        ("shutdown", "reboot", "halt", "poweroff", "init", "telinit", "fdisk", "parted", "wipefs", "mkswap", "diskutil",
         "useradd", "userdel", "usermod", "passwd", "mount", "umount", "modprobe", "insmod", "rmmod", "iptables", "ufw",
         "visudo", "launchctl", "at"), _always(_MACHINE),
    ),
    **dict.fromkeys(("sudo", "doas", "su", "pkexec", "runas"), _always("asks for an administrator's rights")),
    **dict.fromkeys(("killall", "pkill"), _always("ends processes by name")),
    "kill": _kill, "chmod": _chmod, "chown": _chmod, "chgrp": _chmod, "systemctl": _systemctl, "service": _systemctl,
    "crontab": lambda call: "" if call.arguments == ("-l",) else refuse(_MACHINE, call),
}  # fmt: skip
