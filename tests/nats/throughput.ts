/**
 * `npm run bench:workers`: what the queue costs. Jobs per second that do nothing, bytes through the object store, pieces of
 * trainings that do nothing, updates of trainings by workers, and a sweep on threads of this process against the same
 * sweep on worker processes of this machine. With `-- quick`: without the sweeps.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Giver } from "../../src/node/nats/give.ts";
import { Link } from "../../src/node/nats/link.ts";
import { take } from "../../src/node/nats/take.ts";
import { Command, NatsServer } from "../support/nats.ts";
import { emptyPieces, training } from "./throughput-pieces.ts";

const server = await NatsServer.start();
const folder = mkdtempSync(join(tmpdir(), "pigrad-throughput-"));
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};

async function queue(slots: number): Promise<void> {
  const jobs = Array.from({ length: 1000 }, (_, i) => ({ id: `j${i}`, kind: "none", body: { i } }));
  const [near, far] = [1, 2].map(() => Link.open(server.url, { name: "bench", patience: 10 }));
  const link = await near;
  const common = { prefix: `bench${slots}`, version: "1" };
  const show = (line: string): void => console.log(line);
  const giver = await Giver.open(link, { ...common, giver: "g", patience: 10, show });
  const stop = new AbortController();
  const sign = { id: "w", name: "w" };
  const options = { ...common, sign, slots, signal: stop.signal, show };
  const taking = take(await far, options, async () => ({ ok: true }));
  const seconds = await timed(async () => {
    for await (const _ of giver.give(jobs));
  });
  console.log(`${slots} slots: ${Math.round(jobs.length / seconds)} empty jobs/s`);
  const bytes = new Uint8Array(20_000_000).fill(7);
  const put = await timed(() => giver.blobs.put("g/blob", bytes));
  const get = await timed(() => giver.blobs.get("g/blob"));
  const rate = (s: number): string => `${Math.round(bytes.length / 1e6 / s)} MB/s`;
  console.log(`object store: writes ${rate(put)}, reads ${rate(get)}`);
  stop.abort();
  await taking;
  for (const one of [near, far]) await (await one).close();
}

const sweep = ["sweep", "cartpole", "--algo", "ppo", "--steps", "30000", "--seeds", "8"];
async function threads(n: number): Promise<void> {
  const seconds = await timed(() => new Command([...sweep, "--threads", String(n)]).ended);
  console.log(`sweep of 8 trainings, ${n} threads: ${seconds.toFixed(1)} s`);
}
async function workers(n: number): Promise<void> {
  const all = Array.from(
    { length: n },
    () => new Command(["worker", server.url, "--threads", "1"]),
  );
  for (const one of all) await one.says("takes jobs from");
  const args = [...sweep, "--workers", server.url, "--out", join(folder, `w${n}`)];
  const seconds = await timed(() => new Command(args).ended);
  console.log(`sweep of 8 trainings, ${n} workers, run folders kept: ${seconds.toFixed(1)} s`);
  for (const one of all) await one.kill();
}

await queue(1);
await queue(4);
for (const slots of [1, 4]) await emptyPieces(server, slots, 10_000);
for (const parameters of [100_000, 1_000_000]) await emptyPieces(server, 4, parameters);
const text = ["arith", "--algo", "grpo", "--steps", "60000"];
text.push(...["sftUpdates=5", "prompts=32", "width=96"].flatMap((one) => ["--set", one]));
const small = ["cartpole", "--algo", "ppo", "--steps", "40000"];
for (const args of [small, text])
  for (const n of [0, 1, 2]) await training(server, folder, n, args);
await training(server, folder, 2, [...small, "--staleness", "1"]);
for (const n of process.argv[2] === "quick" ? [] : [1, 2]) {
  await threads(n);
  await workers(n);
}
rmSync(folder, { recursive: true });
await server.remove();
