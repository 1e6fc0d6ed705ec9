// What the checks share: the client, set up for this platform, and ways to look and to wait.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

const require = createRequire(`${process.env.SUITE_MODULES}/`);
export const { createFalClient, ApiError, ValidationError } = require("@fal-ai/client");
const { WebSocket: Socket } = require("ws");
export { assert, Socket };

export const [BASE, LAB] = process.argv.slice(2);
export const KEYED = process.env.SUITE_KEYED === "1";
export const SOCKETS = BASE.replace("http", "ws");
export const APP = "demo/lab";
export const SDK = "demo/sdk";
export const UNKNOWN = "0190d1a2-0000-7000-8000-0000000000ff";

// Node 20 has no WebSocket of its own, and the client no way to send it elsewhere.
globalThis.WebSocket = class extends Socket {
  constructor(url, protocols) {
    super(url.replace("wss://fal.run", `${SOCKETS}/run`), protocols);
    this.binaryType = "arraybuffer";
  }
};

// What would end the process is looked at by the checks that cause it.
export const unhandled = [];
process.on("unhandledRejection", (error) => unhandled.push(error));
export const uncaught = [];
process.on("uncaughtException", (error) => uncaught.push(error));

// The client says where it would rather be called; that is not for this output.
console.warn = () => {};

const HOSTS = [
  ["https://queue.fal.run", `${BASE}/queue`],
  ["https://fal.run", `${BASE}/run`],
  ["https://rest.fal.ai", `${BASE}/rest`],
];

export function here(url) {
  const host = HOSTS.find(([name]) => url.startsWith(name));
  return host ? host[1] + url.slice(host[0].length) : url;
}

// Each request that a client has sent: method, URL and headers.
export const sent = [];
export function sending(url, init) {
  sent.push({ method: init?.method ?? "GET", url, headers: init?.headers ?? {} });
  return fetch(url, init);
}

export const byFetch = (more) => createFalClient({ fetch: (url, init) => sending(here(url), init), ...more });
export const byMiddleware = (more) =>
  createFalClient({ requestMiddleware: async (request) => ({ ...request, url: here(request.url) }), ...more });
export const byProxy = (more) => createFalClient({ proxyUrl: { url: `${BASE}/api/fal/proxy`, when: "always" }, ...more });
export const client = byFetch();

export const checks = [];
const named = (name, act, more) => checks.push({ name, act, ...more });
export const check = (name, act) => named(name, act, {});
/** A check that waits long for the client, and meanwhile leaves the others alone. */
export const beside = (name, act) => named(name, act, { beside: true });
/** A check that says something only where keys are asked for. */
export const keyed = (name, act) => KEYED && check(name, act);

export const release = (name) => writeFileSync(`${LAB}/${name}`, "");
export const exists = (name) => existsSync(`${LAB}/${name}`);
export const lines = (name) => (exists(name) ? readFileSync(`${LAB}/${name}`, "utf8").split("\n").filter(Boolean) : []);
export const attempts = (id) => lines(`requests/${id}`).length;
export const calls = (tag) =>
  lines("calls").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line)).filter((call) => call.tag === tag);

export async function until(what, look, limit = 30_000) {
  const end = performance.now() + limit;
  while (performance.now() < end) {
    const found = await look();
    if (found) return found;
    await pause(10);
  }
  throw new Error(`waited in vain: ${what}`);
}

export function isAlive(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)[0] !== "Z";
  } catch {
    return false;
  }
}

/** The error of a call that has to fail with this status. */
export async function fails(status, call) {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    assert.equal(error.status, status, `${error.status}: ${JSON.stringify(error.body)}`);
    return error;
  }
  throw new Error(`no error, and ${status} was wanted`);
}

/** The runner's usual answer, as what it is. */
export const usual = { headers: { "content-type": "application/json" } };

export const answers = (status, body, more) => ({
  status,
  body: JSON.stringify(body),
  headers: { "content-type": "application/json" },
  ...more,
});

export const isDone = async (id, app = APP) =>
  (await client.queue.status(app, { requestId: id })).status === "COMPLETED";
export const submit = async (input, more) =>
  (await client.queue.submit(more?.app ?? APP, { input, ...more })).request_id;
export const result = (id, app = APP) => client.queue.result(app, { requestId: id });

const held = new Set();

/** After a check: whatever it left waiting goes on, so that one failure is one failure. */
export const tidyUp = () => held.forEach(release);

/** A request that keeps the only runner until `name` is released. */
export async function busy(name) {
  held.add(name);
  const id = await submit({ hold: name });
  await until("it runs", () => attempts(id));
  return id;
}
