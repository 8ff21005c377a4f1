/** Verdicts over time: stacked bars by batches of experiments, with the best value above. */

import { drawAxes } from "./axes.js";
import { div, h, s, span } from "./elements.js";
import { countedWords, makeCard, inPercent } from "./insights_card.js";
import { ticks } from "./numbers.js";

const VERDICT_BANDS = ["kept", "discarded", "stopped", "failed"];

export function verdictWords({ rates: [[hits, of, low, high], [late, lately]], plateau }) {
  const rate = `${countedWords(hits, "experiment")} of ${of} kept, ${inPercent(hits, of)}, 95% interval ${inPercent(low, 1)} to ${inPercent(high, 1)}`;
  const recent = lately < of ? `; ${late} of the last ${lately}` : "";
  const flat = plateau.reached
    ? ` This is a plateau: nothing was kept in ${countedWords(plateau.idle, "run")} since ${plateau.since ? `experiment ${plateau.since}` : "the baseline"}, which at the rate before has a chance of ${chanceWords(plateau.chance)}.`
    : plateau.idle ? ` No plateau yet: ${countedWords(plateau.idle, "run")} since the last keep, and ${plateau.patience} would make one.` : " The last one was kept.";
  return `${rate}${recent}.${flat}`;
}

const chanceWords = (chance) => (chance < 0.001 ? "less than 0.1%" : `${(100 * chance).toPrecision(2)}%`);

export function buildVerdicts(panel, feed) {
  const svg = s("svg", { class: "svg", role: "img" });
  const plot = div("plot batches", svg);
  const legend = span("legend", ...["kept", "discarded", "stopped early, duplicate", "failed"].map((word, i) => span("key", h("i", { class: `swatch band${VERDICT_BANDS[i]}` }), word)));
  return makeCard(panel, feed, {
    part: "verdicts",
    title: () => "Verdicts over time",
    missing: ({ starts }) => (starts.length ? "" : "The verdicts will be bars here, once there are experiments besides the baseline."),
    words: (answer) => verdictWords(answer),
    draw: (body, answer, width, now) => {
      if (!body.firstChild) body.append(plot, legend);
      const height = 210, middle = 84;
      for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) svg.setAttribute(name, value);
      svg.replaceChildren();
      const { starts, counts, size, best } = answer, n = starts.length, left = 46, right = width - 8;
      const step = (right - left) / n, gap = Math.min(3, step * 0.18), top = Math.max(...starts.map((_, i) => counts.reduce((sum, row) => sum + row[i], 0)));
      // The best value, above.
      const known = best.filter((v) => v !== null).concat(answer.baseline ?? []);
      if (known.length) {
        const [low, high] = [Math.min(...known), Math.max(...known)], pad = (high - low) * 0.12 || Math.abs(high) * 0.02 || 1;
        const tickY = ticks(low - pad, high + pad, 2);
        const { Y } = drawAxes(svg, [left, 6, right, middle - 8], [0, n], [low - pad, high + pad], [], tickY, String);
        const path = best.map((v, i) => (v === null ? "" : `${i && best[i - 1] !== null ? "V" : `M${left + i * step} `}${Y(v)}H${left + (i + 1) * step}`)).join("");
        svg.append(s("path", { class: "step", d: path }));
        svg.append(s("text", { class: "tick halo", x: right, y: 14, "text-anchor": "end" }, `best ${now.study.metric}`));
      }
      const box = [left, middle + 8, right, height - 24], tickN = ticks(0, top, 3, true);
      const tickX = ticks(starts[0], starts[0] + n * size, Math.min(8, width / 70), true);
      const { X, Y } = drawAxes(svg, box, [starts[0], starts[0] + n * size], [0, top], tickX.at, tickN, tickX.format);
      starts.forEach((start, i) => {
        let under = 0;
        counts.forEach((row, band) => {
          if (!row[i]) return;
          const [y1, y0] = [Y(under + row[i]), Y(under)], inset = band === 2 ? 0.6 : 0;
          svg.append(s("rect", { class: `band${VERDICT_BANDS[band]}`, x: X(start) + gap / 2 + inset, width: Math.max(1, step - gap - 2 * inset), y: y1 + inset, height: Math.max(0.8, y0 - y1 - 2 * inset) }));
          under += row[i];
        });
      });
      legend.children[2].hidden = !counts[2].some(Boolean);
      legend.children[3].hidden = !counts[3].some(Boolean);
      svg.setAttribute("aria-label", `${verdictWords(answer)} Bars count ${size === 1 ? "single experiments" : `batches of ${size} experiments`}; the line above is the best ${now.study.metric}.`);
    },
  });
}
