"""In which order the tests are run by several processes: long files first, and shared out among the processes.

pytest-xdist gives each process an equal number of tests, one after another, and a process that has nothing left takes the last
ones of another. So what is left at the end has to be short.
"""

LONGEST = [
    "ui/test_notebooks",
    "ui/test_driven_by_a_shell_script",
    "ui/jupyter/test_magics",
    "study/test_measuring",
    "ui/mcp/test_transports",
    "ui/mcp/test_driving",
    "study/test_proposing",
    "ui/test_drive",
    "config/test_skills",
    "study/test_editing_study",
    "train/test_train",
    "ui/panel/test_chart_page",
    "attacks/test_cells",
    "ui/panel/test_detail_page",
    "ui/jupyter/test_panel_page",
    "study/test_tries",
    "agents/llm/test_agent",
    "ui/test_skills_and_drafts",
    "study/test_repository_study",
    "runners/worker/test_client",
    "ui/jupyter/test_watching",
    "attacks/test_repositories",
    "ui/test_shell",
    "config/test_settings_options",
    "ui/test_progress_bar",
    "study/test_followed",
    "chaos/test_chaos",
]
"""The files that take longest, the longest first."""
LAB = [
    "ui/jupyter/test_reload",
    "ui/jupyter/test_extension",
    "ui/jupyter/test_browser",
    "ui/jupyter/test_chart_in_lab",
    "ui/jupyter/test_steering_lab",
    "ui/jupyter/test_detail_in_jupyter",
    "ui/jupyter/test_report_link",
]
"""Files that need a Jupyter server, which takes ten seconds to start: one process gets all of them."""


def processes(cores, *, quick):
    """Return how many processes run the tests: the quick ones keep a core each busy, and the others wait half of the time."""
    return cores if quick else 2 * cores


def shared_out(items, count, name_of):
    """Return the tests in the order for `count` processes: the first gets those with a Jupyter server, each the next of the long files, and some of all others."""
    files = {}
    for item in items:
        files.setdefault(name_of(item), []).append(item)
    lab = [item for name in LAB for item in files.pop(name, [])]
    long = [lab] * bool(lab) + [files.pop(name) for name in LONGEST if name in files]
    rest = [item for each in files.values() for item in each]
    size, ordered = -(-len(items) // count), []
    for number in range(count):
        # There and back again, so that the first one does not get the longer of each pair.
        own = [
            item
            for turn in range(0, len(long), count)
            for item in (
                long[turn : turn + count][:: 1 if turn // count % 2 == 0 else -1][number : number + 1] or [[]]
            )[0]
        ]
        fill = max(0, size - len(own))
        ordered += own + rest[:fill]
        del rest[:fill]
    return ordered + rest
