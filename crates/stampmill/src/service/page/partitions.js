// Where the partitions stand: a row for each, or, where there are many, the worst as rows and all as a grid of cells.
import { partitionKey } from "./history.js";
import { html } from "./html.js";
import { Mark, Spark, State } from "./marks.js";
import { count, duration, plural } from "./words.js";

// On a phone the grid is folded: hundreds of cells would stand before what went wrong.
const isWide = matchMedia("(min-width: 50rem)").matches;
const MOST_ROWS = 24;
const WORST_ROWS = 8;

// From good to bad; a partition's standing is the last that holds.
const STANDINGS = [
  { mark: "dot", tone: "quiet", text: "at its end", holds: () => true },
  { mark: "disc", tone: "good", text: "moving", holds: (p) => p.lag !== 0 },
  { mark: "diamond", tone: "warn", text: "over 10 s behind", holds: (p) => p.behind_seconds > 10 },
  { mark: "triangle", tone: "warn", text: "over 1 min behind", holds: (p) => p.behind_seconds > 60 },
  { mark: "bars", tone: "warn", text: "paused", holds: (p) => p.paused },
  { mark: "cross", tone: "bad", text: "not moving", holds: (p) => p.trouble },
];

const standing = (partition) => STANDINGS.findLast(({ holds }) => holds(partition));

// Only tenfold differences count, so that rows do not change places with every answer.
const rank = (partition) => {
  const level = STANDINGS.indexOf(standing(partition));
  return level * 100 + (level > 1 ? Math.floor(Math.log10(1 + (partition.behind_seconds ?? 0))) : 0);
};

export const worstFirst = (partitions) =>
  partitions.toSorted(
    (one, other) =>
      rank(other) - rank(one) || one.topic.localeCompare(other.topic) || one.partition - other.partition,
  );

/** How many stand how, in words, the worst first. */
const Summary = ({ partitions }) => {
  const numbers = Map.groupBy(partitions, standing);
  const present = STANDINGS.filter((state) => numbers.has(state)).reverse();
  return html`<ul class="summary">
    ${present.map((state) => {
      const text = `${count(numbers.get(state).length)} ${state.text}`;
      return html`<li key=${state.text}><${State} state=${{ ...state, text }} /></li>`;
    })}
  </ul>`;
};

const COLUMNS = ["partition", "state", "lag, last 5 min", "lag", "behind", "in flight", "watermark / end", "pause or resume"];

const Row = ({ pipeline, partition, history, now, on }) => {
  const key = partitionKey(partition);
  const state = standing(partition);
  const verb = partition.paused ? "resume" : "pause";
  return html`<tr role="row" class="number">
    <th role="rowheader" scope="row">
      ${pipeline.source.topics.length > 1 && html`<span class="name" title=${key}>${partition.topic}</span>/`}${partition.partition}
    </th>
    <td role="cell" class="standing"><${State} state=${state} /></td>
    <td role="cell" class="plot">
      <${Spark} points=${history.series(`lag of ${key}`)} now=${now} say=${(lag) => `${count(lag)} records of lag`}
        tone=${state.tone === "quiet" ? "good" : state.tone} />
    </td>
    <td role="cell" data-label="lag">${count(partition.lag)}</td>
    <td role="cell" data-label="behind">${duration(partition.behind_seconds)}</td>
    <td role="cell" data-label="in flight">
      ${count(partition.in_flight)} ${partition.in_flight_seconds > 5 && html`<small>for ${duration(partition.in_flight_seconds)}</small>`}
    </td>
    <td role="cell" class="offsets" data-label="watermark / end">
      ${count(partition.watermark)}<span class="quiet"> / ${count(partition.end)}</span>
    </td>
    <td role="cell" class="do">
      <button type="button" disabled=${pipeline.paused} aria-label=${`${verb} ${key}`}
        onClick=${() => on.confirm(pipeline.name, verb, partition)}>${verb}</button>
    </td>
  </tr>
  ${partition.trouble && html`<tr role="row" class="why"><td role="cell" colspan=${COLUMNS.length}>${partition.trouble}</td></tr>`}`;
};

const Rows = ({ caption, partitions, ...rest }) => html`<table role="table" class="rows" aria-label=${caption}>
  <thead role="rowgroup">
    <tr role="row">${COLUMNS.map((text) => html`<th role="columnheader" scope="col">${text}</th>`)}</tr>
  </thead>
  <tbody role="rowgroup">
    ${partitions.map((partition) => html`<${Row} key=${partitionKey(partition)} partition=${partition} ...${rest} />`)}
  </tbody>
</table>`;

const Cell = ({ partition, chosen, onClick }) => {
  const state = standing(partition);
  const words = `${partitionKey(partition)}: ${state.text}, lag ${count(partition.lag)}, ${duration(partition.behind_seconds)} behind`;
  return html`<li>
    <button type="button" class=${`cell ${state.tone}`} aria-pressed=${chosen} aria-label=${words} title=${words} onClick=${onClick}>
      <${Mark} ...${state} />${partition.partition}
    </button>
  </li>`;
};

const Grid = ({ name, partitions, chosen, on }) => html`<details open=${isWide}>
  <summary>All ${count(partitions.length)}, the worst first</summary>
  ${[...Map.groupBy(partitions, (partition) => partition.topic)].map(
    ([topic, all], _, { length }) => html`${length > 1 && html`<h4 class="name">${topic}</h4>`}
      <ul class="grid" aria-label=${`All partitions of ${topic}, the worst first`}>
        ${all.map((partition) => {
          const key = partitionKey(partition);
          return html`<${Cell} key=${key} partition=${partition} chosen=${key === chosen} onClick=${() => on.choose(name, key)} />`;
        })}
      </ul>`,
  )}
</details>`;

export const Partitions = ({ pipeline, chosen, ...rest }) => {
  const { partitions } = pipeline;
  const sorted = partitions.length > MOST_ROWS ? worstFirst(partitions) : partitions;
  const worst = sorted.slice(0, partitions.length > MOST_ROWS ? WORST_ROWS : MOST_ROWS);
  const picked = sorted.filter((partition) => partitionKey(partition) === chosen && !worst.includes(partition));
  return html`<section class="partitions">
    <h3>${plural(partitions.length, "partition")} of <span class="name">${pipeline.source.topics.join(", ")}</span></h3>
    ${partitions.length === 0 && html`<p class="quiet">None is given to this instance: it stands by, or waits for its group.</p>`}
    ${partitions.length > MOST_ROWS && html`<${Summary} partitions=${partitions} />`}
    ${partitions.length > 0 && html`<${Rows} caption="Partitions" partitions=${[...picked, ...worst]} pipeline=${pipeline} ...${rest} />`}
    ${partitions.length > MOST_ROWS && html`<${Grid} name=${pipeline.name} partitions=${sorted} chosen=${chosen} on=${rest.on} />`}
  </section>`;
};
