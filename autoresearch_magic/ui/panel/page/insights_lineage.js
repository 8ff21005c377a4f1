/**
 * What was built on what: the kept versions as a trunk, the newest on top, and at each of them the experiments that tried to improve on it,
 * as twigs. Only the rows in view are drawn.
 */

import { div, h } from "./elements.js";
import { buildMarks, viewInks } from "./insights_canvas.js";
import { countedWords, makeCard } from "./insights_card.js";
import { KEPT, MUTED, VALUED, isProven } from "./verdicts.js";

const TREE_ROW = 46, TREE_LANE = 14, TREE_MARGIN = 12, TREE_TWIG = 7, TREE_TALLEST = 9;

/**
 * Lay the tree out: a row for each kept version, newest first, with its lane (0 is the trunk: the current best and what it was built on) and
 * its twigs, the numbers of the experiments that were compared with it and not kept.
 */
export function layLineage(rows, best) {
  const kept = [], twigs = new Map();
  for (const row of rows.values()) {
    if (KEPT.has(row.verdict)) kept.push(row.number);
    else if (row.parent !== null && row.parent !== undefined) (twigs.get(row.parent) ?? twigs.set(row.parent, []).get(row.parent)).push(row.number);
  }
  kept.sort((a, b) => b - a);
  const trunk = new Set();
  for (let at = best; at !== null && at !== undefined && !trunk.has(at); at = rows.get(at)?.parent) trunk.add(at);
  const lanes = [], found = []; // in each lane the number of the row that it leads to
  let width = 1;
  for (const number of kept) {
    let lane = trunk.has(number) ? 0 : lanes.findIndex((next, i) => i > 0 && next === number);
    if (lane < 0) {
      lane = 1;
      while (lanes[lane] !== undefined) lane++;
    }
    lanes.forEach((next, i) => { if (next === number) lanes[i] = undefined; });
    const parent = rows.get(number)?.parent ?? null;
    if (parent !== null) lanes[lane] = parent;
    width = Math.max(width, lane + 1);
    found.push({ number, lane, parent, twigs: (twigs.get(number) ?? []).sort((a, b) => a - b) });
  }
  return { rows: found, width: Math.min(width, 8), trunk: trunk.size };
}

export function buildLineage(panel, feed) {
  const marks = buildMarks(panel, "What was built on what", (mark) => {
    const row = panel.store.rows.get(mark.number);
    return [`Experiment ${mark.number}: ${row?.verdict ?? ""}${mark.twigs ? `, ${countedWords(mark.twigs, "try").replace("trys", "tries")} on top of it` : ""}`, Number.isFinite(row?.value) ? panel.view.format(row.value) : row?.reason, row?.summary];
  }, "sticky");
  const spacer = div("spacer", marks.node), scroll = h("div", { class: "lineage" }, spacer);
  let shown = null;
  scroll.addEventListener("scroll", () => {
    if (!shown) return;
    const at = marks.current(); // the keys have scrolled: the mark that they have reached stays
    paint();
    marks.show(at);
  });

  const twigX = (lanes, k) => TREE_MARGIN + lanes * TREE_LANE + 14 + k * TREE_TWIG;

  function paint() {
    const { tree, width, height } = shown, { store } = panel;
    const ctx = marks.start(width, height), inks = viewInks(panel.root), first = Math.floor(scroll.scrollTop / TREE_ROW) - 1;
    const Y = (i) => i * TREE_ROW + 15 - scroll.scrollTop, X = (lane) => TREE_MARGIN + Math.min(lane, 7) * TREE_LANE, room = Math.max(3, Math.floor((width - twigX(tree.width, 0) - 92) / TREE_TWIG));
    const place = new Map(tree.rows.map((row, i) => [row.number, i]));
    ctx.lineWidth = 1.75;
    tree.rows.forEach((row, i) => { // edges to the parents
      if (row.parent === null || !place.has(row.parent)) return;
      const [x, y, to, px] = [X(row.lane), Y(i), Y(place.get(row.parent)), X(tree.rows[place.get(row.parent)].lane)];
      if (to < -TREE_ROW || y > height + TREE_ROW) return;
      ctx.strokeStyle = row.lane ? inks.dim : inks.good;
      ctx.beginPath();
      ctx.moveTo(x, y);
      if (px === x) ctx.lineTo(x, to);
      else {
        ctx.lineTo(x, to - 20);
        ctx.bezierCurveTo(x, to - 6, px, to - 14, px, to);
      }
      ctx.stroke();
    });
    marks.marks = [];
    tree.rows.forEach((row, i) => {
      const y = Y(i), x = X(row.lane), inView = i >= first && y < height + TREE_ROW, data = store.rows.get(row.number);
      marks.marks.push({ number: row.number, x, y, row: i, twig: -1, twigs: row.twigs.length });
      const few = row.twigs.length > room ? row.twigs.slice(-room) : row.twigs, ty = y + 18;
      few.forEach((number, k) => marks.marks.push({ number, x: twigX(tree.width, k) + 2, y: ty, row: i, twig: k, twigs: 0 }));
      if (!inView) return;
      if (few.length) { // the twigs
        ctx.lineWidth = 1;
        ctx.strokeStyle = inks.dim;
        ctx.beginPath();
        ctx.moveTo(x, y);
        ctx.bezierCurveTo(x, y + 14, x + 4, ty, x + 14, ty);
        ctx.lineTo(twigX(tree.width, few.length - 1) + 4, ty);
        ctx.stroke();
        few.forEach((number, k) => {
          const verdict = store.rows.get(number)?.verdict, tx = twigX(tree.width, k) + 2;
          ctx.beginPath();
          if (VALUED.has(verdict)) {
            ctx.strokeStyle = inks.quiet;
            ctx.moveTo(tx, ty - 4.5);
            ctx.lineTo(tx, ty + 4.5);
          } else if (MUTED.has(verdict)) {
            ctx.strokeStyle = inks.quiet;
            ctx.arc(tx, ty, 1.6, 0, 7);
          } else {
            ctx.strokeStyle = inks.bad;
            ctx.moveTo(tx - 2.6, ty - 2.6);
            ctx.lineTo(tx + 2.6, ty + 2.6);
            ctx.moveTo(tx + 2.6, ty - 2.6);
            ctx.lineTo(tx - 2.6, ty + 2.6);
          }
          ctx.lineWidth = 1.3;
          ctx.stroke();
        });
        if (row.twigs.length > few.length) {
          ctx.fillStyle = inks.quiet;
          ctx.font = `11px ${inks.font}`;
          ctx.textBaseline = "middle";
          ctx.textAlign = "left";
          ctx.fillText(`+${(row.twigs.length - few.length).toLocaleString("en")} earlier`, twigX(tree.width, few.length) + 6, ty);
        }
      }
      ctx.beginPath(); // the version itself
      ctx.arc(x, y, 4.5, 0, 7);
      const proven = isProven(store, row.number), baseline = data?.verdict === "baseline";
      ctx.fillStyle = baseline ? inks.quiet : proven ? inks.good : inks.bg;
      ctx.fill();
      ctx.lineWidth = 1.8;
      ctx.strokeStyle = baseline ? inks.quiet : inks.good;
      ctx.stroke();
      const value = Number.isFinite(data?.value) ? panel.view.format(data.value) : "";
      ctx.textBaseline = "middle";
      ctx.textAlign = "right";
      ctx.font = `12px ${inks.font}`;
      ctx.fillStyle = inks.quiet;
      ctx.fillText(value, width - 4, y);
      ctx.textAlign = "left";
      ctx.fillStyle = inks.ink;
      ctx.font = `${row.number === panel.store.now.best?.number ? "600 " : ""}12px ${inks.font}`;
      const from = twigX(tree.width, 0), most = width - from - ctx.measureText(value).width - 18;
      ctx.fillText(shortenTo(ctx, `#${row.number}  ${data?.summary ?? ""}`, most), from, y);
    });
  }

  marks.step = (at, key) => {
    const mark = marks.marks[at];
    const to = !mark ? { row: 0, twig: -1 } : key === "ArrowDown" ? { row: mark.row + 1, twig: -1 } : key === "ArrowUp" ? { row: mark.twig >= 0 ? mark.row : mark.row - 1, twig: -1 }
      : key === "ArrowRight" ? { row: mark.row, twig: mark.twig + 1 } : { row: mark.row, twig: Math.max(-1, mark.twig - 1) };
    const found = marks.marks.findIndex((each) => each.row === to.row && each.twig === to.twig), index = found < 0 ? at : found, y = marks.marks[index].row * TREE_ROW;
    if (y < scroll.scrollTop || y + TREE_ROW > scroll.scrollTop + shown.height) {
      scroll.scrollTop = y < scroll.scrollTop ? y : y + TREE_ROW - shown.height;
      paint();
    }
    return index;
  };

  return makeCard(panel, feed, {
    tall: true,
    local: () => layLineage(panel.store.rows, panel.store.now?.best?.number ?? 0),
    title: () => "What was built on what",
    missing: ({ rows }) => (rows.length ? "" : "The versions that are kept will be a trunk here, and what was tried on top of each its twigs."),
    words: ({ rows, trunk }, now) => {
      const longest = rows.reduce((a, b) => (b.twigs.length > a.twigs.length ? b : a)), side = rows.length - trunk, steps = trunk - 1;
      return `${steps < 1 ? "Nothing was built on the baseline yet" : `The best, experiment ${now.best?.number ?? 0}, is ${countedWords(steps, "kept step")} from the baseline`}${side > 0 ? `; ${countedWords(side, "other kept version")} led nowhere` : ""}.${longest.twigs.length ? ` Most was tried on top of ${longest.number ? `experiment ${longest.number}` : "the baseline"}: ${countedWords(longest.twigs.length, "experiment")} in vain.` : ""}`;
    },
    draw: (body, tree, width) => {
      if (!body.firstChild) body.append(scroll, h("p", { class: "footnote" }, "Filled: proven. Below each version what was tried on top of it: a stroke was discarded, a dot stopped early or a duplicate, a cross failed."));
      const height = Math.min(tree.rows.length, TREE_TALLEST) * TREE_ROW;
      scroll.style.height = `${height}px`;
      spacer.style.height = `${tree.rows.length * TREE_ROW}px`;
      const bar = tree.rows.length > TREE_TALLEST ? scroll.offsetWidth - scroll.clientWidth : 0;
      shown = { tree, width: width - bar, height };
      paint();
      marks.say(`${countedWords(tree.rows.length, "kept version")}, the newest first; up and down go along them, right and left along what was tried on top of one.`);
    },
  });
}

function shortenTo(ctx, text, most) {
  const plain = text.slice(0, 200).replace(/\s*\n\s*/g, " ");
  if (ctx.measureText(plain).width <= most) return plain;
  let [low, high] = [0, plain.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ctx.measureText(`${plain.slice(0, middle)}…`).width <= most) low = middle;
    else high = middle - 1;
  }
  return `${plain.slice(0, low).trimEnd()}…`;
}
