// pg-boss: node pg-boss.mjs URL COUNT SECONDS
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import PgBoss from 'pg-boss';
import * as phases from './phases.mjs';

const boss = new PgBoss({ connectionString: process.argv[2], max: 32 });
boss.on('error', (error) => console.error(error.message));
await boss.start();
await boss.createQueue('peer');
// As often as the platform tries.
const options = { retryLimit: 10 };

// Its own worker looks for jobs twice a second at most, so its timer would be measured. These take what is there,
// with as many jobs at once as the others work on.
const BATCH = 16;
const waiting = new Map();
let stopped = false;
async function serve(taken) {
  while (!stopped) {
    const jobs = await boss.fetch('peer', { batchSize: BATCH });
    if (!jobs?.length) { await sleep(2); continue; }
    await Promise.all(jobs.map(async (job) => {
      await boss.complete('peer', job.id, phases.result);
      taken?.();
      // Whoever waits for it is told at once, in this process.
      waiting.get(job.id)?.();
    }));
  }
}

const submit = await phases.submit(() => boss.send('peer', phases.payload, options));
let left = phases.count;
let over;
const drained = new Promise((resolve) => { over = resolve; });
const drain = await phases.drain(() => {
  const taken = () => { left -= 1; if (left === 0) over(); };
  for (let number = 0; number < phases.WORKERS / BATCH; number++) serve(taken);
  return drained;
});
const closed = await phases.closed(async () => {
  const id = randomUUID();
  const done = new Promise((resolve) => waiting.set(id, resolve));
  await boss.send('peer', phases.payload, { ...options, id });
  await done;
  waiting.delete(id);
});
stopped = true;
console.log(JSON.stringify({ submit, drain, closed }));
process.exit(0);
