"""What keys look like: the known forms of keys, tokens and passwords, found in any text.

Each form is looked for only where a few letters that every key of that form has are in the text, so that an ordinary text costs
some searches for short strings; every pattern is of bounded length, so that a long text takes time in proportion to its length.

What has no form of its own is not found: a short password, forty digits of a hash that happen to be a key, a key that was encoded.
`redact` finds those keys that this process knows, in whatever form.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

_EDGE = r"(?<![A-Za-z0-9_])"

_PREFIXED = re.compile(
    _EDGE
    + r"""(?: (?:sk|pk|rk)-(?:ant|proj|svcacct|admin|or|lf)-[\w-]{16,300} | (?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,200} | sk-[\w-]{20,300}
    | gh[oprsu]_[A-Za-z0-9]{30,255} | github_pat_[A-Za-z0-9_]{40,255} | glpat-[\w-]{20,100} | (?:xox[abeoprs]|xapp)-[\w-]{10,255}
    | A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9]) | AIza[\w-]{35} | hf_[A-Za-z0-9]{30,60} | npm_[A-Za-z0-9]{30,60} | pypi-[\w-]{50,300} | gsk_[A-Za-z0-9]{40,80}
    | xai-[A-Za-z0-9]{40,100} | r8_[A-Za-z0-9]{30,50} | ya29\.[\w-]{20,400} | dop_v1_[a-f0-9]{64} | SG\.[\w-]{20,24}\.[\w-]{40,50}
    | eyJ[\w-]{10,4000}\.[\w-]{10,8000}\.[\w-]{10,2000} | AGE-SECRET-KEY-1[A-Z0-9]{50,60} )""",
    re.VERBOSE | re.ASCII,
)
_STARTS = (
    "sk-", "pk-", "rk-", "k_live_", "k_test_", "ghp_", "gho_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "xox", "xapp-", "AKIA", "ASIA", "AIza", "hf_",
    "npm_", "pypi-", "gsk_", "xai-", "r8_", "ya29.", "dop_v1_", "SG.", "eyJ", "AGE-SECRET",
)  # fmt: skip
_SOLID = re.compile(r"[A-Za-z0-9]{16}")
"""What random text has and words that are joined by hyphens have not, as in ``sk-toggleable__label-arrow``, a class of scikit-learn's pages."""

_SOLID_PART, _CHANGE = re.compile(r"[A-Za-z0-9+/]{12,}"), re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])")

_NEAR = 300
"""Characters from an id of AWS within which its secret is looked for."""
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")

_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-(?!----)){0,20000}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|(?:\\{1,4}[nr]|[A-Za-z0-9+/=\s\"',]){0,20000}+)"
)
_PASSWORD = re.compile(r"(?<=://)[^/\s:@'\"<>\\]{0,100}:(?P<key>[^/\s@'\"<>\\]{3,300})@")
_WEBHOOK = re.compile(
    r"(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/)(?P<key>[\w/-]{16,300})",
    re.IGNORECASE | re.ASCII,
)
"""Addresses of webhooks: who knows what stands behind the host can post."""
_HEADER = re.compile(
    r"(?:(?:\bauthorization|\bx-(?:[a-z]{1,20}-)?(?:key|token)|\bapi-key)['\"]?\s{0,3}[:=,]\s{0,3}['\"]?|(?=\bbearer\s))(?:(?:bearer|basic|token|digest|apikey)\s{1,3})?"
    r"['\"]?(?P<key>[A-Za-z0-9._~+/=-]{8,2000})",
    re.IGNORECASE | re.ASCII,
)
_ASSIGNED = re.compile(
    r"""(?:_[A-Za-z0-9]{1,20}){0,3}+s?['"]?\s{0,3}(?::=|=>|[:=])\s{0,3}(?:[bru]{0,2}['"]|\\")?(?P<key>[A-Za-z0-9_./+~!@$%^&*-]{12,300}={0,2})""",
    re.ASCII,
)
_NAMED = {
    "key": re.compile(
        r"(?:api|access|secret|private|auth|signing|encryption|account|master|client|service|license|admin|shared|storage|deploy|consumer|session|write)[_ -]?$"
        r"|[a-z0-9]_$"
    ),
    "token": None, "secret": None, "password": None, "passwd": None, "passphrase": None, "credential": None,
}  # fmt: skip
"""Words in names of what holds a key, and what must stand before each."""
_AFTER_NAME = frozenset("_sS:= \"'\t")
_UPPER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def key_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where in a text stands what looks like a key, as (start, end); the places may overlap and come in no order."""
    if any(start in text for start in _STARTS):
        yield from _prefixed(text)
    if "-----BEGIN" in text and "PRIVATE KEY" in text:
        yield from (found.span() for found in _PEM.finditer(text))
    if "://" in text and "@" in text:
        yield from (found.span("key") for found in _PASSWORD.finditer(text) if _is_password(found["key"]))
    if "hooks.slack" in text or "/webhooks/" in text:
        yield from (found.span("key") for found in _WEBHOOK.finditer(text))
    low = text.translate(_UPPER) if not text.isascii() else text.lower()  # of the same length in any case
    if "authorization" in low or "bearer " in low or "api-key" in low or "x-" in low:
        yield from (found.span("key") for found in _HEADER.finditer(text) if _is_credential(found["key"]))
    for word, before in _NAMED.items():
        yield from _assigned(text, low, word, before)


def _prefixed(text: str) -> Iterator[tuple[int, int]]:
    for found in _PREFIXED.finditer(text):
        key = found[0]
        if not any(c.isdigit() for c in key) or (key.startswith("sk-") and not _solid(key)):
            continue
        yield found.span()
        if key.startswith(("AKIA", "ASIA")):
            start, end = max(0, found.start() - _NEAR), found.end() + _NEAR
            for secret in _AWS_SECRET.finditer(text, start, end):
                if not secret[0].islower() and not secret[0].isupper():  # not the hash of a commit
                    yield secret.span()


def _solid(key: str) -> bool:
    return key.startswith("sk-ant-") or _SOLID.search(key) is not None


def _is_password(word: str) -> bool:
    """Whether what stands for a password in an address is one, and no placeholder."""
    return not (
        word[0] in "$%{<[*"
        or word.lower() in ("password", "passwd", "pass", "secret", "pwd", "token")
        or set(word) <= {"x", "X", "*", "."}
    )


def _is_credential(word: str) -> bool:
    return (
        len(word) >= 8
        and any(c.isdigit() for c in word)
        and any(c.isalpha() for c in word)
        and (len(word) >= 16 or word.endswith("="))
    )


def _assigned(text: str, low: str, word: str, before: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    at, size = low.find(word), len(word)
    while at >= 0:
        end = at + size
        if text[end : end + 1] in _AFTER_NAME and (found := _ASSIGNED.match(text, end)) is not None:
            end = found.end()
            if (before is None or before.search(low, max(0, at - 12), at)) and looks_random(found["key"]):
                yield found.span("key")
        at = low.find(word, end)


def looks_random(word: str) -> bool:
    """Return whether a word may be a key by its letters: none that a person would write, no path, number, date or version."""
    if len(word) < 12 or word.count("/") > 2 or word[0] in "/~.$%" or "://" in word or "(" in word:
        return False
    if any(c in "!@%^&*~" for c in word) and any(c.isdigit() for c in word) and any(c.isalpha() for c in word):
        return True
    return any(_is_random(part[0]) for part in _SOLID_PART.finditer(word))


def _is_random(part: str) -> bool:
    """Whether letters and digits without a separator between them are mixed as by chance."""
    counts = Counter(part)
    entropy = -sum(n / len(part) * math.log2(n / len(part)) for n in counts.values())
    changes = len(_CHANGE.findall(part))
    if part.isalpha() or part.isdigit() or entropy < 2.9:
        return False
    return changes >= 3 or (len(part) >= 20 and entropy >= 4 and part.lower() != part and part.upper() != part)
