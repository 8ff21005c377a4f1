"""Measure the panel with 1,000 and 10,000 experiments: in headless Chromium, and what two open panels cost a kernel.

Run it with ``python benchmarks/panel.py [experiments ...]``. Each row says what was measured, the figure that is asked for, and what was
found. The browser draws in software on these machines, so that a real screen is quicker. The experiments are made up: one in twelve has
failed, summaries have sixty characters, and verdicts and gains come from runs with a known noise.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from autoresearch_magic.events import StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.study.status import State
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.panel.assets import page_script, page_style
from autoresearch_magic.ui.panel.opening import open_session

TARGET = "X = 3.0\nRATE = 0.1\nLAYERS = 4\nloss = X\n"
MODEL = """
window.heard = new Set(); window.sizes = []; window.pulls = 0;
window.model = {
  on: (name, call) => heard.add(call), off: (name, call) => heard.delete(call),
  send: async (content) => {
    if (content.type === "pull") pulls += 1;
    for (const [answer, buffers] of await toPython(content)) {
      const bytes = buffers.map((b) => Uint8Array.from(b, (c) => c.charCodeAt(0)).buffer);
      for (const call of [...heard]) call(answer, bytes);
    }
  },
};
"""
FRAMES = """
// Move the pointer over the chart at the begin of a frame, and measure the time until that frame is drawn. (Less than 16 ms are 60 frames a second.)
async () => {
  const plot = document.querySelector(".arm-big"), area = plot.getBoundingClientRect(), found = [];
  const target = plot.querySelector(".arm-front") ?? plot;
  for (let i = 0; i < 120; i++) {
    const x = area.left + area.width * (0.1 + 0.8 * ((i * 37) % 120) / 120), y = area.top + area.height * (0.2 + 0.6 * ((i * 53) % 120) / 120);
    // At any time between two frames, as a real pointer: an event right after a frame would always wait for a whole one.
    await new Promise((done) => setTimeout(done, 20 + (i * 7) % 16));
    const began = performance.now();
    target.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
    await new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
    found.push(performance.now() - began);
  }
  return found;
}
"""


def made_up(count: int) -> list[Experiment]:
    """Return as many experiments as an overnight study might have made."""
    rng = random.Random(0)
    level, parent, rate = 3.0, 0, 0.1

    def run(value: float) -> Measurement:
        return Measurement(
            Outcome.OK, value + rng.gauss(0, 0.01), seed=rng.randrange(1000), seconds=5 + rng.random(), memory=0.5
        )

    found = [
        Experiment(
            0,
            None,
            Proposal(TARGET, "baseline", agent="tuner"),
            verdict=Verdict.BASELINE,
            measurements=tuple(run(level) for _ in range(3)),
        )
    ]
    for number in range(1, count):
        rate = 0.1 * 10 ** rng.uniform(-1, 1)
        source = TARGET.replace("0.1", f"{rate:.4f}").replace("LAYERS = 4", f"LAYERS = {rng.randint(2, 9)}")
        proposal = Proposal(
            f"{source}# {number}\n", f"learning rate {rate:.4f} with a longer warm-up and {rng.randrange(99)} heads",
            agent=rng.choice(["tuner", "claude"]),
        )  # fmt: skip
        draw = rng.random()
        if draw < 0.08:
            error = "ValueError: shapes (3, 4) and (5, 6) are not aligned"
            failed = Measurement(Outcome.CRASH, None, seed=1, seconds=0.5, error=error)
            made = Experiment(
                number, parent, proposal, verdict=Verdict.CRASH, reason=f"{error} (line 3)", measurements=(failed,)
            )
        elif draw < 0.08 + 0.3 / (1 + number / 60):
            level -= 0.02 * rng.random()
            made = Experiment(
                number, parent, proposal, verdict=Verdict.KEEP, reason="expected to be better by 0.01",
                measurements=(run(level), run(level)),
            )  # fmt: skip
            parent = number
        else:
            reason = "3.012 is not expected to be better than the best so far, 2.991"
            made = Experiment(
                number, parent, proposal, verdict=Verdict.DISCARD, reason=reason,
                measurements=(run(level + abs(rng.gauss(0, 0.1))),),
            )  # fmt: skip
        found.append(made)
    return found


def say(what: str, wanted: str, found: str) -> None:
    print(f"  {what:<52} {wanted:>14}   {found}", flush=True)


def page_with(browser: Any, study: Study, sizes: list[tuple[str, int]]) -> Any:
    """Return a page with the panel's script, whose messages a real session answers."""
    answers: list[Any] = []
    session = open_session(
        study, lambda content, buffers=(): answers.append([content, [b.decode("latin-1") for b in buffers or ()]])
    )

    def answer(content: dict[str, Any]) -> list[Any]:
        answers.clear()
        began = time.monotonic()
        session.take(content)
        while not answers and time.monotonic() - began < 60:
            time.sleep(0.005)  # what is answered in a thread
        for each, buffers in answers:
            sizes.append((str(content["type"]), len(json.dumps(each)) + sum(map(len, buffers))))
        return list(answers)

    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.expose_function("toPython", answer)
    page.set_content(f"<style>{page_style()}</style>")
    page.add_script_tag(content=MODEL)
    page.add_script_tag(
        content=page_script().replace("export default { render };", "window.render = render;"), type="module"
    )
    page.wait_for_function("Boolean(window.render)")
    return page


def in_the_browser(count: int, browser: Any, folder: Path) -> None:
    """Measure one size of study."""
    study = Study("# Lower it", TARGET, metric="loss", experiments=2 * count, repeats=2, budget="5s", root=folder)
    study.status.experiments = tuple(made_up(count))
    study.status.take(StateChanged(State.PAUSED, ""))
    sizes: list[tuple[str, int]] = []
    page = page_with(browser, study, sizes)
    print(f"{count:,} experiments in Chromium")
    page.evaluate(
        """(count) => {
        window.began = performance.now();
        const el = document.createElement("div"); document.body.append(el); window.panel_off = render({ model, el });
        const look = () => {
          if (el.querySelector(".arm-history .arm-group")?.textContent.includes(`All ${count}`)) window.there = performance.now() - began;
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    }""",
        count,
    )
    page.wait_for_function("window.there !== undefined", timeout=60_000)
    say("all rows there", "<= 500 ms", f"{page.evaluate('there'):.0f} ms")
    say("first answer", "<= 300 kB", f"{sizes[0][1] / 1000:.0f} kB")
    page.wait_for_function("n => pulls >= n", arg=3)
    began = time.monotonic()
    while any(size > 400 for _, size in sizes[-2:]) and time.monotonic() - began < 120:
        page.wait_for_timeout(500)
    say("all texts and gains there", "", f"{page.evaluate('performance.now() - began') / 1000:.1f} s")
    say("answer to a poll, nothing new", "<= 300 bytes", f"{sizes[-1][1]} bytes")
    say("DOM nodes", "<= 5,000", f"{page.evaluate('document.querySelectorAll(`*`).length'):,}")
    frames = sorted(page.evaluate(FRAMES))
    say(
        "hover to frame", "<= 16, p95 33 ms",
        f"median {statistics.median(frames):.1f} ms, p95 {frames[int(0.95 * len(frames))]:.1f} ms",
    )  # fmt: skip
    clicks = []
    for n in range(3, 8):
        number = page.evaluate("n => document.querySelectorAll('.arm-row .arm-opener')[n].textContent.trim()", n)
        page.evaluate(
            """([n, number]) => {
            const shown = () => document.querySelector(`dialog[open] .arm-code[aria-label$="to experiment ${number}"]`);
            const began = performance.now(), look = () => (shown() ? (window.took = performance.now() - began) : requestAnimationFrame(look));
            window.took = null;
            document.querySelectorAll(".arm-row .arm-opener")[n].click();
            look();
        }""",
            [n, number],
        )
        page.wait_for_function("window.took !== null")
        clicks.append(page.evaluate("took"))
        page.keyboard.press("Escape")
    say("click on a row to its diff", "<= 200 ms", f"first {clicks[0]:.0f} ms, then {statistics.median(clicks):.0f} ms")
    filters = []
    for name in ("Kept", "All", "Kept", "All"):
        filters.append(
            page.evaluate(
                """async (name) => {
                const button = [...document.querySelectorAll(".arm-filter button")].find((b) => b.innerText.startsWith(name));
                const began = performance.now();
                button.click();
                await new Promise(requestAnimationFrame);
                await new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
                return performance.now() - began;
            }""",
                name,
            )
        )
    say("filter", "<= 100 ms", f"median {statistics.median(filters):.0f} ms, most {max(filters):.0f} ms")
    page.close()
    study.stop()


KERNEL = """
    import sys
    sys.path.insert(0, {here!r})
    from panel import TARGET, made_up
    from autoresearch_magic.study.study import Study
    from autoresearch_magic.events import StateChanged
    from autoresearch_magic.study.status import State
    from autoresearch_magic.ui.jupyter.panel import Panel
    study = Study("# Lower it", TARGET, metric="loss", experiments={twice}, repeats=2, budget="5s", root={folder!r})
    study.status.experiments = tuple(made_up({count}))
    study.status.take(StateChanged(State.RUNNING, ""))
    panels = [Panel(study), Panel(study)]
    print(*(panel.comm.comm_id for panel in panels))

    def known():
        import json
        print("known", json.dumps([{{"epoch": p.session.feed.epoch, "seen": max(p.session.feed._facts, default=None), **p.session.feed._sent}} for p in panels]))
"""


def in_a_kernel(count: int, folder: Path, cells: int = 40) -> None:
    """Measure how fast ``1+1`` answers while two panels ask once a second: such that know everything, and such that ask for all of it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    printed: list[str] = []

    def output(message: Any) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    try:
        here = str(Path(__file__).parent)
        code = textwrap.dedent(KERNEL).format(here=here, twice=2 * count, count=count, folder=str(folder / "kernel"))
        reply = client.execute_interactive(code, output_hook=output, timeout=240)
        assert reply["content"]["status"] == "ok", reply["content"]
        comms = "".join(printed).split()

        def what_views_know() -> list[dict[str, Any]]:
            printed.clear()
            client.execute_interactive("known()", output_hook=output, timeout=60)
            return list(json.loads("".join(printed).partition("known ")[2]))

        def answers(known: bool) -> list[float]:
            found, last, views = [], 0.0, [{"epoch": "", "since": 0} for _ in comms]
            for _ in range(cells):
                if time.monotonic() - last > 1:
                    for comm, view in zip(comms, what_views_know() if known else views, strict=True):
                        data = {"method": "custom", "content": {**view, "type": "pull"}}
                        client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": data}))
                    last = time.monotonic()
                began = time.perf_counter()
                client.execute_interactive("1+1", output_hook=lambda message: None, timeout=60)
                found.append(1000 * (time.perf_counter() - began))
                time.sleep(0.25)
            return sorted(found)

        opening, open_ = answers(False), answers(True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    print(f"{count:,} experiments in a kernel")
    for what, found in (("1+1, two panels open", open_), ("1+1, two panels that ask for everything", opening)):
        say(what, "<= 100 ms" if found is open_ else "", f"median {statistics.median(found):.0f} ms, p95 {found[int(0.95 * len(found))]:.0f} ms, most {found[-1]:.0f} ms")  # fmt: skip


def main() -> None:
    counts = [int(each) for each in sys.argv[1:]] or [1000, 10_000]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        for count in counts:
            in_the_browser(count, browser, Path(name) / str(count))
        browser.close()
        for count in counts:
            in_a_kernel(count, Path(name))


if __name__ == "__main__":
    main()
