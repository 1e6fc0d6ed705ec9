// BullMQ: node bullmq.mjs PORT COUNT SECONDS
import { Queue, QueueEvents, Worker } from 'bullmq';
import * as phases from './phases.mjs';

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
// As often as the platform tries; results are kept.
const options = { attempts: 11, removeOnComplete: false };
const queue = new Queue('peer', { connection });
const events = new QueueEvents('peer', { connection });
for (const emitter of [queue, events]) emitter.setMaxListeners(0);

const submit = await phases.submit(() => queue.add('run', phases.payload, options));
let worker;
const drain = await phases.drain(() => new Promise((over) => {
  let left = phases.count;
  worker = new Worker('peer', async () => phases.result, { connection, concurrency: phases.WORKERS });
  worker.on('completed', () => { left -= 1; if (left === 0) over(); });
}));
await events.waitUntilReady();
const closed = await phases.closed(async () => {
  const job = await queue.add('run', phases.payload, options);
  await job.waitUntilFinished(events);
});
console.log(JSON.stringify({ submit, drain, closed }));
process.exit(0);
