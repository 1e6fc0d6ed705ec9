// Direct calls: what comes back, what arrives, and what each kind of failure is to a caller.
import {
  APP, BASE, SDK, ValidationError, answers, assert, beside, busy, byMiddleware, byProxy, calls, check, client,
  exists, fails, isAlive, isDone, release, sent, until, usual,
} from "./kit.mjs";

const json = (body) => ({ body, headers: { "content-type": "application/json" } });

check("run", async () => {
  const { data: seen, requestId } = await client.run(APP, { input: { ...usual, tag: "run" } });
  assert.deepEqual([seen.method, seen.path], ["POST", "/"]);
  assert.equal(seen.headers["content-type"], "application/json");
  assert.match(seen.headers["user-agent"], /^@fal-ai\/client/);
  assert.equal(requestId, seen.request_id);
});

check("run_path", async () => {
  const { data } = await client.run(`${APP}/v2/turbo`, { input: usual });
  assert.equal(data.path, "/v2/turbo");
});

check("run_get", async () => {
  await fails(405, client.run(SDK, { method: "get", input: { a: "1" } }));
  const found = await client.run(`${APP}/some`, { method: "get", input: { a: "1" } });
  const seen = JSON.parse(found.data);
  assert.deepEqual([seen.method, seen.path, seen.received], ["GET", "/some?a=1", 0]);
});

check("run_headers", async () => {
  const { data } = await client.run(SDK + "/context", {
    input: { prompt: "x" }, startTimeout: 30, storageSettings: { expiresIn: "1h" },
  });
  assert.deepEqual(data.lifecycle.expiration_duration_seconds, 3600);
  assert.equal(data.endpoint, `${SDK}/context`);
  for (const consumed of ["x-fal-request-timeout", "authorization"]) assert.equal(data.headers[consumed], undefined);
});

check("run_identity_headers", async () => {
  const spoof = byMiddleware({
    fetch: (url, init) => fetch(url, {
      ...init, headers: { ...init.headers, "x-fal-caller-user-id": "else", "x-fal-endpoint": "a/b", "x-app-fal-mine": "yes" },
    }),
  });
  const { data } = await spoof.run(SDK + "/context", { input: { prompt: "x" } });
  assert.notEqual(data.headers["x-fal-caller-user-id"], "else");
  assert.equal(data.headers["x-fal-endpoint"], `${SDK}/context`);
  assert.equal(data.headers["x-app-fal-mine"], "yes");
});

check("run_422", async () => {
  const body = { detail: [{ type: "missing", loc: ["body", "prompt"], msg: "Field required", input: { a: 1 } }] };
  const error = await fails(422, client.run(APP, { input: answers(422, body) }));
  assert(error instanceof ValidationError);
  assert.deepEqual(error.body, body);
  assert.deepEqual(error.getFieldErrors("prompt"), body.detail);
  assert(error.requestId);
});

check("run_422_text", async () => {
  const error = await fails(422, client.run(APP, { input: answers(422, { detail: "not so" }) }));
  assert.deepEqual(error.fieldErrors, [{ loc: ["body"], msg: "not so", type: "value_error" }]);
});

check("run_4xx", async () => {
  for (const status of [400, 402, 403, 404, 409, 410, 418]) {
    const error = await fails(status, client.run(APP, { input: answers(status, { detail: `${status}` }) }));
    assert.deepEqual(error.body, { detail: `${status}` });
    assert(!(error instanceof ValidationError) && error.requestId);
  }
});

check("run_message", async () => {
  const error = await fails(400, client.run(APP, { input: answers(400, { message: "of its own" }) }));
  assert.equal(error.message, "of its own");
  assert.equal((await fails(400, client.run(APP, { input: answers(400, {}) }))).message, "As Asked", "the reason phrase");
});

check("run_500", async () => {
  const before = (await client.run(APP, { input: usual })).data.pid;
  const error = await fails(500, client.run(APP, { input: answers(500, { detail: "broken" }, { tag: "500" }) }));
  assert.deepEqual(error.body, { detail: "broken" });
  assert.equal(calls("500").length, 1, "a 500 is not tried again");
  assert.equal((await client.run(APP, { input: usual })).data.pid, before, "its port is open, so it is kept");
});

// The client tries these again by itself, three times more. The platform never does for a direct call.
for (const status of [429, 502, 503, 504]) {
  beside(`run_${status}_four_times`, async () => {
    const tag = `four ${status}`;
    const error = await fails(status, client.run("demo/many", { input: answers(status, { detail: "no" }, { tag }) }));
    assert.deepEqual(error.body, { detail: "no" });
    const found = calls(tag);
    assert.equal(found.length, 4);
    assert.equal(new Set(found.map((call) => call.request_id)).size, 4, "each is a request of its own");
    if (status === 503) {
      assert.equal(new Set(found.map((call) => call.pid)).size, 4, "each had another runner");
      await until("they are gone", () => !found.some((call) => isAlive(call.pid)));
    }
  });
}

check("run_503_then_good", async () => {
  // One try is enough where the next runner does it: the caller sees no error.
  const found = await client.run(`${SDK}/gpu-once`, { input: { prompt: "x", name: "js direct" } });
  assert.notEqual(found.data.text, String(found.data.pid));
});

beside("run_503_whatever_the_options_say", async () => {
  const once = byMiddleware({ retry: { maxRetries: 0 } });
  // `run` has retries of its own, which no option of the client takes away.
  await fails(503, once.run("demo/many", { input: answers(503, {}, { tag: "options 503" }) }));
  assert.equal(calls("options 503").length, 4);
});

beside("run_too_long", async () => {
  const error = await fails(504, client.run("demo/slow", { input: { hold: "never", tag: "too long" } }));
  assert.equal(error.body.error_type, "request_timeout");
  assert.equal(error.isUserTimeout, false);
  assert.equal(calls("too long").length, 4, "it is not the user's timeout, so it is tried again");
});

beside("run_crash", async () => {
  const error = await fails(503, client.run("demo/many", { input: { crash: "kill", tag: "js crash" } }));
  assert.equal(error.body.error_type, "runner_disconnected");
  assert.equal(calls("js crash").length, 4);
});

beside("run_cut_short", async () => {
  const error = await fails(502, client.run("demo/many", { input: { truncate_at: 5, body: "0123456789" } }));
  assert.equal(error.body.error_type, "runner_incomplete_response");
});

check("run_any_json", async () => {
  for (const body of ["null", "7", '"text"', "[1, 2]", '{"a": {"b": "\\u00e9\\ud83d\\ude00"}}']) {
    assert.deepEqual((await client.run(APP, { input: json(body) })).data, JSON.parse(body));
  }
});

check("run_text", async () => {
  const plain = { body: "plain words", headers: { "content-type": "text/plain" } };
  assert.equal((await client.run(APP, { input: plain })).data, "plain words");
  const bytes = { body: "abc", headers: { "content-type": "application/octet-stream" } };
  assert.equal((await client.run(APP, { input: bytes })).data.byteLength, 3);
});

check("run_204", async () => {
  const { data, requestId } = await client.run(APP, { input: { status: 204, body: "" } });
  assert.equal(data, "");
  assert(requestId);
});

check("run_empty_json", async () => {
  await assert.rejects(client.run(APP, { input: json("") }), SyntaxError);
});

check("run_error_not_json", async () => {
  const input = { status: 500, body: "<h1>no</h1>", headers: { "content-type": "text/html" } };
  const error = await fails(500, client.run(APP, { input }));
  assert.equal(error.body, undefined);
  assert.match(error.message, /^HTTP 500: /);
});

check("run_redirect", async () => {
  const input = { status: 307, headers: { location: `${BASE}/run/${SDK}` }, body: "", prompt: "on" };
  assert.equal((await client.run(APP, { input })).data.text, "ON");
});

check("run_unknown_app", async () => {
  const error = await fails(404, client.run("no/body", { input: {} }));
  assert.match(error.body.detail, /no\/body/);
  assert(error.requestId);
});

check("run_start_timeout", async () => {
  const first = await busy("js direct deadline");
  const asked = () => sent.filter((request) => request.url.endsWith(`/run/${APP}`)).length;
  const before = asked();
  const error = await fails(504, client.run(APP, { input: { tag: "js late" }, startTimeout: 1.1 }));
  assert.equal(error.timeoutType, "user");
  assert(error.isUserTimeout);
  assert.equal(asked(), before + 1, "what the user wanted is not tried again");
  release("js direct deadline");
  await until("it is done", () => isDone(first));
  assert.equal(calls("js late").length, 0);
});

check("run_start_timeout_too_short", async () => {
  await assert.rejects(client.run(APP, { input: {}, startTimeout: 1 }), /greater than 1/);
});

check("run_abort", async () => {
  const controller = new AbortController();
  const call = client.run(APP, { input: { hold: "js abort", tag: "js abort" }, abortSignal: controller.signal });
  const [found] = await until("it runs", () => calls("js abort").length && calls("js abort"));
  controller.abort();
  await assert.rejects(call, { name: "AbortError" });
  await until("the runner is told", () => exists(`cancel-${found.request_id}`));
  release("js abort");
});

check("run_large", async () => {
  const size = 5_000_000;
  const { data } = await client.run(APP, { input: { ...usual, filler: "x".repeat(size) } });
  assert(data.received > size);
  const back = await client.run(APP, { input: { body_bytes: size } });
  assert.equal(back.data.length, size);
});

check("run_many", async () => {
  const all = Array.from({ length: 40 }, (_, n) => client.run("demo/many", { input: json(`${n}`) }));
  assert.deepEqual((await Promise.all(all)).map((found) => found.data), Array.from({ length: 40 }, (_, n) => n));
});

for (const [way, other] of [["middleware", byMiddleware()], ["proxy", byProxy()]]) {
  check(`${way}_run`, async () => {
    const { data, requestId } = await other.run(SDK, { input: { prompt: way } });
    assert.equal(data.text, way.toUpperCase());
    assert(requestId);
  });

  check(`${way}_run_422`, async () => {
    const error = await fails(422, other.run(SDK, { input: { steps: 2 } }));
    assert.equal(error.fieldErrors[0].msg, "Field required");
  });

  check(`${way}_subscribe`, async () => {
    const found = await other.subscribe(SDK, { input: { prompt: way }, pollInterval: 20 });
    assert.equal(found.data.text, way.toUpperCase());
  });

  check(`${way}_subscribe_streaming`, async () => {
    const found = await other.subscribe(SDK, { input: { prompt: way }, mode: "streaming" });
    assert.equal(found.data.text, way.toUpperCase());
  });

  check(`${way}_stream`, async () => {
    const events = [];
    for await (const event of await other.stream(SDK, { input: { prompt: "xy" } })) events.push(event.letter);
    assert.deepEqual(events, ["x", "y"]);
  });

  check(`${way}_cancel`, async () => {
    const first = await busy(`${way} cancel`);
    const { request_id: id } = await other.queue.submit(APP, { input: {} });
    await other.queue.cancel(APP, { requestId: id });
    await fails(499, other.queue.result(APP, { requestId: id }));
    release(`${way} cancel`);
    await until("it is done", () => isDone(first));
  });

  check(`${way}_upload`, async () => {
    const url = await other.storage.upload(new Blob([way], { type: "text/plain" }));
    assert.equal(await (await fetch(url)).text(), way);
  });
}

check("proxy_elsewhere", async () => {
  const answer = await fetch(`${BASE}/api/fal/proxy`, { headers: { "x-fal-target-url": "https://example.com/a/b" } });
  assert.equal(answer.status, 400);
});
