"""The subcommands of ``%autoresearch`` and ``autoresearch``, by theme; importing a module puts its commands into the table.

The order of these imports is the order of the help.
"""

from . import (  # noqa: F401, I001
    shell,
    define,
    control,
    look,
    ideas,
    ask,
    results,
    use,
    begin,
    host_skill,
)
