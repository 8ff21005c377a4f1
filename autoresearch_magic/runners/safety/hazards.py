"""The usual hazards: which program, with which arguments, deletes, publishes, deploys or reaches too far.

A table from a program's name to a rule, which is told how the program would be called and says why that is not done.

Pure functions, no I/O. Not here: programs that run others, such as shells and ``xargs`` (`seatbelt`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from .shell_parser import UNKNOWN, Redirection, Simple

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
    """A program that would be run: its name without its folder, its arguments, and where it stands."""

    name: str
    arguments: tuple[str, ...]
    simple: Simple
    before: tuple[Simple, ...]
    downloaded: frozenset[str]
    depth: int

    @property
    def plain(self) -> list[str]:
        """The arguments that are no options."""
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


def said(reason: str, call: Call) -> str:
    """Put a reason into words: with the call behind it, cut."""
    shown = " ".join((call.name, *call.arguments)).replace(UNKNOWN, "…")
    return f"{reason} ({shown if len(shown) <= 60 else shown[:59] + '…'})"


_TELLERS = {"echo", "printf", "cat"}


def told(simple: Simple) -> str:
    """Return the text that a command sends down its pipe, where it can be known."""
    words = [word.text for word in simple.words]
    if not words or words[0] not in _TELLERS:
        return simple.given
    return simple.given if words[0] == "cat" else " ".join(w for w in words[1:] if not re.fullmatch("-[neE]+", w))


# -- files ------------------------------------------------------------------------------------------------------------

_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/private/tmp/", "/private/var/folders/", "/var/folders/")
_SYSTEM = re.compile(
    r"/(etc|usr|bin|sbin|lib\w*|boot|var|opt|root|sys|proc|home|Users|Library|System|Applications)(/|$)"
)
MADE = re.compile(
    r"(build|dist|out|output|tmp|temp|target|site|htmlcov|coverage|__pycache__|\.coverage[\w.*-]*|\.\w+_cache|\.cache"
    r"|\.hypothesis|\.tox|\.nox|\.ipynb_checkpoints|[\w*.-]+\.(egg-info|pyc|pyo|o|so|log|prof|gcda|profraw)"
    r"|coverage\.(xml|json)|results?\.\w+|benchmark\.json|out\.\w+)"
)


def _throwaway(path: str) -> bool:
    """Whether a path names something that is made to be deleted."""
    if ".." in path or path.endswith(("/.", "/*")):
        return False
    if path.startswith(_TEMPORARY):
        return bool(path.split("/", 2)[2].strip("/*"))
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return not path.startswith(("/", "~")) and bool(parts) and MADE.fullmatch(parts[-1]) is not None


def _one_file(path: str) -> bool:
    """Whether a path names one file below the present folder, and not one of git's."""
    hidden = ".git" in path.split("/")
    return (
        bool(path)
        and not path.startswith(("/", "~"))
        and not hidden
        and not re.search(rf"[*?\[{UNKNOWN}]|\{{\}}|\.\.", path)
    )


def _rm(call: Call) -> str:
    whole = call.has("-r", "-R", "--recursive")
    paths = call.plain
    if not paths and not _through(call, "xargs", "find"):
        return ""
    if paths and all(_throwaway(path) or (not whole and _one_file(path)) for path in paths):
        return ""
    return said(DELETES, call)


def _through(call: Call, *names: str) -> bool:
    return any(PurePosixPath(word.text).name in names for word in call.simple.words)


def _always(reason: str) -> Callable[[Call], str]:
    return lambda call: "" if call.has("--help", "--version") else said(reason, call)


def _dd(call: Call) -> str:
    for argument in call.arguments:
        if argument.startswith("of="):
            return path_hazard(argument[3:])
    return ""


def _tee(call: Call) -> str:
    return next((reason for path in call.plain if (reason := path_hazard(path))), "")


def _copy(call: Call) -> str:
    operands = call.plain
    if len(operands) < 2:
        return ""
    if call.name == "cp" and operands[0] == "/dev/null":
        return said("empties a file", call)
    if call.name == "mv" and operands[-1] == "/dev/null":
        return said(DELETES, call)
    return path_hazard(operands[-1])


def _rsync(call: Call) -> str:
    return said(DELETES, call) if any(a.startswith(("--delete", "--remove-source")) for a in call.arguments) else ""


def path_hazard(path: str) -> str:
    """Judge a file that is written to."""
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


def redirection_hazard(redirection: Redirection, simple: Simple) -> str:
    """Judge where a command's output goes."""
    path = redirection.word.text
    if redirection.sign not in (">", ">>", ">|", "&>", "&>>", "<>") or path.isdigit() or path == "-":
        return ""
    words = [word.text for word in simple.words]
    empty = not words or words[0] in (":", "true") or words[:2] == ["cat", "/dev/null"]
    known = UNKNOWN not in path and not path.startswith(("/dev/", *_TEMPORARY)) and not _throwaway(path)
    if empty and known and redirection.sign in (">", ">|", "&>"):
        return f"empties a file (> {path})"
    return path_hazard(path)


# -- git --------------------------------------------------------------------------------------------------------------

_GIT_VALUES = {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"}
_CHECKOUT = "changes the checkout"
_HISTORY = "rewrites git's history"


def _git(call: Call) -> str:
    rest = list(call.arguments)
    while rest and rest[0].startswith("-"):
        if rest.pop(0) in _GIT_VALUES and rest:
            rest.pop(0)
    if not rest:
        return ""
    sub = Call(rest[0], tuple(rest[1:]), call.simple, call.before, call.downloaded, call.depth)
    reason = "" if sub.has("--help") else _git_reason(sub, sub.plain[0] if sub.plain else "")
    return said(reason, call) if reason else ""


def _git_reason(sub: Call, operand: str) -> str:
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
        "config": _MACHINE if sub.has("--global", "--system") and len(sub.plain) > 1 else "",
        "apply": "" if sub.has("--check", "--stat", "--numstat", "--summary") else _CHECKOUT,
    }
    always = dict.fromkeys(("checkout", "switch", "pull", "merge", "cherry-pick", "revert", "am"), _CHECKOUT)
    always |= dict.fromkeys(("rebase", "filter-branch", "filter-repo", "prune", "update-ref", "replace"), _HISTORY)
    return reasons.get(sub.name) or always.get(sub.name, "")


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
    """Whether a text holds the address of a database that calls itself one of production."""
    return any(_PRODUCTION.search(found["host"] + found["rest"]) for found in _URL.finditer(text))


def assignment_hazard(assignments: Mapping[str, str]) -> str:
    """Judge the variables that are set for a command."""
    for name, value in assignments.items():
        if production(value) or (_HOST_NAMES.fullmatch(name) and _PRODUCTION.search(value)):
            return f"reaches a production database ({name})"
    return ""


def _database(call: Call) -> str:
    text = " ".join((*call.arguments, call.simple.given, *map(told, call.before)))
    files = [a for a in call.plain if "/" in a or a.startswith(":") or "." in a]
    passing = call.name == "sqlite3" and bool(files) and (files[0] == ":memory:" or _throwaway(files[0]))
    if _SQL.search(text) and not passing:
        return said(_DATA, call)
    return said(_REMOTE, call) if any(_LOCAL.fullmatch(host) is None for host in _hosts(call)) else ""


def _hosts(call: Call) -> list[str]:
    """Return the hosts that a database's client is told to reach."""
    hosts = [value for name, value in call.simple.assignments.items() if name in ("PGHOST", "MYSQL_HOST")]
    for i, argument in enumerate(call.arguments):
        after = call.arguments[i + 1] if i + 1 < len(call.arguments) else ""
        if argument in ("-h", "--host", "-H"):
            hosts.append(after)
        elif found := re.fullmatch(r"(?:--host=|-h)(.+)", argument):
            hosts.append(found[1])
        hosts += [found["host"] for found in _URL.finditer(argument)]
        hosts += re.findall(r"\bhost(?:addr)?=(\S+)", argument)
    return hosts


# -- infrastructure, publishing, the machine --------------------------------------------------------------------------


def _verbs(reason: str, *phrases: str, unless: tuple[str, ...] = ()) -> Callable[[Call], str]:
    """Make a rule: the phrases' words stand in this order among the arguments that are no options."""
    wanted = [phrase.split() for phrase in phrases]

    def rule(call: Call) -> str:
        if unless and call.has(*unless):
            return ""
        for words in wanted:
            left = iter(call.arguments if any(w.startswith("-") for w in words) else call.plain)
            if all(any(word == a for a in left) for word in words):
                return said(reason, call)
        return ""

    return rule


def _aws(call: Call) -> str:
    verbs = ("delete", "terminate", "remove", "put-", "create-", "update-", "stop-", "reboot-", "modify-", "purge")
    plain = call.plain
    s3 = plain[:1] == ["s3"] and (plain[1:2] in (["rm"], ["rb"], ["mv"], ["mb"]) or call.has("--delete"))
    return said(_DEPLOYS, call) if s3 or any(a.startswith(verbs) for a in plain[1:2]) else ""


def _cloud(call: Call) -> str:
    verbs = {"delete", "deploy", "create", "update", "remove", "stop", "reset", "rm", "apply", "destroy", "purge"}
    return said(_DEPLOYS, call) if verbs & set(call.plain[:5]) else ""


def _chmod(call: Call) -> str:
    wide = call.has("-R", "--recursive")
    far = any(path.startswith(("/", "~")) and not path.startswith(_TEMPORARY) for path in call.plain[1:])
    return said(_MACHINE, call) if far or (wide and "777" in call.plain[0:1]) else ""


def _kill(call: Call) -> str:
    operands = list(call.arguments)
    if operands and re.fullmatch(r"-(\d+|[A-Z]+[A-Z0-9]*)", operands[0]) and len(operands) > 1:
        operands.pop(0)
    if operands[:1] == ["-s"]:
        operands = operands[2:]
    return said("ends all processes", call) if {"-1", "1", "0"} & set(operands) else ""


def _systemctl(call: Call) -> str:
    reads = {"status", "show", "list-units", "is-active", "is-enabled", "is-failed", "cat", "list-timers", "list-unit-files"}  # fmt: skip
    return "" if not call.plain or call.plain[0] in reads else said(_MACHINE, call)


def _gh(call: Call) -> str:
    method = [after.upper() for a, after in pairwise(call.arguments) if a in ("-X", "--method")]
    acts = {"create", "delete", "upload", "edit", "merge", "close", "run", "set", "archive", "rename", "comment", "review"}  # fmt: skip
    if call.plain[:1] == ["api"]:
        return said(_PUBLISHES, call) if method and method[0] != "GET" else ""
    return said(_PUBLISHES, call) if acts & set(call.plain[1:2]) else ""


QUOTING = frozenset(
    [
        "echo",
        "printf",
        "grep",
        "egrep",
        "fgrep",
        "rg",
        "ag",
        "ack",
        "sed",
        "awk",
        "test",
        "[",
        "expr",
        "true",
        ":",
        "git",
    ]
)
"""Programs whose arguments are text to them, and no addresses to go to."""

HAZARDS: dict[str, Callable[[Call], str]] = {
    # files
    "rm": _rm, "unlink": _rm, "shred": _always(DELETES), "srm": _always(DELETES), "wipe": _always(DELETES),
    "truncate": _always("empties a file"), "dd": _dd, "tee": _tee, "cp": _copy, "mv": _copy,
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
    "ansible-playbook": lambda call: "" if call.has("--check", "--syntax-check", "--list-tasks") else said(_DEPLOYS, call),
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
    "crontab": lambda call: "" if call.arguments == ("-l",) else said(_MACHINE, call),
}  # fmt: skip
