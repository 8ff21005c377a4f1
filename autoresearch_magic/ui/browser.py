"""A browser with windows on this machine, and links that a terminal can open."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping

_KNOWN = ("VTE_VERSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "WEZTERM_PANE", "WT_SESSION", "ALACRITTY_WINDOW_ID")
_PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio")


def open_in_browser(url: str) -> bool:
    """Open an address in a browser with windows; return whether there is one."""
    shown = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    try:
        return shown and webbrowser.open(url)
    except webbrowser.Error:
        return False


def terminal_link(url: str, environment: Mapping[str, str] | None = None) -> str:
    """Return an address for a terminal: as a link (OSC 8) where the output is a terminal that is known to have them, else as it is."""
    given = os.environ if environment is None else environment
    terminal = getattr(sys.stdout, "isatty", bool)()
    links = any(given.get(name) for name in _KNOWN) or given.get("TERM_PROGRAM") in _PROGRAMS
    if not terminal or not links or given.get("TERM") == "dumb":
        return url
    return f"\x1b]8;;{url}\x1b\\{url}\x1b]8;;\x1b\\"
