// Pipelines that move as real ones do, in the form that the API has.

const partition = (topic, number, rate) => ({
  topic, partition: number, watermark: 1_000_000 + number * 777, committed: 1_000_000 + number * 777,
  position: 1_000_120 + number * 777, end: 1_000_150 + number * 777, lag: 150, behind_seconds: 0.2,
  in_flight: 120, in_flight_seconds: 0.02, paused: false, trouble: null, rate,
});

const counts = () => Object.fromEntries(
  ["records_in", "bytes_in", "records_out", "bytes_out", "dead_letters", "skipped", "refused", "rewinds", "commits", "aborts",
    "rebalances", "restarts", "pipeline_restarts"].map((name) => [name, 0]),
);

const pipeline = (name, topics, partitions, rate) => ({
  name, health: "ready", reasons: [], paused: false, delivery: "at_least_once", generation: 1,
  source: { topics, group: name }, steps: ["log", "envelope"], sinks: [{ topic: `${name}-out` }],
  dead_letter_topic: `${name}.dead-letter`, actors: { transforms: 2, producers: 1 }, counts: counts(),
  lag: 0, behind_seconds: 0, in_flight: 0, memory: { in_flight_bytes: 0, limit_bytes: 161_000_000 },
  partitions: topics.flatMap((topic) => Array.from({ length: partitions }, (_, number) => partition(topic, number, rate))),
  tables: [], failures: [],
});

// The same sequence each time, so that pictures and tests do not change.
const noise = (seed) => (Math.sin(seed * 12.9898) * 43758.5453) % 1;

const move = (p, seconds, now, isStill, seed) => {
  const came = p.rate * seconds * (1 + 0.3 * noise(now / 7000 + seed) + 0.2 * Math.sin(now / 40_000 + seed));
  p.end += Math.round(came);
  const done = isStill ? 0 : Math.max(Math.min(Math.round(came * 1.05), p.end - p.watermark - Math.round(p.rate * (0.04 + 0.02 * Math.sin(now / 25_000 + seed * 2) + 0.006 * noise(seed + now / 3)))), 0);
  p.watermark += done;
  p.committed = p.watermark;
  p.position = isStill ? p.watermark : Math.min(p.watermark + Math.round(60 + 50 * noise(now + seed)), p.end);
  p.lag = p.end - p.watermark;
  p.in_flight = p.position - p.watermark;
  p.behind_seconds = p.lag === 0 ? null : isStill ? (p.behind_seconds ?? 0) + seconds : p.lag / Math.max(p.rate, 1);
  p.in_flight_seconds = p.in_flight > 0 ? 0.03 : null;
  return done;
};

export class World {
  constructor(...pipelines) {
    this.pipelines = pipelines;
    this.now = Date.now();
    this.started = new Date(this.now - 11_640_000).toISOString();
    this.token = "a-token";
    /** Whether reading takes the token, too. */
    this.isClosed = false;
    this.orders = [];
    this.restarting = new Set();
  }

  static one() {
    return new World(pipeline("bank-audit", ["bank-transactions"], 1, 12_000));
  }

  static few() {
    const world = new World(pipeline("bank-audit", ["bank-transactions"], 3, 11_000));
    const [bank] = world.pipelines;
    bank.counts.dead_letters = 12;
    bank.counts.restarts = 1;
    bank.tables.push({ name: "accounts", rows: 20_417, bytes: 3_900_000, ready: true, refused: 0 },
      { name: "rates", rows: 31, bytes: 4_100, ready: true, refused: 2 });
    world.fail(bank, 1, "the payload is not a JSON document: expected a value at line 1, column 5", "not-json");
    return world;
  }

  static halted() {
    const world = World.few();
    const refunds = pipeline("refunds", ["refund-requests"], 2, 40);
    const orders = Object.assign(pipeline("orders-eu", ["orders"], 6, 900), { delivery: "exactly_once" });
    world.pipelines.push(orders, refunds);
    world.halt(world.pipelines[0], 1);
    world.restarting.add("TransformActor 1");
    refunds.paused = true;
    return world;
  }

  static many() {
    const world = new World(pipeline("clickstream", ["clicks"], 256, 180));
    const [clicks] = world.pipelines;
    clicks.actors = { transforms: 4, producers: 2 };
    world.halt(clicks, 17);
    for (const number of [40, 41, 200]) clicks.partitions[number].paused = true;
    for (const number of [5, 88, 140, 141, 142]) clicks.partitions[number].end += 180 * (number - 2);
    return world;
  }

  fail(pipeline, number, reason, step_class) {
    const { topic, watermark } = pipeline.partitions[number];
    const at = new Date(this.now - 95_000).toISOString();
    pipeline.failures.unshift({ at, topic, partition: number, offset: watermark, step: "envelope", class: step_class, reason, more: 0 });
  }

  halt(pipeline, number) {
    const halted = pipeline.partitions[number];
    halted.trouble = `${halted.topic}/${number} has halted at offset ${halted.watermark}: the field \`amount\` is missing; mend what it fails on, or set \`on_failure.then\`, and restart`;
    Object.assign(pipeline, { health: "not_ready", reasons: [halted.trouble] });
    this.fail(pipeline, number, "the field `amount` is missing", "missing-field");
  }

  /** Lets `seconds` go by. */
  pass(seconds) {
    this.now += seconds * 1000;
    for (const each of this.pipelines) {
      let done = 0;
      each.partitions.forEach((p, index) => {
        done += move(p, seconds, this.now, each.paused || p.paused || p.trouble != null, index);
      });
      each.counts.records_in += done;
      each.counts.records_out += done;
      each.counts.bytes_in += done * 500;
      each.counts.bytes_out += done * 562;
      each.counts.commits += done > 0 ? seconds : 0;
      each.lag = each.partitions.reduce((sum, p) => sum + p.lag, 0);
      each.in_flight = each.partitions.reduce((sum, p) => sum + p.in_flight, 0);
      each.behind_seconds = Math.max(...each.partitions.map((p) => p.behind_seconds ?? 0));
      each.memory.in_flight_bytes = each.in_flight * 700;
    }
  }

  obey(pipeline, { verb, body }) {
    const isIt = (p) => p.topic === body.topic && p.partition === body.partition;
    for (const target of body.topic ? pipeline.partitions.filter(isIt) : [pipeline, ...pipeline.partitions]) target.paused = verb === "pause";
  }

  answer() {
    return { version: "0.1.0", started: this.started, now: new Date(this.now).toISOString(), pipelines: this.pipelines };
  }

  actors(pipeline) {
    const names = [
      ...pipeline.partitions.map((p) => ["consumer", `ConsumerActor ${p.topic}/${p.partition}`]),
      ...Array.from({ length: pipeline.actors.transforms }, (_, index) => ["transform", `TransformActor ${index}`]),
      ...Array.from({ length: pipeline.actors.producers }, (_, index) => ["producer", `ProducerActor ${index}`]),
    ];
    return names.map(([role, name]) => {
      if (!this.restarting.has(name)) return { name, role, state: "running", restarts: 0, last_cause: null, last_restart: null };
      const last_restart = new Date(this.now - 2_000).toISOString();
      return { name, role, state: "restarting", restarts: 3, last_cause: "panicked: index out of bounds: the len is 4 but the index is 4", last_restart };
    });
  }
}
