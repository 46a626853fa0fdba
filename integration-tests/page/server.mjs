// A stand-in for the admin listener: the page's files with the real headers, and an API that says what `world` holds.
// `npm run serve -- 9600 few` shows the page with data that moves; worlds are in world.mjs.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { World } from "./world.mjs";

const PAGE = new URL("../../crates/stampmill/src/service/page/", import.meta.url);
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; " +
  "frame-ancestors 'none'; form-action 'none'";

const file = async (path, answer) => {
  const name = path === "/" ? "index.html" : path.slice(1);
  const content = /^[\w.]+$/.test(name) ? await readFile(new URL(name, PAGE)).catch(() => null) : null;
  const headers = { "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };
  answer.writeHead(content ? 200 : 404, { ...headers, "Content-Type": TYPES[extname(name)] ?? "text/plain" }).end(content ?? "");
};

const json = (answer, status, body) => {
  answer.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(JSON.stringify(body));
};

const body = async (request) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
};

const api = async (world, request, path, answer) => {
  const isAllowed = request.headers.authorization === `Bearer ${world.token}`;
  if (!isAllowed && (request.method === "POST" || world.isClosed)) return json(answer, 401, { error: "this takes the token of `admin.token`" });
  if (path === "/api/pipelines") return json(answer, 200, world.answer());
  const [, name, verb] = path.match(/^\/api\/pipelines\/([^/]+)\/(\w+)$/) ?? [];
  const pipeline = world.pipelines.find((each) => each.name === decodeURIComponent(name ?? ""));
  if (!pipeline) return json(answer, 404, { error: "there is no such pipeline" });
  if (verb === "actors") return json(answer, 200, { actors: world.actors(pipeline) });
  const order = { name: pipeline.name, verb, body: await body(request) };
  world.orders.push(order);
  world.obey(pipeline, order);
  return json(answer, 200, { pipeline });
};

/** Serves `world` on a free port of the loopback, or on `port`. */
export const serve = async (world, port = 0) => {
  const server = createServer((request, answer) => {
    const path = request.url.split("?")[0];
    const done = path.startsWith("/api/") ? api(world, request, path, answer) : file(path, answer);
    done.catch((error) => json(answer, 500, { error: String(error) }));
  });
  await new Promise((listening) => server.listen(port, "127.0.0.1", listening));
  const close = () => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port = "9600", name = "few"] = process.argv.slice(2);
  const world = World[name]();
  setInterval(() => world.pass(1), 1000);
  console.log((await serve(world, Number(port))).url, `token: ${world.token}`);
}
