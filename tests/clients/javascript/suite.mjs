// What users do with fal's own client, against a platform on loopback.
//
// Arguments: the platform's URL, and the folder of its runners, whose calls are told what to do by their body. The key is
// in the environment, and so is where the packages lie.
// Prints one line per check: its name, and `ok` or what went wrong.
import { setTimeout as pause } from "node:timers/promises";
import { assert, checks, tidyUp, uncaught, unhandled } from "./kit.mjs";
import "./direct.mjs";
import "./queued.mjs";
import "./sessions.mjs";
import "./uploads.mjs";
import "./keys.mjs";
import "./sdk.mjs";

async function run({ name, act }) {
  const began = performance.now();
  let outcome = "ok";
  const late = new AbortController();
  const limit = pause(60_000, undefined, { signal: late.signal }).then(() => Promise.reject(new Error("it takes too long")));
  try {
    await Promise.race([act(), limit]);
  } catch (error) {
    const place = (error.stack ?? "").split("\n").filter((line) => line.includes(".mjs:") && !line.includes("kit.mjs"));
    const where = place.map((line) => line.match(/(\w+\.mjs:\d+)/)?.[1]).slice(0, 2).join(" ");
    outcome = `${error.name} at ${where}: ${error.message}`.replaceAll("\n", " ");
  }
  late.abort();
  await limit.catch(() => {});
  console.log(`${name} ${outcome}`);
  console.error(`${name} took ${((performance.now() - began) / 1000).toFixed(2)} s`);
}

checks.push({
  name: "nothing_unhandled",
  act: async () => assert.deepEqual([unhandled, uncaught], [[], []], "each check has taken what it caused"),
});

const only = (process.env.SUITE_ONLY ?? "").split(" ").filter(Boolean);
const wanted = checks.filter(({ name }) => !only.length || only.includes(name));
const slow = wanted.filter(({ beside }) => beside).map(run);
for (const check of wanted.filter(({ beside }) => !beside)) {
  await run(check);
  tidyUp();
}
await Promise.all(slow);
process.exit(0);
