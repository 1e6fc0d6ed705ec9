// Keys, where the platform asks for them: who is refused, and how the client says so.
import { APP, assert, byFetch, byProxy, calls, client, fails, keyed, submit, usual } from "./kit.mjs";

const wrong = byFetch({ credentials: "ops:not-the-secret" });

keyed("bad_key", async () => {
  const error = await fails(401, wrong.run(APP, { input: { tag: "js bad key" } }));
  assert.equal(typeof error.body.detail, "string");
  assert(error.requestId);
  assert.equal(calls("js bad key").length, 0, "no runner has seen it");
});

keyed("bad_key_of_the_queue", async () => {
  const id = await submit({});
  await fails(401, wrong.queue.submit(APP, { input: {} }));
  for (const call of ["status", "result", "cancel"]) await fails(401, wrong.queue[call](APP, { requestId: id }));
  await fails(401, (await wrong.queue.streamStatus(APP, { requestId: id })).done());
});

keyed("bad_key_of_a_stream", async () => {
  await fails(401, (await wrong.stream(APP, { input: {} })).done());
});

keyed("bad_key_by_proxy", async () => {
  await fails(401, byProxy({ credentials: "ops:not-the-secret" }).run(APP, { input: {} }));
});

keyed("public_app", async () => {
  assert.equal((await wrong.run("demo/public", { input: usual })).data.method, "POST");
});

keyed("name_of_the_key", async () => {
  assert.equal((await client.run(APP, { input: usual })).data.headers["x-fal-caller-user-id"], "ops");
});

keyed("key_over_its_limit", async () => {
  // A call beyond what the key may gets 429, with which the client comes again until it goes well.
  const one = byFetch({ credentials: "one:a-secret-for-one" });
  const call = (body) => one.run("demo/many", { input: { ...usual, body, sleep_ms: 100 } });
  assert.deepEqual((await Promise.all(["0", "1"].map(call))).map((found) => found.data), [0, 1]);
});
