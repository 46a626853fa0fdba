// The last minutes of one pipeline, as the page has seen them.

export const WINDOW_MS = 5 * 60_000;
// A rate is taken over so long: single answers jump with every batch and transaction.
const RATE_MS = 4_000;

export const partitionKey = (partition) => `${partition.topic}/${partition.partition}`;

export class History {
  #samples = [];
  #started = null;

  /** Adds what the server told at its own time `at`. Another `started` is another process, which counts from zero. */
  add(at, started, pipeline) {
    if (started !== this.#started) this.#samples = [];
    this.#started = started;
    const last = this.#samples.at(-1);
    if (last && at <= last.at) return;
    const { lag, behind_seconds, in_flight, counts, partitions } = pipeline;
    const values = new Map(Object.entries({ ...counts, lag, behind_seconds, in_flight }));
    for (const partition of partitions) values.set(`lag of ${partitionKey(partition)}`, partition.lag);
    this.#samples.push({ at, values });
    while (this.#samples[0].at < at - WINDOW_MS - RATE_MS) this.#samples.shift();
  }

  /** `[time, value]`, oldest first; a value is null where it was unknown. */
  series(name) {
    return this.#samples.map(({ at, values }) => [at, values.get(name) ?? null]);
  }

  /** `[time, per second]` of a count; null where it began anew. */
  rates(name) {
    const points = this.series(name);
    let from = 0;
    return points.slice(1).map(([at, value], index) => {
      while (from < index && points[from + 1][0] <= at - RATE_MS) from += 1;
      const [since, before] = points[from];
      const grown = value == null || before == null ? null : value - before;
      return [at, grown == null || grown < 0 ? null : (grown * 1000) / (at - since)];
    });
  }

  rate(name) {
    return this.rates(name).at(-1)?.[1] ?? null;
  }

  /** How much a count has grown since the page has looked. */
  grown(name) {
    const points = this.series(name);
    return points.length < 2 ? 0 : Math.max(points.at(-1)[1] - points[0][1], 0);
  }
}
