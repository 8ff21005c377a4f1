"""Studies whose experiments are made up: nothing is run."""

from autoresearch_magic.events import State
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.study.definition import define
from autoresearch_magic.study.status import StudyStatus
from autoresearch_magic.study.view import StudyView

SOURCE = "import math\n\nRATE = {rate}  # 0 .. 1\n\n\ndef fit(x):\n    return x * RATE\n\n\nloss = fit({n})\n"
PROGRAM = "# Lower the loss\n\nChange what you like.\n"


class MadeUp(StudyView):
    """A study that only reads."""

    def __init__(self, status):
        self.name, self.folder, self._status = status.name, status.folder, status


def run(value, seed=0, outcome=Outcome.OK, **more):
    return Measurement(outcome, value, seed=seed, seconds=1.5, charged=1.0, **more)


def experiment(number, verdict, values, parent=None, summary="", target=None, reason="", **proposal):
    made = Proposal(
        target or SOURCE.format(rate=0.1 * number, n=number), summary or f"idea {number}", agent="script", **proposal
    )
    runs = tuple(each if isinstance(each, Measurement) else run(each, seed) for seed, each in enumerate(values))
    return Experiment(number, parent, made, f"f{number}", verdict, reason, runs, commit=f"{number:040x}")


def typical():
    """A baseline, two keeps of which one is proven, a near miss, a duplicate, failures."""
    crash = run(None, outcome=Outcome.CRASH, error="KeyError: 'x' (line 3)", traceback="Traceback\nKeyError: 'x'")
    return [
        experiment(0, Verdict.BASELINE, (2.0, 2.02, 1.98), summary="baseline"),
        experiment(
            1, Verdict.KEEP, (1.0, 1.02, 0.99), 0, "a much better rate", hypothesis="It was too low.", expect="-0.5"
        ),
        experiment(2, Verdict.DISCARD, (1.5,), 1, reason="Expected to be worse."),
        experiment(3, Verdict.DISCARD, (0.995,), 1, "nearly", reason="Better with a chance of 60%."),
        experiment(4, Verdict.KEEP, (0.98,), 1, "a little better"),
        experiment(5, Verdict.CRASH, (crash,), 4, "a crash", reason="KeyError: 'x' (line 3)"),
        experiment(6, Verdict.DUPLICATE, (), 4, "the same again"),
        experiment(7, Verdict.PRUNED, (run(None, outcome=Outcome.PRUNED),), 4, "hopeless"),
    ]


HEADLINE = Headline(4, 0.985, 0.02, 2.01, 0.03, 3, 1.025, 0.05, 0.95, 0.9999)


def study(
    tmp_path, experiments=None, state=State.FINISHED, headline=None, program=PROGRAM, target="loss = 1\n", **settings
):
    given = {"metric": "loss", "minimize": True, "experiments": 8, **settings}
    definition = define(program, target, "", given)
    status = StudyStatus("made-up", tmp_path / ".autoresearch" / "made-up", definition, state)
    status.folder.mkdir(parents=True, exist_ok=True)
    status.experiments = tuple(typical() if experiments is None else experiments)
    status.headline = headline
    status.runs = [("candidate", m.seconds) for e in status.experiments for m in e.measurements]
    return MadeUp(status)
