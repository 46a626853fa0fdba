// Asks the server again and again, keeps what the page knows, and draws it.
import { getActors, getPipelines, keepToken, order, Refused } from "./api.js";
import { Dialog } from "./dialogs.js";
import { History, partitionKey } from "./history.js";
import { html } from "./html.js";
import { Overview, Top } from "./overview.js";
import { Pipeline } from "./pipeline.js";
import { render } from "./preact.js";
import { clock, health } from "./words.js";

const POLL_MS = 1_000;
// What is older is not shown as live, as after the page was hidden.
const LIVE_MS = 6_000;
// How long the success of an order is shown; a failure stays until it is closed.
const NOTE_MS = 10_000;

const state = {
  answer: null,
  answeredAt: Date.now(),
  /** Why and since when there is no answer. */
  gone: null,
  /** What the page knows of each pipeline, by its name. */
  views: new Map(),
  dialog: null,
  /** What became of the reader's last order. */
  note: null,
  /** The last changes of state, for screen readers. */
  spoken: "",
};

// --- What the server says ---

/** Those named in the address (`#open=bank-audit`), so that a screen on the wall shows the same after a restart. */
const firstOpen = (pipelines) => {
  const named = new URLSearchParams(location.hash.slice(1)).getAll("open");
  if (pipelines.some(({ name }) => named.includes(name))) return named;
  const worst = pipelines.find((pipeline) => pipeline.health !== "ready") ?? pipelines[0];
  return worst ? [worst.name] : [];
};

const inWords = (pipeline) => `${pipeline.name} is ${health(pipeline).text}`;

/** The states that differ from those of the last answer, in words. */
const changes = (before, after) => {
  const known = new Map(before.map((pipeline) => [pipeline.name, inWords(pipeline)]));
  return after
    .filter((pipeline) => known.get(pipeline.name) !== inWords(pipeline))
    .map((pipeline) => [inWords(pipeline), ...pipeline.reasons.slice(0, 1)].join(": "))
    .join(". ");
};

const take = (answer) => {
  const { pipelines, now, started } = answer;
  const opened = state.views.size === 0 ? firstOpen(pipelines) : [];
  for (const pipeline of pipelines) {
    const { name } = pipeline;
    if (!state.views.has(name)) {
      state.views.set(name, { history: new History(), actors: [], isOpen: opened.includes(name) || pipelines.length === 1 });
    }
    state.views.get(name).history.add(Date.parse(now), started, pipeline);
  }
  if (state.answer) state.spoken = changes(state.answer.pipelines, pipelines) || state.spoken;
  Object.assign(state, { answer, answeredAt: Date.now(), gone: null });
};

const takeActors = async (view, name) => {
  try {
    Object.assign(view, { actors: await getActors(name), actorsError: null });
  } catch (error) {
    view.actorsError = `its actors are not known: ${error.message}`;
  }
};

const poll = async () => {
  try {
    const answer = await getPipelines();
    take(answer);
    const open = answer.pipelines.filter(({ name }) => state.views.get(name).isOpen);
    await Promise.all(open.map(({ name }) => takeActors(state.views.get(name), name)));
  } catch (error) {
    const wantsToken = error instanceof Refused && error.wantsToken;
    if (wantsToken && !state.gone?.wantsToken) ask(error.message, go);
    state.gone = { since: state.answeredAt, reason: error.message, wantsToken };
  }
};

let timer;
/** Asks now, and then for as long as anyone looks. */
const go = async () => {
  clearTimeout(timer);
  await poll();
  paint();
  clearTimeout(timer);
  if (!document.hidden && !state.gone?.wantsToken) timer = setTimeout(go, POLL_MS);
};

// --- What the reader does ---

let dialogs = 0;
const open = (dialog) => {
  dialogs += 1;
  state.dialog = { id: dialogs, ...dialog };
};

/** `retry` is what was refused. */
const ask = (reason, retry) => open({ kind: "token", reason, retry });

const note = (tone, text) => {
  state.note = { tone, text };
  paint();
  return state.note;
};

const on = {
  toggle(name) {
    const view = state.views.get(name);
    view.isOpen = !view.isOpen;
    const shown = [...state.views].filter(([, { isOpen }]) => isOpen).map(([each]) => ["open", each]);
    history.replaceState(null, "", `#${new URLSearchParams(shown)}`);
    paint();
  },
  choose(name, key) {
    const view = state.views.get(name);
    view.chosen = view.chosen === key ? null : key;
    paint();
  },
  confirm(name, verb, partition) {
    open({ kind: "confirm", name, verb, partition });
    paint();
  },
  dismiss(dialog) {
    if (state.dialog === dialog) state.dialog = null;
    paint();
  },
  askToken() {
    ask(state.gone.reason, go);
    paint();
  },
  token(token, retry) {
    keepToken(token);
    retry();
  },
  async order(name, verb, partition) {
    const what = partition ? partitionKey(partition) : name;
    note("quiet", `${what}: ${verb} is on its way`);
    try {
      await order(name, verb, partition);
      const told = note("quiet", `${what}: ${verb}d at ${clock(Date.now())}`);
      setTimeout(() => on.forget(told), NOTE_MS);
    } catch (error) {
      note("bad", `${what}: ${verb} failed: ${error.message}`);
      if (error instanceof Refused && error.wantsToken) ask(error.message, () => on.order(name, verb, partition));
      paint();
    }
  },
  forget(told) {
    if (state.note === told) state.note = null;
    paint();
  },
};

// --- How it looks ---

const Page = () => {
  const { answer, gone, views, dialog, spoken, note: told } = state;
  const isLive = gone == null && answer != null && Date.now() - state.answeredAt < LIVE_MS;
  const now = answer && Date.parse(answer.now);
  const pipelines = answer?.pipelines ?? [];
  const shown = pipelines.filter(({ name }) => views.get(name).isOpen);
  return html`
    <${Top} answer=${answer} gone=${gone} isLive=${isLive} on=${on} />
    <main class=${isLive ? "live" : "stale"}>
      ${answer && pipelines.length === 0 && html`<p>No pipeline is configured.</p>`}
      ${pipelines.length > 1 && html`<${Overview} pipelines=${pipelines} views=${views} now=${now} on=${on} />`}
      ${shown.map((pipeline) => html`<${Pipeline} key=${pipeline.name} pipeline=${pipeline} view=${views.get(pipeline.name)} now=${now} on=${on} />`)}
    </main>
    <p class="spoken" role="status">${spoken}</p>
    <div role="status">${told && html`<p class=${`note ${told.tone}`}>
      ${told.text} <button type="button" onClick=${() => on.forget(told)}>Close</button></p>`}</div>
    <${Dialog} dialog=${dialog} on=${on} />`;
};

const title = () => {
  if (state.gone) return "✕ no answer – Stampmill";
  const troubled = state.answer.pipelines.filter((pipeline) => pipeline.health !== "ready").length;
  return troubled > 0 ? `▲ ${troubled} not ready – Stampmill` : "Stampmill";
};

const paint = () => {
  if (state.answer || state.gone) document.title = title();
  render(html`<${Page} />`, document.getElementById("page"));
};

document.addEventListener("visibilitychange", () => {
  paint();
  if (!document.hidden) go();
});
paint();
go();
