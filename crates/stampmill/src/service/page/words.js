// Numbers, times and states in words. What is unknown is a dash.

const UNKNOWN = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const count = (number) => {
  if (number == null) return UNKNOWN;
  return number < 1e8 ? whole.format(number) : `${tenths.format(number / 1e6)} M`;
};

export const rate = (perSecond) => {
  if (perSecond == null) return UNKNOWN;
  return perSecond > 0 && perSecond < 10 ? tenths.format(perSecond) : count(perSecond);
};

export const bytes = (number) => {
  if (number == null) return UNKNOWN;
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(number, 1)) / 3), units.length - 1);
  const value = number / 1000 ** power;
  return `${power > 0 && value < 100 ? tenths.format(value) : whole.format(value)} ${units[power]}`;
};

export const duration = (seconds) => {
  if (seconds == null) return UNKNOWN;
  if (seconds <= 0) return "0 s";
  if (seconds < 0.1) return "< 0.1 s";
  if (seconds < 10) return `${tenths.format(seconds)} s`;
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
};

/** The time of day where the reader is. */
export const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

/** The same with the day, where it is not today's. */
export const moment = (time) => {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return today ? clock(time) : `${day} ${clock(time)}`;
};

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

const HEALTH = {
  starting: { mark: "half", tone: "quiet", text: "starting" },
  ready: { mark: "disc", tone: "good", text: "ready" },
  not_ready: { mark: "triangle", tone: "bad", text: "not ready" },
  restarting: { mark: "half", tone: "warn", text: "restarting" },
  failed: { mark: "cross", tone: "bad", text: "failed" },
  stopped: { mark: "ring", tone: "quiet", text: "stopped" },
};

/** How a pipeline is shown: a mark, a tone and a text, of which each alone says enough. */
export const health = (pipeline) => {
  const known = HEALTH[pipeline.health] ?? { mark: "ring", tone: "quiet", text: String(pipeline.health) };
  if (!pipeline.paused) return known;
  return known.text === "ready"
    ? { mark: "bars", tone: "warn", text: "paused" }
    : { ...known, text: `${known.text}, paused` };
};

const ACTOR = {
  running: { mark: "disc", tone: "good", text: "running" },
  restarting: { mark: "half", tone: "warn", text: "restarting" },
  gave_up: { mark: "cross", tone: "bad", text: "gave up" },
};

export const actorState = (actor) => ACTOR[actor.state] ?? { mark: "ring", tone: "quiet", text: String(actor.state) };

/** One argument of a POSIX shell. */
export const shell = (text) => (/^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
