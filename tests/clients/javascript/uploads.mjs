// Uploads, as the client makes them, and what is read back.
import { randomBytes } from "node:crypto";
import { APP, BASE, SDK, assert, byFetch, check, client, fails, keyed, until } from "./kit.mjs";

async function read(url, status = 200) {
  assert(url.startsWith(`${BASE}/cdn/`), url);
  const found = await fetch(url);
  assert.equal(found.status, status);
  return { headers: found.headers, bytes: Buffer.from(await found.arrayBuffer()) };
}

check("upload", async () => {
  const data = randomBytes(100_000);
  const url = await client.storage.upload(new Blob([data], { type: "application/x-own" }));
  const { headers, bytes } = await read(url);
  assert.equal(Buffer.compare(bytes, data), 0);
  assert.equal(headers.get("content-type"), "application/x-own");
  assert(headers.get("etag"));
});

check("upload_file", async () => {
  const url = await client.storage.upload(new File(["{}"], "my file.json", { type: "application/json" }));
  assert.match(url, /my.*file\.json$/);
  assert.equal((await read(url)).bytes.toString(), "{}");
});

check("upload_empty", async () => {
  const url = await client.storage.upload(new Blob([], { type: "text/plain" }));
  assert.equal((await read(url)).bytes.length, 0);
});

check("upload_parts", async () => {
  const block = randomBytes(1 << 20);
  const data = Buffer.concat([...Array(91).fill(block), Buffer.from("the odd rest")]);
  const url = await client.storage.upload(new Blob([data], { type: "video/mp4" }));
  const { headers, bytes } = await read(url);
  assert.equal(Buffer.compare(bytes, data), 0);
  assert.equal(headers.get("content-type"), "video/mp4");
});

check("upload_in_input", async () => {
  // Files in an input become URLs by themselves, however deep they lie.
  const input = { script: [{ body: new Blob(["picture"], { type: "image/png" }) }] };
  const { data } = await client.run(APP, { input });
  const { headers, bytes } = await read(data);
  assert.equal(bytes.toString(), "picture");
  assert.equal(headers.get("content-type"), "image/png");
});

check("upload_in_queued_input", async () => {
  const input = { prompt: new Blob(["queued"], { type: "text/plain" }) };
  const { data } = await client.subscribe(SDK, { input, pollInterval: 20 });
  assert(data.text.startsWith(`${BASE}/cdn/`.toUpperCase()), data.text);
});

check("upload_expires", async () => {
  const blob = new Blob(["gone soon"], { type: "text/plain" });
  const url = await client.storage.upload(blob, { lifecycle: { expiresIn: 1 } });
  await until("it has expired", async () => (await fetch(url)).status === 404);
  await read(await client.storage.upload(blob, { lifecycle: { expiresIn: "1h" } }));
});

check("upload_hidden", async () => {
  const blob = new Blob(["not for all"], { type: "text/plain" });
  for (const [decision, status] of [["forbid", 403], ["hide", 404], ["allow", 200]]) {
    await read(await client.storage.upload(blob, { lifecycle: { initialAcl: { default: decision } } }), status);
  }
});

check("upload_needs_its_token", async () => {
  let target;
  const spy = byFetch({
    fetch: (url, init) => {
      if (init?.method === "PUT") target = url;
      return fetch(url.replace("https://rest.fal.ai", `${BASE}/rest`), init);
    },
  });
  await spy.storage.upload(new Blob(["a"], { type: "text/plain" }));
  const put = (url, body) => fetch(url, { method: "PUT", body }).then((answer) => answer.status);
  assert.equal(await put(target, "a"), 200, "the same once more is no harm");
  assert.equal(await put(target, "b"), 409, "other bytes are");
  assert.equal(await put(target.split("?")[0], "a"), 401);
});

keyed("upload_wrong_key", async () => {
  const wrong = byFetch({ credentials: "ops:not-the-secret" });
  await fails(401, wrong.storage.upload(new Blob(["a"], { type: "text/plain" })));
});
