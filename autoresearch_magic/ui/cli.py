"""The command line: ``autoresearch run NOTEBOOK.ipynb | PROGRAM.md``, and the commands of the magic.

Exit codes: 0 done, 1 failed (or the doctor has found something bad), 2 wrong usage, 3 the budget was spent without an improvement.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..config.argument_parser import HelpShown, Parser, add_options, given
from ..config.layouts import lab_files, original_settings
from ..config.program import parse_program
from ..config.settings import make_settings
from ..errors import UserCodeError, UserError
from ..events import State
from ..storage.folders import ROOT, checked_name, study_names
from ..storage.journal import Journal
from ..study.definition import read_source
from ..study.opening import open_study
from ..study.study import Study
from ..study.summary import history_text, result_line
from .commands import parser, run_words, summary
from .progress_bar import BAR, TerminalBar, TerminalMeter, follow
from .replies import shown_path
from .reply import Reply
from .session import Session
from .starting import draft_reply, init_project

DONE, FAILED, USAGE, NO_GAIN = 0, 1, 2, 3
_SHARED = ("status", "history", "show", "diff", "best", "apply", "evals", "regression", "ablate", "report", "export")


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    try:
        return _main(words)
    except HelpShown as shown:
        print(str(shown).rstrip())
        return DONE
    except UserError as error:
        if isinstance(error, UserCodeError) and error.traceback:
            print(error.traceback, file=sys.stderr)
        print(f"autoresearch: {error}", file=sys.stderr)
        return FAILED if isinstance(error, UserCodeError) else USAGE
    except KeyboardInterrupt:
        print("\nautoresearch: interrupted", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # `autoresearch history | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _main(words: list[str]) -> int:
    root = Path(ROOT)
    if words[:1] == ["--root"]:
        root, words = Path(words[1] if len(words) > 1 else ""), words[2:]
    if not words or words[0] in ("-h", "--help", "help"):
        raise HelpShown(overview())
    name, rest = words[0], words[1:]
    if name == "run":
        arguments = run_parser().parse_args(rest)
        if arguments.file.endswith(".ipynb"):
            return run_notebook(Path(arguments.file), Path(arguments.out) if arguments.out else None, given(arguments))
        return run_program(arguments, root)
    if name == "resume":
        arguments = parser("resume").parse_args(rest)
        study = open_study(arguments.study or _newest(root), root)
        return see_through(study.resume(**given(arguments)))
    if name in _SHARED:
        open_study(_newest(root), root)  # what the magic calls the current study
        return show(run_words(Session(root=root), words))
    if name == "plan":
        arguments = run_parser("plan").parse_args(rest)
        if not Path(arguments.file).is_file() and not arguments.file.endswith(".md"):
            return show(draft_reply(arguments.file, given(arguments), root))
        return show(plan_program(arguments, root))
    if name in ("skills", "doctor"):
        return show(run_words(Session(root=root), words))
    if name == "init":
        if len(rest) not in (1, 2) or rest[0].startswith("-"):
            raise UserError(
                "Say which skill, and where its example goes: autoresearch init SKILL [FOLDER]; see  autoresearch skills"
            )
        print(init_project(rest[0], rest[-1], root))
        return DONE
    raise UserError(
        f"There is no command {name!r}: they are run, plan, init, skills, doctor, resume, {', '.join(_SHARED)}. See  autoresearch -h"
    )


def _newest(root: Path) -> str:
    names = study_names(root)
    if not names:
        raise UserError(f"There is no study in {root}: start one with  autoresearch run PROGRAM.md --target FILE")
    return names[-1]


def overview() -> str:
    """Return the help."""
    names = ("resume", *_SHARED)
    width = max(map(len, names))
    table = "\n".join(f"  {name:<{width}}  {summary(name)}" for name in names)
    return f"""usage: autoresearch [--root FOLDER] COMMAND ...

  run NOTEBOOK.ipynb            execute a notebook to its end, with a bar
  run PROGRAM.md --target FILE  run a study on a file
  run PROGRAM.md --scope GLOBS --verify COMMAND
                                run a study on the files of a git repository
  run PROGRAM.md                either, where PROGRAM.md says so, or lies beside train.py and prepare.py or a folder
                                train/ with them
  plan PROGRAM.md --target FILE what such a study would be like, before anything is spent
  skills                        program templates, with examples
  init SKILL [FOLDER]           copy one's example into a new folder, with its program.md
  plan "GOAL" --agent claude    make a program of a goal in plain words
  doctor                        is everything there that a study needs, and does it work
{table}

Each command has -h. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the budget was spent without an improvement."""


def show(reply: Reply) -> int:
    """Print a reply; waits and works with a bar where it asks for that."""
    if reply.text:
        print(reply.as_text())
    if reply.wait is not None:
        study = reply.wait[0]
        try:
            follow(study, TerminalBar(study))
        except KeyboardInterrupt:
            study.stop()
    if reply.then is not None:
        return show(reply.then())
    if reply.work is not None:
        meter = TerminalMeter()
        try:
            answer = reply.work(meter.put)
        finally:
            meter.close()
        return show(answer)
    return FAILED if reply.failed else DONE


def plan_program(arguments: argparse.Namespace, root: Path) -> Reply:
    """Plan a study on files."""
    study = file_study(arguments, root)
    return Reply("", work=lambda put: Reply(str(study.plan(put))))


def run_parser(name: str = "run") -> Parser:
    """Build the parser of ``autoresearch run`` and ``autoresearch plan``."""
    about = {"run": "Run a notebook or a program to its end.", "plan": "Find out what a study would be like."}
    made = Parser(prog=f"autoresearch {name}", description=about[name], allow_abbrev=False)
    made.add_argument("file", metavar="NOTEBOOK.ipynb | PROGRAM.md" if name == "run" else "PROGRAM.md | GOAL")
    made.add_argument("--target", metavar="FILE", help="the code that experiments may change (for a program)")
    made.add_argument("--setup", metavar="FILE", help="frozen code that runs once before them (for a program)")
    made.add_argument("--name", metavar="NAME", type=checked_name, help="names the study (default: date and metric)")
    made.add_argument("--out", metavar="PATH", help="the executed notebook (default: NAME.executed.ipynb beside it)")
    add_options(made)
    return made


# -- a program ---------------------------------------------------------------------------------------------------------


def file_study(arguments: argparse.Namespace, root: Path) -> Study:
    """Make a study of files."""
    program = Path(arguments.file)
    told = {**parse_program(read_source(program, "program")[0]).settings, **given(arguments)}
    if (
        not arguments.target
        and not told.get("verify")
        and not (original_settings(folder := program.absolute().parent) or lab_files(folder))
    ):
        raise UserError(
            "Say which file experiments may change: autoresearch run PROGRAM.md --target FILE , or --scope GLOBS --verify COMMAND"
        )
    return Study(
        program, Path(arguments.target) if arguments.target else "", Path(arguments.setup) if arguments.setup else "",
        name=arguments.name, root=root, **given(arguments),
    )  # fmt: skip


def run_program(arguments: argparse.Namespace, root: Path) -> int:
    """Run a study on files, to its end."""
    study = file_study(arguments, root)
    print(f"{study.name}: {study.settings.describe()}")
    return see_through(study.start())


def see_through(study: Study) -> int:
    """Wait for the end with a bar, show what came out, and say how it went."""
    try:
        follow(study, TerminalBar(study))
    except KeyboardInterrupt:
        study.stop()
        print(f"\n{study.name} is stopped. Go on with  autoresearch resume {study.name}")
        return FAILED
    return conclude(study)


def conclude(study: Study, more: Sequence[tuple[str, Path]] = ()) -> int:
    """Print the table of experiments, the result and where everything is; returns the exit code."""
    if study.state == State.FAILED:
        raise UserCodeError(study.status.message, study.status.traceback)
    print(f"\n{study.definition.program.title or study.name}\n")
    print(history_text(study.status, study.experiments))
    print(f"\n{result_line(study.status)}\n")
    places = [("results", study.folder / "results.tsv"), ("picture", study.folder / "progress.png"), *more]
    for what, path in places:
        if path.exists():
            print(f"{what:<9} {shown_path(path)}")
    best = study.incumbent
    return DONE if best is not None and best.number > 0 else NO_GAIN


# -- a notebook --------------------------------------------------------------------------------------------------------


def run_notebook(path: Path, out: Path | None, options: dict[str, object]) -> int:
    """Execute a notebook in a kernel of its own, with a bar read from the journal that it writes."""
    if options:
        raise UserError(
            f"A notebook has its settings in its cells: change --{next(iter(options)).replace('_', '-')} there."
        )
    try:
        import nbformat
        from jupyter_client.manager import AsyncKernelManager
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        raise UserError("Running a notebook needs nbclient: pip install nbclient ipykernel") from None
    if not path.is_file():
        raise UserError(f"There is no notebook at {path}.")
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, KeyError) as error:
        raise UserError(f"{path} is not a notebook: {' '.join(str(error).split())[:200]}") from None
    out = out or path.with_suffix(".executed.ipynb")
    before = time.time()
    failure: list[BaseException] = []

    def execute() -> None:
        try:
            # Socket files instead of TCP ports: the kernel is nobody else's business. In a folder with a short name,
            # because the path of a socket may have no more than about a hundred characters.
            with tempfile.TemporaryDirectory(prefix="ar-") as sockets:
                manager = AsyncKernelManager(
                    kernel_name="python3", transport="ipc", connection_file=str(Path(sockets) / "k.json")
                )
                resources = {"metadata": {"path": str(path.parent)}}
                client = NotebookClient(notebook, km=manager, timeout=None, resources=resources)
                asyncio.run(client.async_execute(cleanup_kc=True))  # the manager is ours, the end its
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=execute, name="notebook", daemon=True)
    thread.start()
    root = path.parent / ROOT
    pace = 0.5 if sys.stderr.isatty() else 15.0  # in a log every picture of the bar is a line
    with tqdm(total=1, bar_format=BAR, desc=path.name) as bar:
        while thread.is_alive():
            thread.join(pace)
            show_progress(bar, root, since=before)
    nbformat.write(notebook, out)
    if failure:
        raise notebook_error(failure[0], CellExecutionError, out)
    begun = [name for name in study_names(root) if (root / name / "journal.sqlite").stat().st_mtime >= before]
    if not begun:
        print(f"notebook  {shown_path(out)}")
        return DONE
    return conclude(open_study(begun[-1], root), [("notebook", out)])


def show_progress(bar: tqdm, root: Path, since: float) -> None:  # type: ignore[type-arg]
    """Bring the bar up to what the newest journal says."""
    begun = [name for name in study_names(root) if (root / name / "journal.sqlite").stat().st_mtime >= since]
    if not begun:
        bar.refresh()
        return
    journal = Journal(root / begun[-1] / "journal.sqlite")
    try:
        if journal.get("settings") is None:
            return
        settings = make_settings(journal.get("settings"))
        runs, experiments = journal.runs(), [e for e in journal.experiments() if e.verdict is not None]
    finally:
        journal.close()
    metric = settings.as_metric()
    kept = [e for e in experiments if e.kept]
    bar.total = settings.experiments + 3 * settings.repeats
    bar.n = min(bar.total, len(runs) + sum(not e.measurements for e in experiments))
    what = (
        "measuring again"
        if runs and runs[-1].kind == "final"
        else f"{max(0, len(experiments) - 1)}{f'/{settings.planned}' if settings.planned else ''} experiments"
    )
    bar.set_description_str(f"{what}, best {metric.format(kept[-1].value)}" if kept else "measuring the baseline")


def notebook_error(error: BaseException, cell_error: type[Exception], out: Path) -> BaseException:
    """Turn the failure of a cell into one line, and the user's traceback where there is one."""
    if not isinstance(error, cell_error):
        return error
    name, value = getattr(error, "ename", ""), getattr(error, "evalue", str(error))
    shown = "" if name == "UsageError" else str(getattr(error, "traceback", ""))
    return UserCodeError(
        f"A cell failed: {value if name == 'UsageError' else f'{name}: {value}'} (see {shown_path(out)})", shown
    )


if __name__ == "__main__":
    sys.exit(main())
