"""The accessibility checker axe-core, in a page of the browser tests."""

from pathlib import Path

import axe_playwright_python

SCRIPT = Path(axe_playwright_python.__file__).parent / "axe.min.js"


def serious(page, part=".arm-panel"):
    """Return what axe-core finds serious or critical in a part of a page: the rule, what it is about, and the first nodes."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(SCRIPT.read_text("utf-8"))  # a script tag might not be allowed
    found = page.evaluate("async (part) => (await axe.run(part, { resultTypes: ['violations'] })).violations", part)
    return [
        (each["id"], each["help"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
