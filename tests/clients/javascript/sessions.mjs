// Streams and realtime, with fal's own app and with a runner that misbehaves.
import {
  APP, ApiError, BASE, KEYED, SDK, SOCKETS, Socket, answers, assert, byFetch, byMiddleware, check, client, fails, isAlive,
  keyed, release, sending, unhandled, until,
} from "./kit.mjs";

const events = { "content-type": "text/event-stream" };

async function all(stream) {
  const seen = [];
  for await (const event of stream) seen.push(event);
  return seen;
}

check("stream", async () => {
  const stream = await client.stream(SDK, { input: { prompt: "abc" } });
  assert.deepEqual((await all(stream)).map((event) => event.letter), ["a", "b", "c"]);
  assert.deepEqual(await stream.done(), { letter: "c" });
  assert(stream.requestId);
});

check("stream_by_token", async () => {
  const stream = await client.stream(SDK, { input: { prompt: "xy" }, connectionMode: "client" });
  assert.deepEqual((await all(stream)).map((event) => event.letter), ["x", "y"]);
});

check("stream_by_token_provider", async () => {
  const asked = [];
  const tokenProvider = async (app) => {
    asked.push(app);
    return token([app]);
  };
  const stream = await client.stream(SDK, { input: { prompt: "z" }, connectionMode: "client", tokenProvider });
  assert.deepEqual(await stream.done(), { letter: "z" });
  assert.deepEqual(asked, [`${SDK}/stream`]);
});

check("stream_as_it_comes", async () => {
  const stream = await client.stream(APP, { input: { events: 3, hold_stream: "js next event", headers: events } });
  const seen = [];
  stream.on("data", (event) => seen.push(event));
  await until("the first", () => seen.length);
  assert.deepEqual(seen, [0]);
  release("js next event");
  assert.equal(await stream.done(), 2);
});

check("stream_error", async () => {
  for (const status of [404, 422, 500, 503]) {
    const stream = await client.stream(APP, { input: answers(status, { detail: "no" }) });
    const error = await fails(status, stream.done());
    assert.deepEqual(error.body, { detail: "no" });
  }
});

check("stream_error_unhandled", async () => {
  // Who only iterates sees no event, and the error goes where it ends most programs.
  const before = unhandled.length;
  const stream = await client.stream(SDK, { input: { not: "so" } });
  const told = [];
  stream.on("error", (error) => told.push(error));
  assert.deepEqual(await all(stream), []);
  await until("it is nobody's", () => unhandled.length > before);
  const [error] = unhandled.splice(before);
  assert(error instanceof ApiError && error.status === 422);
  assert.deepEqual(told, [error]);
});

check("stream_unknown_app", async () => {
  await fails(404, (await client.stream("no/body", { input: {} })).done());
});

check("stream_cut", async () => {
  for (const how of [{ truncate_at: 0 }, { crash: "kill" }]) {
    const stream = await client.stream(APP, { input: { events: 3, headers: events, ...how } });
    const error = await fails(500, stream.done());
    assert.match(error.message, /terminated/);
  }
});

check("stream_not_events", async () => {
  const stream = await client.stream(APP, { input: answers(200, { a: 1 }) });
  const seen = await all(stream);
  assert(seen.every((part) => part instanceof Uint8Array));
  assert.equal(Buffer.concat(seen).toString(), '{"a":1}');
});

check("stream_abort", async () => {
  const stream = await client.stream(APP, { input: { events: 2, hold_stream: "js aborted", headers: events } });
  const seen = [];
  stream.on("data", (event) => seen.push(event));
  await until("the first", () => seen.length);
  stream.abort();
  await stream.done();
  release("js aborted");
});

async function token(apps, seconds = 120) {
  const answer = await sending(`${BASE}/rest/tokens/realtime`, {
    method: "POST",
    headers: { authorization: `Key ${process.env.FAL_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ allowed_apps: apps, duration: seconds }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).token;
}

function live(more) {
  const results = [];
  const errors = [];
  const connection = client.realtime.connect(more?.app ?? SDK, {
    throttleInterval: 0,
    onResult: (found) => results.push(found),
    onError: (error) => errors.push(error),
    ...more,
  });
  const next = async (list) => until("a message", () => list.length && list.shift());
  return { ...connection, results, errors, result: () => next(results), error: () => next(errors) };
}

check("realtime", async () => {
  const session = live();
  for (const word of ["hello", "again"]) {
    session.send({ prompt: word });
    assert.equal((await session.result()).text, word.toUpperCase());
  }
  session.close();
  assert.deepEqual(session.errors, []);
});

check("realtime_many", async () => {
  const session = live({ maxBuffering: 60 });
  for (let number = 0; number < 200; number += 1) {
    session.send({ prompt: `a${number}` });
    assert.equal((await session.result()).text, `A${number}`);
  }
  session.close();
});

check("realtime_reconnects", async () => {
  const session = live();
  session.send({ prompt: "one" });
  assert.equal((await session.result()).text, "ONE");
  session.close();
  // To this client a close of its own, which says no code, is an error; a message sent before that is lost.
  assert.equal((await session.error()).status, 1005);
  session.send({ prompt: "two" });
  assert.equal((await session.result()).text, "TWO");
  session.close();
});

check("realtime_token_provider", async () => {
  const asked = [];
  const tokenProvider = async (app) => {
    asked.push(app);
    return token([app]);
  };
  const session = live({ tokenProvider });
  session.send({ prompt: "mine" });
  assert.equal((await session.result()).text, "MINE");
  session.close();
  assert.deepEqual(asked, [`${SDK}/realtime`]);
});

check("realtime_by_middleware", async () => {
  const results = [];
  const connection = byMiddleware().realtime.connect(SDK, { onResult: (found) => results.push(found), onError() {} });
  connection.send({ prompt: "by the way" });
  await until("an answer", () => results.length);
  assert.equal(results[0].text, "BY THE WAY");
  connection.close();
});

check("realtime_invalid", async () => {
  const session = live();
  session.send({ not: "so" });
  const error = await session.error();
  assert(error instanceof ApiError && error.status === 400);
  assert.match(error.message, /^INTERNAL_ERROR: /);
  assert.equal(error.body.type, "x-fal-error");
  session.close();
  const other = live();
  other.send({ prompt: "so" });
  assert.equal((await other.result()).text, "SO");
  other.close();
});

check("realtime_exception", async () => {
  const session = live();
  session.send({ prompt: "boom" });
  assert.equal((await session.error()).message, "INTERNAL_ERROR: boom");
  session.close();
});

check("realtime_undecodable", async () => {
  const session = live({ encodeMessage: () => new Uint8Array([0xc1]) });
  session.send({});
  assert.match((await session.error()).message, /^INTERNAL_ERROR/);
  session.close();
});

check("realtime_text_frame", async () => {
  const session = live({ encodeMessage: () => "text" });
  session.send({ prompt: "x" });
  assert.match((await session.error()).message, /^INTERNAL_ERROR: 'bytes'/);
  session.close();
});

check("realtime_answer_undecodable", async () => {
  // What a runner sends in a text frame is JSON to this client, or an error.
  const session = live({ app: APP, path: "/any", encodeMessage: () => '{"say": "no json"}' });
  session.send({ a: 1 });
  assert.equal((await session.result()).path, "/any");
  const error = await session.error();
  assert.equal(error.status, 400);
  session.close();
});

check("realtime_death", async () => {
  const session = live();
  session.send({ prompt: "who" });
  const { pid } = await session.result();
  session.send({ prompt: "die" });
  const error = await session.error();
  assert.equal(error.status, 1011);
  await until("it is gone", () => !isAlive(pid));
  session.send({ prompt: "and then" });
  assert.equal((await session.result()).text, "AND THEN");
  session.close();
});

check("realtime_unknown_path", async () => {
  const session = live({ path: "/nowhere" });
  session.send({ prompt: "x" });
  const error = await session.error();
  assert.equal(error.status, 1011);
  assert.match(error.message, /Error while forwarding the request/);
  session.close();
});

check("realtime_unknown_app", async () => {
  const session = live({ app: "no/body" });
  session.send({ prompt: "x" });
  assert.equal((await session.error()).status, 500);
  session.close();
});

function socket(path, key = process.env.FAL_KEY) {
  const open = new Socket(`${SOCKETS}/run/${path}`, { headers: key ? { authorization: `Key ${key}` } : {} });
  const seen = [];
  open.on("message", (data, isBinary) => seen.push(isBinary ? data : data.toString()));
  const ended = new Promise((resolve) => {
    open.on("close", (code, reason) => resolve([code, reason.toString()]));
    open.on("unexpected-response", (_, response) => resolve([response.statusCode, ""]));
    open.on("error", () => {});
  });
  return { open, seen, ended };
}

check("ws", async () => {
  const { open, seen, ended } = socket(`${SDK}/ws`);
  open.on("open", () => open.send("a"));
  await until("an answer", () => seen.length);
  assert.deepEqual(seen, ["echo a"]);
  open.send("bye");
  assert.deepEqual(await ended, [4001, "as asked"]);
});

check("ws_frames", async () => {
  const { open, seen, ended } = socket(`${APP}/any`);
  await until("the greeting", () => seen.shift());
  for (const size of [0, 125, 126, 65_535, 65_536, 1_000_000]) {
    open.send(Buffer.alloc(size, 7));
    const back = await until("it comes back", () => seen.shift());
    assert.equal(Buffer.compare(back, Buffer.alloc(size, 7)), 0);
  }
  open.close(1000);
  assert.equal((await ended)[0], 1000);
});

check("ws_malformed_frame", async () => {
  const { open, seen, ended } = socket(`${APP}/any`);
  await until("the greeting", () => seen.length);
  open._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
  await ended;
  const after = socket(`${APP}/any`);
  await until("the greeting", () => after.seen.length);
  after.open.close();
});

check("ws_death", async () => {
  for (const how of ['{"crash": "kill"}', '{"drop": true}']) {
    const { open, seen, ended } = socket(APP);
    await until("the greeting", () => seen.length);
    open.send(how);
    assert.equal((await ended)[0], 1011);
  }
});

async function byToken(made, app = APP) {
  const { open, seen, ended } = socket(`${app}/any?fal_jwt_token=${made}`, "");
  const found = await Promise.race([until("the greeting", () => seen.length).then(() => undefined), ended]);
  open.close();
  return found?.[0];
}

keyed("token_of_nobody", async () => {
  assert([401, 403].includes(await byToken("made.up.here")));
  const good = await token([APP]);
  assert.equal(await byToken(good), undefined);
  assert([401, 403].includes(await byToken(good.slice(0, -2) + (good.endsWith("AA") ? "BB" : "AA"))));
});

keyed("token_of_another_app", async () => {
  assert([401, 403].includes(await byToken(await token(["demo/many"]))));
});

keyed("token_expired", async () => {
  const short = await token([APP], 1);
  await until("it has expired", async () => [401, 403].includes(await byToken(short)));
});

keyed("token_needs_a_key", async () => {
  const wrong = byFetch({ credentials: "ops:not-the-secret" });
  const errors = [];
  const connection = wrong.realtime.connect(SDK, { onResult() {}, onError: (error) => errors.push(error) });
  connection.send({ prompt: "x" });
  await fails(401, wrong.stream(SDK, { input: { prompt: "x" }, connectionMode: "client" }).then((stream) => stream.done()));
  connection.close();
  assert(KEYED && errors.length === 0, "the client keeps to itself that it got no token");
});
