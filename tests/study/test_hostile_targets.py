"""Whatever a target does ends its own experiment at most: one study of many such targets, run as a user runs it."""

import pytest

from autoresearch_magic.experiment import Verdict
from autoresearch_magic.storage.rows import MOST_TEXT

from ..studies import finish

SETUP = "from autoresearch_magic import clock, report, seed\nimport os\n"
EVIL_STREAM = (
    "import sys\nclass E:\n    def write(s, *a): raise OSError\n    def flush(s): raise SystemExit(4)\n"
    "sys.stdout = sys.stderr = E()\n"
)
TO_EVERY_PIPE = "import os\nfor fd in range(3, 500):\n    try: os.write(fd, {!r})\n    except OSError: pass\n"
GARBAGE = b'{garbage\n[1]\n5\nnull\n{"result":5}\n{"report":{}}\n\xff\xff\n{"tick":3}\n' + b"x" * 3_000 + b"\n"

ENDS_WELL = {
    "a half surrogate printed": "print('a\\udcffb')\nloss = 2",
    "a half surrogate as a name": "globals()['v\\udcff'] = 1\nloss = 2",
    "a name that is no text": "globals()[5] = 1\nloss = 2",
    "a huge step": "report(step=2**70, x=1)\nloss = 2",
    "a huge number reported": "report(x=10**400, y=1e308)\nreport(x=-1e308)\nloss = 2",
    "an enormous report": "report(**{str(i) * 50: i for i in range(10_000)})\nloss = 2",
    "a thread that stays": "import threading, time\nthreading.Thread(target=time.sleep, args=(900,)).start()\nloss = 2",
    "descriptors closed": "import os\nos.closerange(0, 200)\nloss = 2",
    "no stdout": "import sys\nsys.stdout = sys.stderr = None\nloss = 2",
    "builtins deleted": "import builtins\nfor n in ('print', 'sorted', 'isinstance', 'len'): delattr(builtins, n)\nloss = 2",
    "os.write replaced": "import os\nos.write = None\nloss = 2",
    "garbage in the pipe": TO_EVERY_PIPE.format(GARBAGE) + "loss = 2",
    "the folder deleted": "import os, tempfile\nd = tempfile.mkdtemp()\nos.chdir(d)\nos.rmdir(d)\nloss = 2",
    "a fork that goes on": "import os\nif os.fork() == 0: loss = 1\nelse: loss = 2",
    "an array of one number": "import numpy\nloss = numpy.array([2.0])",
    "a decimal": "from decimal import Decimal\nloss = Decimal('2.0')",
}
ENDS_BADLY = {
    "loss = -1e308": "too large to be compared",
    "loss = 1e200": "too large to be compared",
    "loss = -10**400": "loss is -inf",
    "raise ValueError('\\udcff bad')": "\\udcff bad",
    "raise ModuleNotFoundError(name='\\udcff' * 100_000)": "udcff",
    "raise NameError(name=[1])": "NameError",
    "report(5)\nloss = 2": "report() got no value with a name: write report(loss=5)",
    "report(step=float('nan'), x=1)\nloss = 2": "NaN",
    "import os; os._exit(0)": "ended with exit code 0",
    "import sys; sys.exit('\\udcff')": "sys.exit",
    EVIL_STREAM + "1/0": "ZeroDivisionError",
    "import builtins\ndel builtins.print\n1/0": "ZeroDivisionError",
    "class E(Exception):\n    def __str__(s): raise ValueError\n    __repr__ = __str__\nraise E": "its text cannot be computed",
    "import os, signal\nos.killpg(0, signal.SIGTERM)\nloss = 2": "SIGTERM",
    "import os, signal\nos.kill(os.getpid(), signal.SIGRTMIN + 3)\nloss = 2": "killed by",
    "class F(float):\n    def __float__(s): raise SystemExit(3)\nloss = F(3)": "SystemExit",
    "class F:\n    def item(s): raise KeyboardInterrupt\nloss = F()": "KeyboardInterrupt",
    "import numpy\nloss = numpy.array([2.0, 3.0])": "size 1",
    "loss = {5: [2], None: {}}": "loss",
    "loss = 1j": "complex",
    "raise ValueError('first' + 'x' * 20_000_000)": "ValueError: first",
    TO_EVERY_PIPE.format(b'{"result":{"outcome":"ok","value":"x"}}\n') + "os._exit(0)": "no number",
}  # fmt: skip


@pytest.mark.slow
def test_a_study_outlives_every_target(make_study, script):
    script(*ENDS_WELL.values(), *ENDS_BADLY, "loss = 0.5")
    study = finish(make_study("loss = 3.0\n", SETUP, repeats=1, experiments=99, agent="script", timeout="20s"), 120)
    told = [(e.verdict, e.reason) for e in study.experiments[1:]]
    assert len(told) == len(ENDS_WELL) + len(ENDS_BADLY) + 1
    for name, (verdict, reason) in zip(ENDS_WELL, told, strict=False):
        assert verdict in (Verdict.KEEP, Verdict.DISCARD), (name, verdict, reason)
    for (target, words), (verdict, reason) in zip(ENDS_BADLY.items(), told[len(ENDS_WELL) :], strict=False):
        assert verdict in (Verdict.CRASH, Verdict.METRIC_ERROR), (target, verdict, reason)
        assert words in reason, (target, reason)
    assert (study.incumbent.value, study.status.headline.best) == (0.5, 0.5)
    for e in study.experiments:
        assert all(len(m.error) + len(m.traceback) + len(m.output) < 3 * MOST_TEXT for m in e.measurements)
