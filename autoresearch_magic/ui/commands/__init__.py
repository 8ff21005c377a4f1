"""The subcommands of ``%autoresearch`` and ``autoresearch``; importing a module puts its commands into the table.

`first_steps` has the order of the help.
"""

from . import (  # noqa: F401, I001
    shell,
    define,
    control,
    watching,
    look,
    agents,
    ideas,
    drive,
    ask,
    results,
    importing,
    tracking,
    use,
    serve,
    repair,
    begin,
    host_skill,
)
