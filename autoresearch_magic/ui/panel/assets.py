"""The panel's front end as one script and one style sheet.

The sources in `page/` are plain ES modules that a browser could load as they are. A widget's front end is one text, so they are joined
here, in the order of their imports and without them: no build step, no tools, and what runs is what one reads.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PAGE = Path(__file__).parent / "page"
STYLES = ("base", "charts", "table", "detail", "insights", "steering", "versions", "wide")
"""The style sheets in their order; the last one holds the rules of wide panels."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|const|let|class)", re.MULTILINE)


@cache
def page_script() -> str:
    """Return the modules of the panel as one module, which exports ``{ render }``.

    Examples
    --------
    A host needs an element, and an object with ``send(content)``, ``on(name, call)`` and ``off(name, call)``:
    ``render({ model, el })`` returns a function that removes the panel.
    """
    return join_modules(PAGE, "panel")


def join_modules(folder: Path, last: str) -> str:
    """Return the modules of a folder that one of them needs as one text, in the order of their imports and without these."""
    order: dict[str, str] = {}
    begun: set[str] = set()

    def visit(name: str) -> None:
        if name in begun:
            return
        begun.add(name)
        text = (folder / f"{name}.js").read_text("utf-8")
        for other in _IMPORT.findall(text):
            visit(other)
        order[name] = f"// {name}.js\n{_EXPORT.sub('', _IMPORT.sub('', text))}"

    visit(last)
    return "\n".join(order.values())


@cache
def page_style() -> str:
    """Return the style sheet of the panel."""
    return "\n".join(path.read_text("utf-8") for name in STYLES if (path := PAGE / f"{name}.css").is_file())
