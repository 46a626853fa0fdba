// One pipeline, with all that is known of it.
import { Flow } from "./flow.js";
import { html } from "./html.js";
import { Spark, State } from "./marks.js";
import { Partitions } from "./partitions.js";
import { Actors, DeadLetters, Failures, Tables } from "./troubles.js";
import { bytes, count, duration, health, plural, rate } from "./words.js";

const Figure = ({ label, value, unit, note, tone, ...plot }) => html`<div class="figure">
  <dt>${label}</dt>
  <dd class=${`value ${tone ?? ""}`}>${value} ${unit && html`<span class="unit">${unit}</span>`}</dd>
  <dd><${Spark} ...${plot} tone=${tone ?? "good"} /></dd>
  ${note && html`<dd class="small">${note}</dd>`}
</div>`;

const perSecond = (value) => `${rate(value)} a second`;

const Figures = ({ pipeline, history, now }) => {
  const { counts, lag, behind_seconds, in_flight, memory } = pipeline;
  const behind = behind_seconds > 10 ? "warn" : undefined;
  const left = counts.skipped + counts.refused;
  return html`<dl class="figures">
    <${Figure} label="in" value=${rate(history.rate("records_in"))} unit="/s" note=${`${count(counts.records_in)} in all`}
      points=${history.rates("records_in")} say=${perSecond} now=${now} />
    <${Figure} label="out" value=${rate(history.rate("records_out"))} unit="/s" note=${`${count(counts.records_out)} in all`}
      points=${history.rates("records_out")} say=${perSecond} now=${now} />
    <${Figure} label="lag" value=${count(lag)} note="records not settled" tone=${behind}
      points=${history.series("lag")} say=${count} now=${now} />
    <${Figure} label="behind" value=${duration(behind_seconds)} note="the oldest not settled" tone=${behind}
      points=${history.series("behind_seconds")} say=${duration} now=${now} />
    <${Figure} label="in flight" value=${count(in_flight)} now=${now}
      note=${`${bytes(memory.in_flight_bytes)} of ${bytes(memory.limit_bytes)}`}
      points=${history.series("in_flight")} say=${count} />
    <${Figure} label="dead letters" value=${count(counts.dead_letters)} tone=${counts.dead_letters > 0 ? "warn" : undefined}
      note=${left > 0 ? `${count(counts.skipped)} skipped, ${count(counts.refused)} refused` : "none skipped or refused"}
      points=${history.rates("dead_letters")} say=${perSecond} now=${now} />
    <${Figure} label="restarts" value=${count(counts.restarts)} tone=${history.grown("restarts") > 0 ? "warn" : undefined}
      note=${plural(counts.rebalances, "rebalance") + (counts.pipeline_restarts > 0 ? `, ${count(counts.pipeline_restarts)} of the pipeline` : "")}
      points=${history.rates("restarts")} say=${perSecond} now=${now} />
  </dl>`;
};

// A topic may have hundreds of partitions, and each of them a reason of its own: their rows tell them.
const REASONS = 6;

const Reasons = ({ reasons }) => html`<ul class="reasons">
  ${reasons.slice(0, REASONS).map((reason) => html`<li class="reason">${reason}</li>`)}
  ${reasons.length > REASONS && html`<li class="quiet">and ${count(reasons.length - REASONS)} more</li>`}
</ul>`;

const Head = ({ pipeline, on }) => {
  const verb = pipeline.paused ? "resume" : "pause";
  const delivery = pipeline.delivery === "exactly_once" ? "exactly once" : "at least once";
  return html`<header>
    <h2 class="name">${pipeline.name}</h2>
    <p><${State} state=${health(pipeline)} /></p>
    <p class="quiet">${delivery}, generation ${pipeline.generation}</p>
    <button type="button" class="order" aria-label=${`${verb} ${pipeline.name}`}
      onClick=${() => on.confirm(pipeline.name, verb)}>${verb}</button>
    ${pipeline.reasons.length > 0 && html`<${Reasons} reasons=${pipeline.reasons} />`}
  </header>`;
};

export const Pipeline = ({ pipeline, view, now, on }) => {
  const { history, actors, actorsError, chosen } = view;
  return html`<section class="pipeline" id=${`pipeline-${pipeline.name}`} aria-label=${`Pipeline ${pipeline.name}`}>
    <${Head} pipeline=${pipeline} on=${on} />
    <${Flow} pipeline=${pipeline} history=${history} actors=${actors} />
    <${Figures} pipeline=${pipeline} history=${history} now=${now} />
    <div class="below">
      <${Partitions} pipeline=${pipeline} history=${history} now=${now} chosen=${chosen} on=${on} />
      <div class="beside">
        <${Failures} failures=${pipeline.failures} />
        ${pipeline.dead_letter_topic && html`<${DeadLetters} pipeline=${pipeline} history=${history} />`}
        ${pipeline.tables.length > 0 && html`<${Tables} tables=${pipeline.tables} />`}
        <${Actors} actors=${actors} error=${actorsError} now=${now} />
      </div>
    </div>
  </section>`;
};
