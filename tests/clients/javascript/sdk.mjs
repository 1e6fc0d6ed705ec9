// fal's own app framework behind the platform: its answers pass through as they are, and move runners and requests.
import { unlinkSync } from "node:fs";
import {
  LAB, SDK, assert, attempts, byFetch, check, client, exists, fails, here, isAlive, isDone, lines, release, result, sending,
  submit, until,
} from "./kit.mjs";

const BOTH = [(app, options) => client.run(app, options), (app, options) => client.subscribe(app, { pollInterval: 20, ...options })];

check("sdk_run", async () => {
  for (const call of BOTH) assert.equal((await call(SDK, { input: { prompt: "hello", unknown: 1 } })).data.text, "HELLO");
});

check("sdk_422_missing", async () => {
  const input = { steps: 2 };
  const entry = { type: "missing", loc: ["body", "prompt"], msg: "Field required", input };
  for (const call of BOTH) assert.deepEqual((await fails(422, call(SDK, { input }))).body, { detail: [entry] });
});

check("sdk_422_headers", async () => {
  const units = [];
  const spy = byFetch({
    fetch: async (url, init) => {
      const answer = await sending(here(url), init);
      if (answer.status === 422) units.push(answer.headers.get("x-fal-billable-units"));
      return answer;
    },
  });
  await fails(422, spy.run(SDK, { input: {} }));
  await fails(422, spy.subscribe(SDK, { input: {}, pollInterval: 20 }));
  assert.deepEqual(units, ["0", "0"]);
});

check("sdk_422_values", async () => {
  const error = await fails(422, client.run(SDK, { input: { prompt: 7, steps: 0 } }));
  assert.deepEqual(error.body.detail.map((entry) => entry.type), ["string_type", "greater_than_equal"]);
  assert.deepEqual(error.getFieldErrors("steps")[0].ctx, { ge: 1 });
});

check("sdk_422_no_body", async () => {
  const error = await fails(422, client.run(SDK, {}));
  assert.deepEqual(error.body, { detail: [{ type: "missing", loc: ["body"], msg: "Field required", input: null }] });
});

check("sdk_404_path", async () => {
  const error = await fails(404, client.run(`${SDK}/nowhere`, { input: {} }));
  assert.deepEqual(error.body, { detail: "Path /nowhere not found" });
});

check("sdk_exceptions", async () => {
  const wanted = { loc: ["body", "prompt"], msg: "too rude", type: "value_error" };
  const told = [[402, "app", "not today"], [418, "teapot", { short: "and stout" }], [422, "field", [wanted]]];
  for (const [status, prompt, detail] of told) {
    assert.deepEqual((await fails(status, client.run(SDK, { input: { prompt } }))).body, { detail });
  }
});

check("sdk_500_keeps_the_runner", async () => {
  const alive = () => lines("sdk-starts").filter(isAlive);
  const before = await until("both are there", () => alive().length === 2 && alive());
  const error = await fails(500, client.run(SDK, { input: { prompt: "boom" } }));
  assert.deepEqual(error.body, { detail: "Internal Server Error" });
  await client.run(SDK, { input: { prompt: "and on" } });
  assert.deepEqual(alive(), before, "both go on");
});

check("sdk_503_goes_again", async () => {
  const { data } = await client.subscribe(`${SDK}/gpu-once`, { input: { prompt: "x", name: "js queued" }, pollInterval: 20 });
  assert.notEqual(data.text, String(data.pid), "another runner has done it");
  await until("the first is gone", () => !isAlive(data.text));
});

check("sdk_cancel", async () => {
  const { request_id: id } = await client.queue.submit(`${SDK}/wait`, { input: { prompt: "x", name: "js cancel" } });
  await until("it waits", () => exists("waits-js cancel"));
  await client.queue.cancel(SDK, { requestId: id });
  await until("it is done", () => isDone(id, SDK));
  assert.deepEqual((await fails(499, result(id, SDK))).body, { detail: "stopped half way" });
});

check("sdk_setup_fails", async () => {
  release("moody");
  const id = await submit({ prompt: "at last" }, { app: "demo/moody" });
  await until("two starts have failed", () => lines("moody-starts").length >= 2, 60_000);
  assert.equal((await client.queue.status("demo/moody", { requestId: id })).status, "IN_QUEUE");
  assert.equal(attempts(id), 0);
  unlinkSync(`${LAB}/moody`);
  await until("it is done", () => isDone(id, "demo/moody"), 60_000);
  assert.equal((await result(id, "demo/moody")).data.text, "AT LAST");
});
