"""The profile for macOS, and the call that enters it, against a library that notes what it is given: there is no macOS here."""

import re
import shutil
import subprocess

import pytest

from autoresearch_magic.runners.walls import sandbox_exec
from autoresearch_magic.runners.walls.places import Access, Step

STEPS = [Step("/Users", Access.NONE), Step("/Users/a/code", Access.READ), Step("/Users/a/code/.git", Access.NONE),
         Step("/Users/a/data", Access.WRITE)]  # fmt: skip


def parse(text):
    """Read the profile as the lists that it consists of."""
    tokens = re.findall(r'#"(?:[^"\\]|\\.)*"|"(?:[^"\\]|\\.)*"|[()]|[^\s()]+', text)
    stack = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    assert len(stack) == 1, "all parentheses are closed"
    return stack[0]


def last_rule(rules, operation, path):
    """Return what the last rule says that fits: the later one wins."""
    found = "allow"
    for action, *rest in rules[1:]:
        operations = [each for each in rest if isinstance(each, str)]
        filters = [each for each in rest if isinstance(each, list)]
        if not any(
            each == operation or (each.endswith("*") and operation.startswith(each[:-1])) for each in operations
        ):
            continue
        names = [(each[0], each[1].strip('"')) for each in filters if each[0] in ("subpath", "literal")]
        if not filters or any(
            path == name or (kind == "subpath" and path.startswith(name + "/")) for kind, name in names
        ):
            found = action
    return found


def test_of_two_rules_the_inner_one_is_the_later():
    rules = parse(sandbox_exec.profile(STEPS, ["/private/tmp/own"], network="off"))
    assert rules[0] == ["version", "1"]
    for path, read, write in (
        ("/usr/lib/x", "allow", "deny"), ("/Users/a/.ssh/id", "deny", "deny"), ("/Users/a/code/x", "allow", "deny"),
        ("/Users/a/code/.git/config", "deny", "deny"), ("/Users/a/data/x", "allow", "allow"), ("/private/tmp/own/x", "allow", "allow"),
        ("/dev/null", "allow", "allow"),
    ):  # fmt: skip
        assert last_rule(rules, "file-read-data", path) == read, path
        assert last_rule(rules, "file-write-data", path) == write, path


def test_the_network_is_closed_but_for_sockets_of_the_experiments_own():
    closed, local, free = (sandbox_exec.profile([], [], network=name) for name in ("off", "loopback", "on"))
    assert "(deny network*)" in closed
    assert "localhost" not in closed
    assert 'remote ip "localhost:*"' in local
    assert "(deny network*)" not in free


def test_names_with_quotes_stay_names():
    parse(sandbox_exec.profile([Step('/Users/a"b\\c', Access.NONE)], ['/tmp/"'], network="off"))


@pytest.mark.skipif(not shutil.which("cc"), reason="the stand-in for the library is compiled")
@pytest.mark.slow
def test_the_profile_reaches_the_system_and_its_refusal_is_an_error(tmp_path):
    (tmp_path / "system.c").write_text(
        "#include <string.h>\n#include <stdio.h>\n#include <stdint.h>\n"
        "int sandbox_init(const char *profile, uint64_t flags, char **error) {\n"
        f'  FILE *f = fopen("{tmp_path}/given", "w"); fputs(profile, f); fclose(f);\n'
        '  if (strstr(profile, "bad")) { *error = "profile is bad"; return -1; }\n  return flags == 0 ? 0 : -1;\n}\n'
    )
    library = tmp_path / "system.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "system.c"], check=True)
    text = sandbox_exec.profile(STEPS, ["/tmp/own"], network="off")
    sandbox_exec.enforce(text, str(library))
    assert (tmp_path / "given").read_text() == text
    with pytest.raises(OSError, match="profile is bad"):
        sandbox_exec.enforce("bad", str(library))
