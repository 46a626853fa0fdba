// What went wrong, or may: actors that were restarted, records that failed, dead letters, tables.
import { html } from "./html.js";
import { State } from "./marks.js";
import { actorState, bytes, count, duration, moment, plural, shell } from "./words.js";

const SHOWN = 8;

const Actor = ({ actor, now }) => html`<li>
  <${State} state=${actorState(actor)} />
  <strong class="name">${actor.name}</strong>
  <span class="quiet">
    ${plural(actor.restarts, "restart")}${actor.last_restart && `, the last ${duration((now - Date.parse(actor.last_restart)) / 1000)} ago`}
  </span>
  ${actor.last_cause && html`<span class="reason">${actor.last_cause}</span>`}
</li>`;

const isSound = (actor) => actor.state === "running" && actor.restarts === 0;

const soundInWords = (actors, all) => {
  const sound = actors.filter(isSound).length;
  if (sound === all) return `All ${count(all)} run, and none was ever restarted.`;
  return sound > 0 ? `The other ${count(sound)} run, and were never restarted.` : null;
};

/** Those that were restarted, those first that do not run. */
export const Actors = ({ actors, error, now }) => {
  const told = actors
    .filter((actor) => !isSound(actor))
    .toSorted((one, other) => (one.state === "running") - (other.state === "running") || other.restarts - one.restarts);
  return html`<section class="actors">
    <h3>Actors</h3>
    ${error && html`<p class="reason">${error}</p>`}
    <ul class="list">${told.slice(0, SHOWN).map((actor) => html`<${Actor} key=${actor.name} actor=${actor} now=${now} />`)}</ul>
    ${told.length > SHOWN && html`<p class="quiet">${count(told.length - SHOWN)} more were restarted.</p>`}
    ${actors.length > 0 && html`<p class="quiet">${soundInWords(actors, actors.length)}</p>`}
  </section>`;
};

const Failure = ({ failure }) => html`<li>
  <time datetime=${failure.at} title=${failure.at}>${moment(failure.at)}</time>
  <strong><span class="name">${failure.topic}</span>/${failure.partition} at ${failure.offset}</strong>
  <span class="quiet">${failure.step}, ${failure.class}${failure.more > 0 && `, and ${count(failure.more)} more of its batch`}</span>
  <span class="reason">${failure.reason}</span>
</li>`;

const failureKey = (failure) => `${failure.at} ${failure.topic}/${failure.partition} ${failure.offset}`;
const Failed = ({ failures }) =>
  html`<ul class="list">${failures.map((failure) => html`<${Failure} key=${failureKey(failure)} failure=${failure} />`)}</ul>`;

/** Newest first, as the server gives them. */
export const Failures = ({ failures }) => html`<section class="failures">
  <h3>Latest failures</h3>
  ${failures.length === 0 && html`<p class="quiet">No record has failed.</p>`}
  <${Failed} failures=${failures.slice(0, SHOWN)} />
  ${failures.length > SHOWN &&
  html`<details><summary>${count(failures.length - SHOWN)} before these</summary><${Failed} failures=${failures.slice(SHOWN)} /></details>`}
</section>`;

export const DeadLetters = ({ pipeline, history }) => {
  const { dead_letters } = pipeline.counts;
  const grown = history.grown("dead_letters");
  return html`<section class="dead-letters">
    <h3>Dead letters</h3>
    <p>
      <b>${dead_letters > 0 ? count(dead_letters) : "None"}</b> since the start, to
      ${" "}<span class="name">${pipeline.dead_letter_topic}</span>${grown > 0 && html`; <b class="warn">${count(grown)} in the last minutes</b>`}.
      To look at all that are there, with this instance's configuration:
    </p>
    <pre tabindex="0"><code>${`stampmill dead-letters list --pipeline ${shell(pipeline.name)}`}</code></pre>
  </section>`;
};

const Table = ({ table }) => html`<li>
  <strong class="name">${table.name}</strong>
  ${" "}<span class="quiet">${plural(table.rows, "row")}, ${bytes(table.bytes)}</span>
  ${!table.ready && html`<span class="reason">It is not read to its end yet, and no record is read before.</span>`}
  ${table.refused > 0 && html`<span class="reason">${plural(table.refused, "record")} of its topic made no row.</span>`}
</li>`;

/** What its steps look rows up in. */
export const Tables = ({ tables }) => html`<section class="tables">
  <h3>Tables</h3>
  <ul class="list">${tables.map((table) => html`<${Table} key=${table.name} table=${table} />`)}</ul>
</section>`;
