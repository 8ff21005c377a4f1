"""Programs whose calls may delete, publish, deploy or reach too far: `HAZARDS` maps each name to its rule.

A rule takes a `Call` and returns the hazard that it is, or None. Pure functions without I/O. Programs that run others, such as shells and
``xargs``, are in `policy`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

from ...text import shorten
from .kinds import Hazard, Kind
from .shell_parser import UNKNOWN, Redirection, SimpleCommand

FILES, MACHINE, REMOTE = Kind.FILES, Kind.MACHINE, Kind.REMOTE
SERVICES = MACHINE | REMOTE
"""Databases and daemons, here or elsewhere."""

DOWNLOAD = Hazard(Kind.ALL, "runs what it downloads")
DELETES = "deletes files"
_DATA = "destroys data in a database"
_DEPLOYS = "changes infrastructure"
_PUBLISHES = "publishes"
_CHANGES = "changes the machine"


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

    def hazard(self, kind: Kind, reason: str) -> Hazard:
        """Return a hazard with this call behind its reason, shortened."""
        return Hazard(kind, f"{reason} ({shorten(' '.join((self.name, *self.arguments)).replace(UNKNOWN, '…'))})")


Rule = Callable[[Call], Hazard | None]


def piped_text(command: SimpleCommand) -> str:
    """Return the text that a command writes to its pipe, as far as it is known before it is run."""
    words = [word.text for word in command.words]
    if words and words[0] in ("echo", "printf"):
        return " ".join(w for w in words[1:] if not re.fullmatch("-[neE]+", w))
    return command.stdin_text


def _always(kind: Kind, reason: str) -> Rule:
    return lambda call: None if call.has("--help", "--version") else call.hazard(kind, reason)


def _verbs(kind: Kind, reason: str, phrases: str, *, unless: str = "") -> Rule:
    """Return a rule for calls with all words of one of the phrases (separated by commas), in order, among their arguments."""
    wanted = [phrase.split() for phrase in phrases.split(",")]

    def rule(call: Call) -> Hazard | None:
        for words in wanted:
            left = iter(call.arguments if any(w.startswith("-") for w in words) else call.operands)
            if all(any(word == a for a in left) for word in words) and not call.has(*unless.split()):
                return call.hazard(kind, reason)
        return None

    return rule


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
    below = bool(path) and not path.startswith(("/", "~")) and ".git" not in path.split("/")
    return below and not re.search(rf"[*?\[{UNKNOWN}]|\{{\}}|\.\.", path)


def _rm(call: Call) -> Hazard | None:
    if not call.operands:  # xargs and find add the paths
        programs = {PurePosixPath(word.text).name for word in call.command.words}
        return call.hazard(FILES, DELETES) if programs & {"xargs", "find"} else None
    recursive = call.has("-r", "-R", "--recursive")
    allowed = all(_disposable(path) or (not recursive and _one_file(path)) for path in call.operands)
    return None if allowed else call.hazard(FILES, DELETES)


def _truncate(call: Call) -> Hazard | None:
    sizes = {after for option, after in pairwise(call.arguments) if option in ("-s", "--size", "-r", "--reference")}
    paths = [path for path in call.operands if path not in sizes]
    return None if paths and all(map(_disposable, paths)) else call.hazard(FILES, "empties a file")


def _copy(call: Call) -> Hazard | None:
    operands = call.operands
    if len(operands) < 2:
        return None
    if call.name == "cp" and operands[0] == "/dev/null":
        return call.hazard(FILES, "empties a file")
    if call.name == "mv" and operands[-1] == "/dev/null":
        return call.hazard(FILES, DELETES)
    return path_hazard(operands[-1])


def _rsync(call: Call) -> Hazard | None:
    deletes = any(a.startswith(("--delete", "--remove-source")) for a in call.arguments)
    remote = REMOTE if any(re.match(r"[\w.@-]+:", path) for path in call.operands) else Kind.NONE
    return call.hazard(FILES | remote, DELETES) if deletes else None


def path_hazard(path: str) -> Hazard | None:
    """Return the hazard of writing a file; None where it may be written."""
    if path.startswith("/dev/"):
        harmless = re.fullmatch(r"/dev/(null|stdout|stderr|tty|full|zero|fd/\d+|shm/.*)", path)
        return None if harmless else Hazard(MACHINE, f"writes to a device ({path})")
    if ".git" in path.split("/"):
        return Hazard(FILES, f"writes into git's own folder ({path})")
    if path.startswith(_TEMPORARY) and ".." not in path:
        return None
    outside = _SYSTEM.match(path) or re.match(r"~[\w-]*/?\.\w", path)
    return Hazard(FILES, f"writes outside of the repository ({path})") if outside else None


def redirection_hazard(redirection: Redirection, command: SimpleCommand) -> Hazard | None:
    """Return the hazard of sending a command's output to where it is redirected; None where it may go there."""
    path, operator = redirection.word.text, redirection.operator
    if operator not in (">", ">>", ">|", "&>", "&>>", "<>") or path.isdigit() or path == "-":
        return None
    matters = UNKNOWN not in path and not path.startswith(("/dev/", *_TEMPORARY)) and not _disposable(path)
    if command.prints_nothing and matters and operator in (">", ">|", "&>"):
        return Hazard(FILES, f"empties a file (> {path})")
    return path_hazard(path)


# -- git --------------------------------------------------------------------------------------------------------------

_GIT_OPTIONS_WITH_VALUES = {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"}
_CHECKOUT, _HISTORY = "changes the checkout", "rewrites git's history"
_GIT: dict[str, tuple[str, str, str]] = {  # reason, one of which options or words it needs, and what makes it harmless
    "push": ("pushes to a remote", "", "-n --dry-run"),
    "reset": (_CHECKOUT, "--hard --merge --keep", ""),
    "clean": (DELETES, "-f --force", "-n --dry-run"),
    "restore": (_CHECKOUT, "", "--staged -S"),
    "rm": (DELETES, "", "-n --dry-run --cached"),
    "branch": (_HISTORY, "-D -d -M -m -f --delete --force --move", ""),
    "tag": (_HISTORY, "-d -f --delete --force", ""),
    "stash": (_CHECKOUT, "", "list show create"),
    "commit": (_HISTORY, "--amend --fixup --squash", ""),
    "gc": (_HISTORY, "--prune --aggressive", ""),
    "reflog": (_HISTORY, "expire delete", ""),
    "worktree": (DELETES, "remove prune", ""),
    "apply": (_CHECKOUT, "", "--check --stat --numstat --summary"),
    "config": (_CHANGES, "--global --system", ""),
    **dict.fromkeys(("checkout", "switch", "pull", "merge", "cherry-pick", "revert", "am"), (_CHECKOUT, "", "")),
    **dict.fromkeys(("rebase", "filter-branch", "filter-repo", "prune", "update-ref", "replace"), (_HISTORY, "", "")),
}


def _git(call: Call) -> Hazard | None:
    rest = list(call.arguments)
    while rest and rest[0].startswith("-"):
        if rest.pop(0) in _GIT_OPTIONS_WITH_VALUES and rest:
            rest.pop(0)
    if not rest or rest[0] not in _GIT:
        return None
    sub = call.inner(rest)
    reason, needed, harmless = (_GIT[rest[0]][0], *(each.split() for each in _GIT[rest[0]][1:]))

    def given(words: Sequence[str]) -> bool:
        return sub.has(*(word for word in words if word.startswith("-"))) or not {*sub.operands[:1]}.isdisjoint(words)

    if sub.has("--help") or (needed and not given(needed)):
        return None
    if harmless and given(harmless) and not (rest[0] == "restore" and sub.has("--worktree", "-W")):
        return None
    if rest[0] == "config" and len(sub.operands) < 2:
        return None
    return call.hazard(REMOTE if rest[0] == "push" else FILES, reason)


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
_IN_FILES = {"sqlite3", "duckdb"}


def production(text: str) -> bool:
    """Whether a text holds the address of a database whose host or path names production."""
    return any(_PRODUCTION.search(found["host"] + found["rest"]) for found in _URL.finditer(text))


def assignment_hazard(assignments: Mapping[str, str]) -> Hazard | None:
    """Return the hazard of running a command with these variables; None where it may run."""
    for name, value in assignments.items():
        if production(value) or (_HOST_NAMES.fullmatch(name) and _PRODUCTION.search(value)):
            return Hazard(REMOTE, f"reaches a production database ({name})")
    return None


def _database(call: Call) -> Hazard | None:
    text = " ".join((*call.arguments, call.command.stdin_text, *map(piped_text, call.before)))
    files = [a for a in call.operands if "/" in a or a.startswith(":") or "." in a]
    disposable = call.name in _IN_FILES and bool(files) and (files[0] == ":memory:" or _disposable(files[0]))
    if _SQL.search(text) and not disposable:
        sockets = any(
            host.startswith("/") and not host.startswith((*_TEMPORARY, "/run", "/var/run")) for host in _hosts(call)
        )
        kind = FILES if call.name in _IN_FILES else SERVICES | (Kind.OPEN if sockets else Kind.NONE)
        return call.hazard(kind, _DATA)
    remote = any(_LOCAL.fullmatch(host) is None for host in _hosts(call))
    return call.hazard(REMOTE, "reaches a database that is not on this machine") if remote else None


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


def _aws(call: Call) -> Hazard | None:
    verbs = ("delete", "terminate", "remove", "put-", "create-", "update-", "stop-", "reboot-", "modify-", "purge")
    service, verb = (*call.operands[:2], "", "")[:2]
    s3 = service == "s3" and (verb in ("rm", "rb", "mv", "mb") or call.has("--delete"))
    return call.hazard(REMOTE, _DEPLOYS) if s3 or verb.startswith(verbs) else None


def _cloud(call: Call) -> Hazard | None:
    verbs = {"delete", "deploy", "create", "update", "remove", "stop", "reset", "rm", "apply", "destroy", "purge"}
    return call.hazard(REMOTE, _DEPLOYS) if verbs & set(call.operands[:5]) else None


def _chmod(call: Call) -> Hazard | None:
    recursive = call.has("-R", "--recursive")
    outside = any(path.startswith(("/", "~")) and not path.startswith(_TEMPORARY) for path in call.operands[1:])
    return call.hazard(FILES, _CHANGES) if outside or (recursive and "777" in call.operands[0:1]) else None


def _kill(call: Call) -> Hazard | None:
    operands = list(call.arguments)
    if operands and re.fullmatch(r"-(\d+|[A-Z]+[A-Z0-9]*)", operands[0]) and len(operands) > 1:
        operands.pop(0)
    if operands[:1] == ["-s"]:
        operands = operands[2:]
    return call.hazard(MACHINE, "ends all processes") if {"-1", "1", "0"} & set(operands) else None


def _systemctl(call: Call) -> Hazard | None:
    reads = {"status", "show", "list-units", "is-active", "is-enabled", "is-failed", "cat", "list-timers", "list-unit-files"}  # fmt: skip
    return None if not call.operands or call.operands[0] in reads else call.hazard(MACHINE, _CHANGES)


def _gh(call: Call) -> Hazard | None:
    method = [after.upper() for a, after in pairwise(call.arguments) if a in ("-X", "--method")]
    acts = {"create", "delete", "upload", "edit", "merge", "close", "run", "set", "archive", "rename", "comment", "review"}  # fmt: skip
    api = call.operands[:1] == ["api"]
    acting = method[:1] not in ([], ["GET"]) if api else acts & set(call.operands[1:2])
    return call.hazard(REMOTE, _PUBLISHES) if acting else None


def _ansible(call: Call) -> Hazard | None:
    return None if call.has("--check", "--syntax-check", "--list-tasks") else call.hazard(Kind.ALL, _DEPLOYS)


def _crontab(call: Call) -> Hazard | None:
    return None if call.arguments == ("-l",) else call.hazard(FILES, _CHANGES)


TEXT_ARGUMENTS = {
    "echo", "printf", "grep", "egrep", "fgrep", "rg", "ag", "ack", "sed", "awk", "test", "[", "expr", "true", ":", "git",
}  # fmt: skip
"""Programs for which an address among their arguments is only text."""

_BY_NAMES: dict[str, Rule] = {
    # files
    "rm unlink": _rm, "shred srm wipe": _always(FILES, DELETES), "truncate": _truncate, "cp mv install": _copy, "rsync": _rsync, "git": _git,
    "dd": lambda call: next((path_hazard(a[3:]) for a in call.arguments if a.startswith("of=")), None),
    "tee": lambda call: next(filter(None, map(path_hazard, call.operands)), None),
    # databases
    "psql mysql mariadb mongo mongosh redis-cli sqlite3 pg_dump clickhouse-client cqlsh sqlcmd duckdb valkey-cli usql cockroach": _database,
    "dropdb pg_restore": _always(SERVICES, _DATA), "mysqladmin": _verbs(SERVICES, _DATA, "drop,flush-hosts"),
    "manage.py django-admin": _verbs(Kind.ALL, _DATA, "flush,reset_db"), "rails rake": _verbs(Kind.ALL, _DATA, "db:drop,db:reset,db:purge"),
    "alembic": _verbs(Kind.ALL, _DATA, "downgrade"), "prisma": _verbs(Kind.ALL, _DATA, "migrate reset,db push"),
    # infrastructure
    "terraform tofu terragrunt": _verbs(Kind.ALL, _DEPLOYS, "apply,destroy,import,taint,state rm,force-unlock,run-all"),
    "pulumi": _verbs(Kind.ALL, _DEPLOYS, "up,destroy,cancel"), "aws": _aws, "gcloud az doctl": _cloud,
    "gsutil": _verbs(REMOTE, _DEPLOYS, "rm,rb,mv,rsync"), "s3cmd": _verbs(REMOTE, _DEPLOYS, "del,rm,rb"),
    "kubectl": _verbs(
        REMOTE, _DEPLOYS, "apply,delete,create,replace,patch,edit,scale,drain,cordon,rollout restart,rollout undo,exec", unless="--dry-run",
    ),
    "helm": _verbs(REMOTE, _DEPLOYS, "install,upgrade,uninstall,delete,rollback", unless="--dry-run"),
    "docker podman": _verbs(
        Kind.ALL, _DEPLOYS, "system prune,volume rm,volume prune,container prune,image prune,network prune,builder prune,push,"
        "compose down -v,stack rm,swarm leave",
    ),
    "ansible-playbook": _ansible,
    "vercel netlify fly flyctl heroku wrangler serverless sls cdk firebase railway": _verbs(
        REMOTE, _DEPLOYS, "deploy,destroy,delete,remove,up,releases:rollback,apps:destroy,pg:reset",
    ),
    # publishing
    "npm pnpm yarn bun cargo gem flit poetry uv hatch pdm lerna": _verbs(
        REMOTE, _PUBLISHES, "publish,unpublish,yank,push,deprecate", unless="--dry-run"
    ),
    "twine": _verbs(REMOTE, _PUBLISHES, "upload"), "gh glab": _gh,
    # the machine
    "shutdown reboot halt poweroff init telinit fdisk parted wipefs mkswap diskutil useradd userdel usermod passwd mount umount modprobe insmod "
    "rmmod iptables ufw visudo launchctl at": _always(MACHINE, _CHANGES),
    "sudo doas su pkexec runas": _always(MACHINE, "asks for an administrator's rights"),
    "killall pkill": _always(MACHINE, "ends processes by name"),
    "kill": _kill, "chmod chown chgrp": _chmod, "systemctl service": _systemctl, "crontab": _crontab,
}  # fmt: skip
HAZARDS: dict[str, Rule] = {name: rule for names, rule in _BY_NAMES.items() for name in names.split()}
