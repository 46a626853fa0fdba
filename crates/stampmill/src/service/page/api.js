// The calls of the admin listener.

const TOKEN = "stampmill-token";
const READ_TIMEOUT_MS = 4_000;
// A pause waits until what is in flight is settled.
const ORDER_TIMEOUT_MS = 90_000;

/** The server has answered, and refused. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  get wantsToken() {
    return this.status === 401 || this.status === 403;
  }
}

export const keepToken = (token) => sessionStorage.setItem(TOKEN, token);

const send = async (path, timeout, options) => {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  const signal = AbortSignal.timeout(timeout);
  try {
    return await fetch(path, { ...options, headers, signal, cache: "no-store", credentials: "omit" });
  } catch (error) {
    const late = `it did not answer within ${timeout / 1000} s`;
    throw new Error(error.name === "TimeoutError" ? late : "it does not run, or cannot be reached from here", { cause: error });
  }
};

const request = async (path, timeout, options = {}) => {
  const answer = await send(path, timeout, options);
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, body?.error ?? `the server answered ${answer.status}`);
  if (body == null) throw new Refused(answer.status, "the server did not answer with JSON");
  return body;
};

const place = (name) => `api/pipelines/${encodeURIComponent(name)}`;

export const getPipelines = () => request("api/pipelines", READ_TIMEOUT_MS);

export const getActors = async (name) => (await request(`${place(name)}/actors`, READ_TIMEOUT_MS)).actors;

/** `verb` is `pause` or `resume`; without a partition it is for the whole pipeline. */
export const order = (name, verb, partition) =>
  request(`${place(name)}/${verb}`, ORDER_TIMEOUT_MS, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(partition ? { topic: partition.topic, partition: partition.partition } : {}),
  });
