/**
 * The tab "Insights": a card for each question that a history of experiments can answer, the two most telling ones first.
 *
 * A card asks Python for its part when the tab is open and something has changed, keeps the old answer until the new one comes, and draws
 * only when there is something new to draw.
 */

import { div } from "./elements.js";
import { newFeed } from "./insights_card.js";
import { buildImportance } from "./insights_importance.js";
import { buildKinds } from "./insights_kinds.js";
import { buildLimits } from "./insights_limits.js";
import { buildLineage } from "./insights_lineage.js";
import { buildParallel } from "./insights_parallel.js";
import { buildSlice } from "./insights_slice.js";
import { buildTradeoff } from "./insights_tradeoff.js";
import { buildVerdicts } from "./insights_verdicts.js";

export function buildInsights(panel) {
  const feed = newFeed(panel);
  const cards = [buildImportance, buildKinds, buildSlice, buildTradeoff, buildParallel, buildLineage, buildVerdicts, buildLimits].map((build) => build(panel, feed));
  const node = div("insights", ...cards.map((card) => card.node));
  function update(now) {
    if (panel.view.tab === "insights") for (const card of cards) card.update(now);
  }
  return { node, update };
}
