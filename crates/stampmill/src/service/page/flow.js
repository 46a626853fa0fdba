// The way of a record, as README.md draws it: broker, ConsumerActors, TransformActors, ProducerActor, broker, and back.
import { html } from "./html.js";
import { Mark } from "./marks.js";
import { actorState, bytes, count, plural, rate } from "./words.js";

// More are told by a number alone.
const MARKS = 12;

/** How fast the dashes of a line move: 0 stands still, and each step is ten times as many. */
const speed = (perSecond) => (perSecond > 0 ? Math.min(Math.max(Math.ceil(Math.log10(perSecond)), 1), 5) : 0);

const Wire = ({ area, back, perSecond, children }) => html`<li class=${`wire ${area} ${back ? "back" : ""}`}>
  <span class="label">${children}</span>
  <svg class="line" data-speed=${speed(perSecond)} aria-hidden="true">
    <line class="across" x1="0" y1="4" x2="100%" y2="4" /><line class="down" x1="4" y1="0" x2="4" y2="100%" />
  </svg>
</li>`;

/** States of actors by their number, the rarest first: "1 restarting, 3 running". */
const inWords = (states) => {
  const numbers = Map.groupBy(states, (state) => state.text);
  const byNumber = [...numbers].sort(([, one], [, other]) => one.length - other.length);
  return byNumber.map(([text, all]) => `${count(all.length)} ${text}`).join(", ");
};

const Actors = ({ area, actors, number, title, children }) => {
  const states = actors.map(actorState);
  return html`<li class=${`node actor ${area} ${number > 1 ? "many" : ""}`}>
    <strong>${plural(number, title)}</strong>
    ${states.length > 0 &&
    html`<span class="marks">
      ${states.length <= MARKS && states.map((state) => html`<${Mark} ...${state} />`)} <span>${inWords(states)}</span>
    </span>`}
    <span class="detail">${children}</span>
  </li>`;
};

const Broker = ({ area, title, names, children }) => html`<li class=${`node broker ${area}`}>
  <span class="detail">${title}</span>
  ${names.map((name) => html`<strong class="name">${name}</strong>`)}
  <span class="detail">${children}</span>
</li>`;

export const Flow = ({ pipeline, history, actors }) => {
  const { source, sinks, steps, counts, partitions } = pipeline;
  const [read, sent, commits] = ["records_in", "records_out", "commits"].map((name) => history.rate(name));
  const of = (role) => actors.filter((actor) => actor.role === role);
  const still = partitions.filter((partition) => partition.trouble).length;
  return html`<ol class="flow" aria-label="The way of a record">
    <${Broker} area="src" title="broker" names=${source.topics}>group ${source.group}<//>
    <${Wire} area="w1" perSecond=${pipeline.paused ? 0 : read}>
      ${pipeline.paused ? html`<b>paused</b>` : html`<b>${rate(read)}</b> records/s`}
      <small>${bytes(history.rate("bytes_in"))}/s</small>
    <//>
    <${Actors} area="con" title="ConsumerActor" number=${partitions.length} actors=${of("consumer")}>
      ${still > 0 ? html`<b class="bad">${still} of ${partitions.length} not moving</b>` : "one a partition"}
    <//>
    <${Wire} area="w2" perSecond=${read}>batches <small>${count(pipeline.in_flight)} in flight</small><//>
    <${Actors} area="tra" title="TransformActor" number=${pipeline.actors.transforms} actors=${of("transform")}>
      ${steps.join(" › ")}
    <//>
    <${Wire} area="w3" perSecond=${sent}>rendered<//>
    <${Actors} area="pro" title="ProducerActor" number=${pipeline.actors.producers} actors=${of("producer")}>
      back in order
    <//>
    <${Wire} area="w4" perSecond=${sent}>
      <b>${rate(sent)}</b> records/s <small>${bytes(history.rate("bytes_out"))}/s</small>
    <//>
    <${Broker} area="snk" title="broker" names=${[...new Set(sinks.map((sink) => sink.topic))]} />
    <${Wire} area="b3" back perSecond=${sent}>acks<//>
    <${Wire} area="b2" back perSecond=${sent}>settled<//>
    <${Wire} area="b1" back perSecond=${commits}>commit ${rate(commits)}/s<//>
    ${pipeline.dead_letter_topic &&
    html`<li class=${`letters ${counts.dead_letters > 0 ? "some" : ""}`}>
      <b>${plural(counts.dead_letters, "dead letter")}</b> to <span class="name">${pipeline.dead_letter_topic}</span>
    </li>`}
  </ol>`;
};
