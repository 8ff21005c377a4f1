"""The subcommands of ``%autoresearch`` and ``autoresearch``, by theme; importing a module puts its commands into the table.

The order of these imports is the order of the help.
"""

from . import shell, define, control, look, ideas, ask, results, use, begin  # noqa: F401, I001
