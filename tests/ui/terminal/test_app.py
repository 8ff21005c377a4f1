"""The full-screen view with made-up studies: what is seen, keys, narrow and wide terminals."""

import asyncio
from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, Notice, RunProgress, RunStarted, State, StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.terminal.app import WatchApp
from autoresearch_magic.ui.terminal.table import CURSOR, ExperimentTable

pytestmark = pytest.mark.slow


def experiment(number, value, verdict=Verdict.DISCARD):
    runs = (
        Measurement(Outcome.OK if value is not None else Outcome.CRASH, value, 0, 1.0, output=f"output of {number}\n"),
    )
    proposal = Proposal(f"X = {number}\nloss = X\n", f"idea {number}", f"because {number}", agent="tuner")
    return Experiment(number, 0 if number else None, proposal, verdict=verdict, measurements=runs)


@pytest.fixture
def study(tmp_path):
    made = Study(
        "# Lower it", "X = 1\nloss = X\n", metric="loss", name="night", experiments=40, budget="5s", root=tmp_path
    )
    made.status.take(Judged(experiment(0, 10.0, Verdict.BASELINE)))
    for n in range(1, 30):
        verdict = Verdict.KEEP if n % 10 == 0 else Verdict.CRASH if n % 7 == 0 else Verdict.DISCARD
        made.status.take(Judged(experiment(n, None if verdict is Verdict.CRASH else 9.0 - n / 10, verdict)))
    made.status.take(StateChanged(State.RUNNING))
    return made


def screen(app):
    """The text on the screen."""
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips(app.screen.size)
    )


async def seen_at_last(app, pilot, text):
    """Wait until a text is on the screen."""
    for _ in range(100):
        await pilot.pause(0.01)
        if text in screen(app):
            return
    raise AssertionError(screen(app))


def run(study, steps, size=(120, 40), **attributes):
    async def session():
        app = WatchApp(study)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            app.look()
            await pilot.pause()
            await steps(app, pilot)

    asyncio.run(session())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 12)])
def test_what_is_seen(study, size):
    study.status.take(RunStarted(experiment(30, None), "candidate", 0, 1))
    study.status.take(RunProgress(30, "training", 1.0, 0.4, 10))
    study.status.take(Notice("The setup leaves a thread: see  %autoresearch status"))

    async def steps(app, pilot):
        seen = screen(app)
        for each in (
            "Lower it",
            "running",
            "night · loss ↓ · 5s per run · agent tuner",
            "40%",
            "Experiment 30 · idea 30",
            "29 of 40 experiments",
        ):
            assert each in seen
        assert "see  autoresearch status" in seen
        assert "Best 7" in seen
        assert "idea 29" in seen
        assert ("loss by experiment, lower is better" in seen) == (size[1] >= 18)
        assert ("95% interval" in seen) == (size[0] >= 120)
        assert all(len(line) == size[0] for line in seen.splitlines())

    run(study, steps, size)


def test_keys_of_the_table(study):
    async def steps(app, pilot):
        table = app.query_one(ExperimentTable)
        assert table.number == 29
        await pilot.press("down", "down")
        assert table.number == 27
        study.status.take(Judged(experiment(30, 5.0)))
        app.look()
        assert table.number == 27, "the cursor stays where the user has put it"
        await pilot.press("home")
        study.status.take(Judged(experiment(31, 5.5)))
        app.look()
        assert table.number == 31, "at the top it follows the newest"
        await pilot.press("end")
        assert table.number == 0
        assert "baseline" in screen(app)
        await pilot.press("k")
        assert "Experiments: 3 of 32, kept only; newest first" in screen(app)
        await pilot.press("f")
        assert "failed only" in screen(app)
        await pilot.press("escape", "o")
        assert table.number == 30, "the best first"
        await pilot.press("slash", *"idea 2")
        assert "with 'idea 2'" in screen(app)
        await pilot.press("enter")
        assert app.focused is table
        await pilot.press("escape")
        assert "Experiments: 32; best first" in screen(app)
        await pilot.click(ExperimentTable, offset=(5, 2))
        assert table.number != 30

    run(study, steps)


def test_an_experiment_closely(study):
    async def steps(app, pilot):
        await pilot.press("slash", *"#20", "enter", "enter")
        seen = screen(app)
        for each in (
            "Experiment 20",
            "Hypothesis: because 20",
            "What it changed, against the baseline",
            "- X = 0",
            "+ X = 20",
            "output of 20",
        ):
            assert each in seen
        await pilot.press("escape", "escape", "end", "enter")
        assert "Source" in screen(app)
        await pilot.press("left")
        assert "Experiment 1 " in screen(app)
        await pilot.press("d", "escape", "question_mark")
        assert "pause after the current run" in screen(app)
        await pilot.press("escape", "q")
        assert not app.is_running

    run(study, steps)


def test_commands(study, monkeypatch):
    done = []
    monkeypatch.setattr(study, "pause", lambda: done.append("pause"))
    monkeypatch.setattr(study, "stop", lambda: done.append("stop"))

    def resume():
        raise UserError("It cannot: see  %autoresearch status")

    monkeypatch.setattr(study, "resume", resume)

    async def steps(app, pilot):
        await pilot.press("p")
        await seen_at_last(app, pilot, "night pauses after the current run.")
        await pilot.press("s", "n")
        await pilot.press("s", "y")
        await app.workers.wait_for_complete()
        assert done == ["pause", "stop"], "it is asked once"
        await pilot.press("r")
        await seen_at_last(app, pilot, "It cannot: see  autoresearch status")
        study.status.take(StateChanged(State.STOPPED, "killed"))
        await pilot.press("s")
        await seen_at_last(app, pilot, "night is stopped already.")

    run(study, steps)


def test_without_colours_the_cursor_is_reversed(study, monkeypatch):
    def styles(app):
        return {
            str(segment.style) for strip in app.screen._compositor.render_strips(app.screen.size) for segment in strip
        }

    async def drawn(app, pilot, style):
        for _ in range(100):
            if any(style in each for each in styles(app)):
                return True
            await pilot.pause(0.01)
        return False

    async def coloured(app, pilot):
        assert await drawn(app, pilot, CURSOR.rpartition(" ")[2])

    async def plain(app, pilot):
        assert app.no_color
        assert await drawn(app, pilot, "reverse")

    monkeypatch.delenv("NO_COLOR", raising=False)
    run(study, coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    run(study, plain)


def test_a_study_without_experiments_and_one_that_failed(study):
    study.status.experiments = ()
    study.status.take(StateChanged(State.FAILED, "The setup raises: " + "very " * 100))

    async def steps(app, pilot):
        seen = screen(app)
        assert "failed before the baseline was measured" in seen
        assert "No baseline yet" in seen
        await pilot.press("enter", "down", "end", "k", "o")
        study.status.take(Judged(replace(experiment(0, None, Verdict.CRASH))))
        app.look()

    run(study, steps, (80, 24))


def test_a_look_while_the_view_is_closed_is_no_error(study):
    async def steps(app, pilot):
        await app.screen_stack[0].remove_children()
        app.look()

    run(study, steps)
