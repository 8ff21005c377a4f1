"""The panel's front end in a real browser without Jupyter, for the tests of its parts: see the fixture `page` in `conftest.py`."""

from autoresearch_magic.events import Judged, State, StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict

from ...kernels import TARGET

MODEL = """
// What anywidget gives a view: questions go to Python, answers come to every view.
window.heard = new Set(); window.asked = [];
window.model = {
  on: (name, call) => heard.add(call), off: (name, call) => heard.delete(call),
  send: async (content) => {
    asked.push(content);
    if (window.busy) return;
    for (const [answer, buffers] of await toPython(content)) window.tell(answer, buffers);
  },
};
window.tell = (answer, buffers) => {
  const bytes = buffers.map((b) => Uint8Array.from(b, (c) => c.charCodeAt(0)).buffer);
  for (const call of [...heard]) call(answer, bytes);
};
window.open_view = (signal) => {
  const el = document.createElement("div");
  document.body.append(el);
  return render({ model, el, signal });
};
"""

HOLDS = """
// Count what is taken and not given back.
window.held = {};
const count = (name, by) => { held[name] = (held[name] ?? 0) + by; };
for (const [target, name] of [[window, "window"], [document, "document"]]) {
  const { addEventListener: add, removeEventListener: remove } = target;
  target.addEventListener = (...all) => { count(name, 1); add.apply(target, all); };
  target.removeEventListener = (...all) => { count(name, -1); remove.apply(target, all); };
}
const [start, end] = [window.setInterval, window.clearInterval];
window.setInterval = (...all) => { count("timers", 1); return start(...all); };
window.clearInterval = (id) => { count("timers", -1); end(id); };
const Sizes = window.ResizeObserver;
window.ResizeObserver = class extends Sizes {
  observe(node) { count("sizes", 1); super.observe(node); }
  disconnect() { count("sizes", -1); super.disconnect(); }
};
"""

CONTRAST = """
() => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const over = (colours) => {  // colours from the back to the front, as the screen mixes them
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const backs = (node) => (node ? [...backs(node.parentElement), getComputedStyle(node).backgroundColor] : ["white"]);
  const ratio = (node, colour) => {
    const back = backs(node), [a, b] = [light(over(back)), light(over([...back, colour]))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const shown = (node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest("[aria-disabled=true], .arm-spoken");
  const found = [];
  for (const node of document.querySelectorAll(".arm-panel *")) {
    if (!shown(node)) continue;
    const style = getComputedStyle(node), name = node.getAttribute("class") ?? node.tagName;
    if ([...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) {
      found.push([4.5, ratio(node, node.namespaceURI.endsWith("svg") ? style.fill : style.color), name]);
    }
    if (/arm-(line|step|mark|baseline)\\b/.test(name) && node.closest(".arm-svg")) {
      const inks = [style.stroke, style.fill].filter((c) => c !== "none");
      if (inks.length && node.tagName !== "text") found.push([3, Math.max(...inks.map((c) => ratio(node, c))), name]);
    }
  }
  return found;
}
"""


def experiment(number, value, verdict=Verdict.DISCARD, curve=()):
    measurement = Measurement(Outcome.OK, value, seed=0, seconds=1.0, curve=tuple(curve))
    proposal = Proposal(TARGET + f"# {number}\n", f"idea {number}")
    return Experiment(number, 0 if number else None, proposal, verdict=verdict, measurements=(measurement,))


def fill(study, count):
    study.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE)))
    for number in range(1, count):
        verdict = Verdict.KEEP if number % 50 == 0 else Verdict.DISCARD
        study.status.take(Judged(experiment(number, (1 if number % 50 == 0 else 3) + 1 / number, verdict)))
    study.status.take(StateChanged(State.RUNNING, ""))


def opened(page, rows):
    page.evaluate("void open_view()")  # a function that comes back would be called
    page.wait_for_function(
        "n => document.querySelector('.arm-history .arm-group')?.innerText.includes(`All ${n}`)", arg=rows
    )
    page.wait_for_function("asked.at(-1).gains")  # they may come a moment later


def more_pulls(page, count=2):
    page.wait_for_function("n => asked.filter((a) => a.type === 'pull').length >= n", arg=pulls(page) + count)


def pulls(page):
    return page.evaluate("asked.filter((a) => a.type === 'pull').length")


def mark(page, number, *, back=False):
    """Return what the chart shows of an experiment: where it is, and the colour in the middle of its mark (red, green, blue).

    It is gone to by keys from the first experiment, or `back` from the last one.
    """
    page.locator(".arm-front").focus()
    page.keyboard.press("End" if back else "Home")
    while f"#{number}" != page.locator(".arm-big .arm-tiphead b").inner_text():
        page.keyboard.press("ArrowLeft" if back else "ArrowRight")
    return page.evaluate("""
        () => {
          const ring = document.querySelector(".arm-hover"), canvas = document.querySelector(".arm-marks");
          const [x, y] = ["cx", "cy"].map((name) => Number(ring.getAttribute(name))), scale = canvas.width / canvas.clientWidth;
          const ink = [...canvas.getContext("2d").getImageData(Math.round(x * scale), Math.round(y * scale), 1, 1).data];
          return { x, y, ink: ink.slice(0, 3), opaque: ink[3] > 200 };
        }
    """)


def rgb(page, colour):
    """Return a CSS colour of the panel as the canvas has it (red, green, blue)."""
    return page.evaluate(
        """
        (colour) => {
          const probe = document.querySelector(".arm-panel").appendChild(document.createElement("i"));
          probe.style.color = colour;
          const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
          pen.fillStyle = getComputedStyle(probe).color;
          probe.remove();
          pen.fillRect(0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }
        """,
        colour,
    )
