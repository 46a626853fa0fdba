// What stands above all pipelines: whether the server answers, and a row for each of them.
import { html } from "./html.js";
import { Mark, Spark, State } from "./marks.js";
import { clock, count, duration, health, plural, rate } from "./words.js";

/** Big, because nothing else on the page is true while it is there. */
const Banner = ({ gone, hasSeen, on }) => html`<div class="banner">
  <h2 role="alert"><${Mark} mark="cross" tone="bad" /> ${gone.wantsToken ? "The server asks for its token" : "No answer from Stampmill"}</h2>
  <p>
    since <b>${clock(gone.since)}</b> (${duration((Date.now() - gone.since) / 1000)}): ${gone.reason}.
    ${hasSeen && " What stands below is what it said last, and not how it is now."}
  </p>
  ${gone.wantsToken && html`<button type="button" class="main" onClick=${on.askToken}>Enter the token</button>`}
</div>`;

export const Top = ({ answer, gone, isLive, on }) => {
  const ready = answer?.pipelines.filter((pipeline) => pipeline.health === "ready").length;
  const live = isLive ? { mark: "disc", tone: "good", text: "live" } : { mark: "half", tone: "quiet", text: "waiting for an answer" };
  return html`<header class="top">
    <h1>Stampmill ${answer && html`<span class="quiet">${answer.version}</span>`}</h1>
    ${answer && isLive && html`<p>${ready} of ${plural(answer.pipelines.length, "pipeline")} ready</p>
      <p class="quiet">up ${duration((Date.parse(answer.now) - Date.parse(answer.started)) / 1000)}</p>`}
    <p class="clock">${gone ? html`<${State} state=${{ mark: "cross", tone: "bad", text: "not live" }} />` : html`<${State} state=${live} />`}
      ${answer && !gone && html` <time datetime=${answer.now}>${clock(answer.now)}</time>`}</p>
    ${gone && html`<${Banner} gone=${gone} hasSeen=${answer != null} on=${on} />`}
  </header>`;
};

const Row = ({ pipeline, history, now, isOpen, on }) => {
  const { name, lag, behind_seconds, counts } = pipeline;
  return html`<tr role="row">
    <th role="rowheader" scope="row">
      <button type="button" class="toggle" aria-expanded=${isOpen} aria-controls=${`pipeline-${name}`} onClick=${() => on.toggle(name)}>
        <span class="name">${name}</span>
      </button>
    </th>
    <td role="cell" class="standing"><${State} state=${health(pipeline)} /></td>
    <td role="cell" class="plot">
      <${Spark} points=${history.rates("records_out")} now=${now} say=${(value) => `${rate(value)} records out a second`} /></td>
    <td role="cell" data-label="in">${rate(history.rate("records_in"))}<small>/s</small></td>
    <td role="cell" data-label="out">${rate(history.rate("records_out"))}<small>/s</small></td>
    <td role="cell" data-label="lag">${count(lag)}</td>
    <td role="cell" data-label="behind">${duration(behind_seconds)}</td>
    <td role="cell" data-label="dead letters">${count(counts.dead_letters)}</td>
  </tr>`;
};

const COLUMNS = ["pipeline", "health", "out, last 5 min", "in", "out", "lag", "behind", "dead letters"];

export const Overview = ({ pipelines, views, now, on }) => html`<nav aria-label="Pipelines">
  <table role="table" class="rows overview" aria-label="Pipelines">
    <thead role="rowgroup"><tr role="row">${COLUMNS.map((text) => html`<th role="columnheader" scope="col">${text}</th>`)}</tr></thead>
    <tbody role="rowgroup">
      ${pipelines.map((pipeline) => {
        const view = views.get(pipeline.name);
        return html`<${Row} key=${pipeline.name} pipeline=${pipeline} history=${view.history} isOpen=${view.isOpen} now=${now} on=${on} />`;
      })}
    </tbody>
  </table>
</nav>`;
