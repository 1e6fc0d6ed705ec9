// The work that both peers are put through; the platform gets the same over HTTP.
export const CALLERS = 256;
export const CLIENTS = 16;
export const WORKERS = 64;
export const count = Number(process.argv[3]);
export const seconds = Number(process.argv[4]);

// 1 KiB of JSON each, made once: the peers are not to be held up by us.
export const payload = { prompt: 'x'.repeat(1024 - 13) };
export const result = { output: 'y'.repeat(1024 - 13) };

// So many loops at once, each of which goes on for as long as it is told to.
async function timed(width, goesOn, step) {
  const took = [];
  const begin = performance.now();
  const loop = async () => {
    while (goesOn()) {
      const sent = performance.now();
      await step();
      took.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: width }, loop));
  const length = (performance.now() - begin) / 1000;
  took.sort((one, other) => one - other);
  const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))];
  return { rate: took.length / length, p50_ms: at(0.5), p99_ms: at(0.99) };
}

export function submit(step) {
  let taken = 0;
  return timed(CALLERS, () => taken++ < count, step);
}

export async function drain(all) {
  const begin = performance.now();
  await all();
  return { rate: count / ((performance.now() - begin) / 1000) };
}

export function closed(step) {
  const end = performance.now() + seconds * 1000;
  return timed(CLIENTS, () => performance.now() < end, step);
}
