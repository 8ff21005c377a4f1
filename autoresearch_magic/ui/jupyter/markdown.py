"""The Markdown of our replies as HTML: paragraphs, bold, code, fences, lists, tables, headings, pictures; no other Markdown.

Replies escape every text that is not ours (`text.escape`), and everything is escaped again here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_FENCE = re.compile(r"(`{3,})(\w*)\s*")
_RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
_CELL = re.compile(r"(?<!\\)\|")
_INLINE = re.compile(r"\\(?P<escaped>[^A-Za-z0-9\s])|`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)(?<!\\)\*\*")


def as_html(markdown: str) -> str:
    """Return the HTML of a reply; it inherits the page's colours and fonts."""
    return f"<div>{''.join(_blocks(markdown.splitlines()))}</div>"


def _blocks(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        start = at
        if fence := _FENCE.fullmatch(line):
            at = next((n for n in range(at + 1, len(lines)) if lines[n].rstrip() == fence[1]), len(lines))
            code = html.escape("\n".join(lines[start + 1 : at]))
            yield f'<pre><code class="language-{fence[2]}">{code}</code></pre>' if fence[2] else f"<pre>{code}</pre>"
            at += 1
        elif line.startswith("|") and at + 1 < len(lines) and _RULE.fullmatch(lines[at + 1].strip()):
            while at < len(lines) and lines[at].startswith("|"):
                at += 1
            yield _table(lines[start:at])
        elif line.startswith("- "):
            while at < len(lines) and lines[at].startswith("- "):
                at += 1
            yield f"<ul>{''.join(f'<li>{_inline(each[2:])}</li>' for each in lines[start:at])}</ul>"
        elif heading := re.fullmatch(r"(#{1,6}) (.*)", line):
            yield f"<h{len(heading[1])}>{_inline(heading[2])}</h{len(heading[1])}>"
            at += 1
        elif line.strip():
            while at < len(lines) and lines[at].strip() and (at == start or not _begins_block(lines, at)):
                at += 1
            yield f"<p>{'<br>'.join(_inline(each.rstrip()) for each in lines[start:at])}</p>"
        else:
            at += 1


def _begins_block(lines: list[str], at: int) -> bool:
    return bool(_FENCE.fullmatch(lines[at])) or lines[at].startswith(("- ", "|"))


def _table(lines: list[str]) -> str:
    head, _, *rows = ([cell.strip() for cell in _CELL.split(line.strip().strip("|"))] for line in lines)
    titles = "".join(f"<th>{_inline(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _inline(text: str) -> str:
    parts, end = [], 0
    for found in _INLINE.finditer(text):
        parts.append(html.escape(text[end : found.start()]))
        if found["escaped"] is not None:
            parts.append(html.escape(found["escaped"]))
        elif found["code"] is not None:
            parts.append(f"<code>{html.escape(found['code'])}</code>")
        else:
            parts.append(f"<strong>{_inline(found['bold'])}</strong>")
        end = found.end()
    return "".join([*parts, html.escape(text[end:])])
