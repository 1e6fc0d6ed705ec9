// The queue: every state of a request, its events, its end, and what callers may say about it.
import { createHash, createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import {
  APP, BASE, UNKNOWN, answers, assert, attempts, beside, busy, calls, check, client, exists, fails, here, isAlive, isDone,
  lines, release, result, sending, sent, submit, uncaught, until, usual,
} from "./kit.mjs";

const status = (id, more) => client.queue.status(APP, { requestId: id, ...more });
const done = (id) => until("it is done", () => isDone(id));

check("submit", async () => {
  const made = await client.queue.submit(APP, { input: { ...usual, body: '{"is": "mine"}' } });
  assert.equal(made.status, "IN_QUEUE");
  assert.equal(made.response_url, `${BASE}/queue/${APP}/requests/${made.request_id}`);
  assert.equal(typeof made.queue_position, "number");
  await done(made.request_id);
  const { data, requestId } = await result(made.request_id);
  assert.deepEqual(data, { is: "mine" });
  assert.equal(requestId, made.request_id);
});

check("submit_path", async () => {
  const { request_id: id } = await client.queue.submit(`${APP}/deep/er`, { input: usual });
  await done(id);
  assert.equal((await result(id)).data.path, "/deep/er");
});

check("submit_headers", async () => {
  const headers = { "X-App-Fal-Mine": "arrives", "X-Fal-Caller-User-Id": "somebody-else" };
  const id = await submit(usual, { headers, priority: "low", hint: "a", startTimeout: 30, storageSettings: { expiresIn: 77 } });
  await done(id);
  const seen = (await result(id)).data.headers;
  assert.equal(seen["x-app-fal-mine"], "arrives");
  assert.notEqual(seen["x-fal-caller-user-id"], "somebody-else");
  assert.deepEqual(JSON.parse(seen["x-fal-object-lifecycle-preference"]), { expiration_duration_seconds: 77 });
  for (const consumed of ["x-fal-request-timeout", "x-fal-runner-hint", "x-fal-queue-priority", "authorization"]) {
    assert.equal(seen[consumed], undefined, consumed);
  }
});

check("submit_unknown_app", async () => {
  await fails(404, client.queue.submit("no/body", { input: {} }));
});

check("submit_get", async () => {
  // The client submits as it is told to, and a queue takes POST alone.
  await fails(405, client.queue.submit(APP, { method: "get", input: { a: "1" } }));
});

check("status_in_queue", async () => {
  const first = await busy("js busy");
  const ids = [await submit({}), await submit({})];
  const places = [];
  for (const id of ids) places.push(await status(id));
  assert.deepEqual(places.map((one) => [one.status, one.queue_position]), [["IN_QUEUE", 0], ["IN_QUEUE", 1]]);
  release("js busy");
  for (const id of [first, ...ids]) await done(id);
});

check("status_in_progress", async () => {
  const id = await submit({ hold: "js progress", print: "a line" });
  await until("it runs", () => attempts(id));
  const seen = await status(id);
  assert.deepEqual([seen.status, seen.logs], ["IN_PROGRESS", null]);
  const logs = await until("the line", async () => (await status(id, { logs: true })).logs?.[0]);
  assert.equal(logs.message, "a line");
  release("js progress");
  await done(id);
});

check("status_completed", async () => {
  const id = await submit({});
  await done(id);
  const seen = await status(id);
  assert(seen.metrics.inference_time >= 0);
  assert.deepEqual([seen.logs, seen.error], [null, undefined]);
});

check("status_of_a_failure", async () => {
  const id = await submit({ crash: "kill" }, { headers: { "x-fal-no-retry": "1" } });
  await done(id);
  const seen = await status(id);
  assert.equal(seen.error_type, "runner_disconnected");
  assert(seen.error);
});

check("unknown_id", async () => {
  for (const requestId of [UNKNOWN, "not-an-id"]) {
    for (const call of ["status", "result", "cancel"]) await fails(404, client.queue[call](APP, { requestId }));
  }
});

check("id_of_another_app", async () => {
  const id = await submit({});
  await done(id);
  for (const call of ["status", "result", "cancel"]) await fails(404, client.queue[call]("demo/many", { requestId: id }));
});

check("result_unfinished", async () => {
  const id = await submit({ hold: "js unfinished" });
  const error = await fails(400, result(id));
  assert.equal(error.body.detail, "Request is still in progress");
  release("js unfinished");
  await done(id);
});

check("result_422", async () => {
  const body = { detail: [{ type: "missing", loc: ["body", "prompt"], msg: "Field required", input: {} }] };
  const id = await submit(answers(422, body));
  await done(id);
  const error = await fails(422, result(id));
  assert.deepEqual(error.body, body);
  assert.equal(error.requestId, id);
  assert.equal(attempts(id), 1);
});

check("result_500", async () => {
  const id = await submit(answers(500, { detail: "broken" }));
  await done(id);
  assert.deepEqual((await fails(500, result(id))).body, { detail: "broken" });
  assert.equal(attempts(id), 1);
});

beside("result_503_read_four_times", async () => {
  const id = await submit(answers(503, { detail: "GPU error" }), { app: "demo/many" });
  await until("it is done", () => isDone(id, "demo/many"));
  assert.equal(attempts(id), 11, "the first and ten more");
  assert.deepEqual((await fails(503, result(id, "demo/many"))).body, { detail: "GPU error" });
  const url = here(`https://queue.fal.run/demo/many/requests/${id}`);
  assert.equal(sent.filter((request) => request.url === url).length, 4, "the client takes it for a passing thing");
  assert.equal(attempts(id), 11, "reading is not running");
});

check("result_503_goes_again", async () => {
  const id = await submit({ ...usual, script: [{ status: 503, body: "{}" }, { status: 504, body: "{}" }] });
  await done(id);
  assert.equal((await result(id)).data.attempt, 3);
  const [first, second] = lines(`requests/${id}`).map((line) => JSON.parse(line).pid);
  assert.notEqual(first, second);
  assert(!isAlive(first));
});

check("result_crash_goes_again", async () => {
  const id = await submit({ ...usual, script: [{ crash: "kill" }, { crash: "abort" }] });
  await done(id);
  assert.equal((await result(id)).data.attempt, 3);
});

check("result_text", async () => {
  const id = await submit({ body: "plain words", headers: { "content-type": "text/plain" } });
  await done(id);
  assert.equal((await result(id)).data, "plain words");
});

check("no_retry", async () => {
  const id = await submit(answers(500, { detail: "once" }, { headers: { ...usual.headers, "x-fal-needs-retry": "1" } }), {
    headers: { "X-Fal-No-Retry": "1" },
  });
  await done(id);
  await fails(500, result(id));
  assert.equal(attempts(id), 1);
});

check("needs_retry", async () => {
  const told = answers(422, {}, { headers: { ...usual.headers, "x-fal-needs-retry": "1" } });
  const id = await submit({ ...usual, script: [told] });
  await done(id);
  assert.equal((await result(id)).data.attempt, 2);
});

check("cancel_waiting", async () => {
  const first = await busy("js cancel busy");
  const id = await submit({});
  await client.queue.cancel(APP, { requestId: id });
  await done(id);
  const error = await fails(499, result(id));
  assert.equal(error.body.error_type, "client_cancelled");
  release("js cancel busy");
  await done(first);
  assert.equal(attempts(id), 0);
});

check("cancel_running", async () => {
  const id = await submit(answers(499, { detail: "stopped" }, { hold_cancel: true }));
  await until("it runs", () => attempts(id));
  await client.queue.cancel(APP, { requestId: id });
  await done(id);
  assert.deepEqual((await fails(499, result(id))).body, { detail: "stopped" });
});

check("cancel_completed", async () => {
  const id = await submit({});
  await done(id);
  assert.equal((await fails(400, client.queue.cancel(APP, { requestId: id }))).body.status, "ALREADY_COMPLETED");
  assert.equal((await fails(404, client.queue.cancel(APP, { requestId: UNKNOWN }))).body.status, "NOT_FOUND");
});

check("subscribe", async () => {
  const ids = [];
  const updates = [];
  const found = await client.subscribe(APP, {
    input: { ...usual, body: '{"so": "it is"}' }, pollInterval: 20,
    onEnqueue: (id) => ids.push(id), onQueueUpdate: (update) => updates.push(update.status),
  });
  assert.deepEqual(found, { data: { so: "it is" }, requestId: ids[0] });
  assert.equal(updates.at(-1), "COMPLETED");
});

check("subscribe_logs", async () => {
  const seen = [];
  const onQueueUpdate = (update) => {
    for (const line of update.logs ?? []) seen.push(line.message);
    if (seen.length) release("js subscribe logs");
  };
  const input = { print: "while it runs", hold: "js subscribe logs", body: "1", ...usual };
  assert.equal((await client.subscribe(APP, { input, logs: true, pollInterval: 20, onQueueUpdate })).data, 1);
  assert(seen.includes("while it runs"));
});

check("subscribe_streaming", async () => {
  const first = await busy("js streaming busy");
  const updates = [];
  const onQueueUpdate = (update) => {
    if (updates.at(-1) !== update.status) updates.push(update.status);
    release(update.status === "IN_PROGRESS" ? "js streaming" : "js streaming busy");
  };
  const input = { ...usual, body: "[1]", hold: "js streaming" };
  assert.deepEqual((await client.subscribe(APP, { input, mode: "streaming", onQueueUpdate })).data, [1]);
  assert.deepEqual(updates, ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]);
  await done(first);
});

check("subscribe_streaming_logs", async () => {
  const seen = [];
  const onQueueUpdate = (update) => {
    for (const line of update.logs ?? []) seen.push(line.message);
    if (seen.length) release("js streaming logs");
  };
  const input = { ...usual, print: "as it comes", hold: "js streaming logs", body: "2" };
  assert.equal((await client.subscribe(APP, { input, mode: "streaming", logs: true, onQueueUpdate })).data, 2);
  assert(seen.includes("as it comes"));
});

check("subscribe_failure", async () => {
  for (const more of [{ pollInterval: 20 }, { mode: "streaming" }]) {
    const error = await fails(422, client.subscribe(APP, { input: answers(422, { detail: "not so" }), ...more }));
    assert.equal(error.body.detail, "not so");
  }
});

check("subscribe_timeout", async () => {
  let id;
  await client.run(APP, { input: {} });
  const input = answers(499, {}, { hold_cancel: true });
  const call = client.subscribe(APP, { input, timeout: 500, pollInterval: 20, onEnqueue: (found) => (id = found) });
  await assert.rejects(call, /timed out waiting for the request to complete after 500ms/);
  await done(id);
  assert(exists(`cancel-${id}`), "the runner was told");
  await fails(499, result(id));
});

check("subscribe_streaming_timeout", async () => {
  let id;
  await client.run(APP, { input: {} });
  const before = uncaught.length;
  const input = answers(499, {}, { hold_cancel: true });
  const call = client.subscribe(APP, { input, timeout: 500, mode: "streaming", onEnqueue: (found) => (id = found) });
  // The caller gets the platform's word, and the timeout is thrown where nobody can catch it.
  await assert.rejects(call, (error) => [400, 499].includes(error.status));
  await done(id);
  assert(uncaught.length === before + 1 && /timed out/.test(uncaught.at(-1).message));
  uncaught.pop();
});

check("stream_status", async () => {
  const id = await submit({ sleep_ms: 50 });
  const seen = [];
  for await (const event of await client.queue.streamStatus(APP, { requestId: id })) seen.push(event.status);
  assert.equal(seen.at(-1), "COMPLETED");
  const ended = await (await client.queue.streamStatus(APP, { requestId: id, logs: true })).done();
  assert.equal(ended.status, "COMPLETED");
});

check("stream_status_unknown", async () => {
  const stream = await client.queue.streamStatus(APP, { requestId: UNKNOWN });
  await fails(404, stream.done());
});

check("priority", async () => {
  const first = await busy("js priority");
  const low = await submit({ tag: "js in turn" }, { priority: "low" });
  const normal = await submit({ tag: "js in turn" }, { priority: "normal" });
  const unsaid = await submit({ tag: "js in turn" });
  const places = [];
  for (const id of [normal, unsaid, low]) places.push((await status(id)).queue_position);
  assert.deepEqual(places, [0, 1, 2]);
  release("js priority");
  for (const id of [first, low, normal, unsaid]) await done(id);
  assert.deepEqual(calls("js in turn").map((call) => call.request_id), [normal, unsaid, low]);
});

check("hint", async () => {
  const pids = {};
  const give = async (name) => {
    const headers = { ...usual.headers, "x-fal-runner-hints": name };
    const id = await submit({ headers, hold: `js hint ${name}` }, { app: "demo/pair" });
    await until("it runs", () => attempts(id));
    return id;
  };
  const ids = { left: await give("left"), right: await give("right") };
  for (const name of ["left", "right"]) {
    release(`js hint ${name}`);
    await until("it is done", () => isDone(ids[name], "demo/pair"));
    pids[name] = (await result(ids[name], "demo/pair")).data.pid;
  }
  assert.notEqual(pids.left, pids.right);
  for (const hint of ["left", "right", "right", "left"]) {
    const headers = { ...usual.headers, "x-fal-runner-hints": hint };
    const found = await client.subscribe("demo/pair", { input: { headers }, hint, pollInterval: 20 });
    assert.equal(found.data.pid, pids[hint]);
  }
});

check("start_timeout", async () => {
  const first = await busy("js deadline");
  const id = await submit({}, { startTimeout: 1.1 });
  await done(id);
  const error = await fails(504, result(id));
  assert(error.isUserTimeout);
  const url = here(`https://queue.fal.run/${APP}/requests/${id}`);
  assert.equal(sent.filter((request) => request.url === url).length, 1, "what the user wanted is not tried again");
  release("js deadline");
  await done(first);
  assert.equal(attempts(id), 0);
});

check("idempotency", async () => {
  const headers = { "Idempotency-Key": "of the javascript suite" };
  const first = await submit({ tag: "js idem" }, { headers });
  assert.equal(await submit({ tag: "js idem" }, { headers }), first);
  await done(first);
  assert.equal(calls("js idem").length, 1);
  await fails(422, submit({ tag: "other" }, { headers }));
});

async function delivered(input) {
  let tell;
  const told = new Promise((resolve) => (tell = resolve));
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part)).on("end", () => {
      response.end();
      tell({ headers: request.headers, body: Buffer.concat(parts) });
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const id = await submit(input, { webhookUrl: `http://127.0.0.1:${server.address().port}/hook?a=1&b=2` });
  const { headers, body } = await told;
  server.close();
  const said = JSON.parse(body);
  assert.equal(said.request_id, id);
  const about = ["request-id", "user-id", "timestamp"].map((name) => headers[`x-fal-webhook-${name}`]);
  const message = [...about, createHash("sha256").update(body).digest("hex")].join("\n");
  const { keys } = await (await sending(`${BASE}/rest/.well-known/jwks.json`)).json();
  const signature = Buffer.from(headers["x-fal-webhook-signature"], "hex");
  const fits = (key) => verify(null, Buffer.from(message), createPublicKey({ key, format: "jwk" }), signature);
  assert(keys.some(fits), "it is signed with a key that the platform names");
  return said;
}

check("webhook", async () => {
  const said = await delivered({ ...usual, body: '{"is": "there"}' });
  assert.deepEqual([said.status, said.payload], ["OK", { is: "there" }]);
});

check("webhook_of_a_failure", async () => {
  const said = await delivered(answers(422, { detail: "not so" }));
  assert.deepEqual([said.status, said.payload], ["ERROR", { detail: "not so" }]);
});
