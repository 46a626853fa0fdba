// What is drawn: marks of states, and sparklines. Inline SVG takes its colours from the style sheet.
import { WINDOW_MS } from "./history.js";
import { html } from "./html.js";

const SHAPES = {
  disc: html`<circle cx="8" cy="8" r="5.5" />`,
  dot: html`<circle cx="8" cy="8" r="2.5" />`,
  ring: html`<circle cx="8" cy="8" r="5" class="outline" />`,
  half: html`<circle cx="8" cy="8" r="5" class="outline" /><path d="M8 3a5 5 0 0 1 0 10z" />`,
  diamond: html`<path d="M8 1.5 14.5 8 8 14.5 1.5 8z" />`,
  triangle: html`<path d="M8 1.5 15.5 14.5H.5z" />`,
  cross: html`<path d="M2 2h12v12H2z" /><path d="m5 5 6 6m0-6-6 6" class="cut" />`,
  bars: html`<path d="M3 2.5h3.5v11H3zM9.5 2.5H13v11H9.5z" />`,
};

/** Beside a text that says the same: hidden from screen readers. */
export const Mark = ({ mark, tone }) =>
  html`<svg class=${`mark ${tone}`} viewBox="0 0 16 16" aria-hidden="true">${SHAPES[mark]}</svg>`;

export const State = ({ state }) =>
  html`<span class=${`state ${state.tone}`}><${Mark} ...${state} />${state.text}</span>`;

// Beyond that nobody has looked in between, as while the page was hidden.
const GAP_MS = 15_000;

/** The points as a path in a box of 100 by 24, from zero up; the right edge is now, and what is unknown is a gap. */
const trace = (points, now, top) => {
  let path = "";
  let last = null;
  for (const [at, value] of points) {
    if (value == null || at < now - WINDOW_MS) {
      last = null;
      continue;
    }
    const x = 100 - ((now - at) / WINDOW_MS) * 100;
    const y = 23 - (value / top) * 22;
    path += `${last != null && at - last < GAP_MS ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
    last = at;
  }
  return path;
};

/** The last minutes of a value, in a scale of its own; `say` puts a value in words. */
export const Spark = ({ points, now, say, tone = "good" }) => {
  const peak = points.reduce((most, [, value]) => Math.max(most, value ?? 0), 0);
  const path = trace(points, now, Math.max(peak, 1e-9));
  const words = `last 5 minutes, at the most ${say(peak)}`;
  const end = path.slice(path.search(/[ML][^ML]*$/) + 1);
  return html`<svg class=${`spark ${tone}`} viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label=${words}>
    <title>${words}</title>
    <path class="zero" d="M0 23.5H100" />
    <path d=${path} />
    ${path && html`<path class="end" d=${`M${end}h0`} />`}
  </svg>`;
};
