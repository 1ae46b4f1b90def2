/** Measures a training by workers: messages per piece, and seconds per update with 0, 1 and 2 workers. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Piece } from "../../src/algos/pieces.ts";
import { encodeState } from "../../src/io/state-file.ts";
import { Giver } from "../../src/node/nats/give.ts";
import { PieceGiver } from "../../src/node/nats/give-pieces.ts";
import { Link } from "../../src/node/nats/link.ts";
import { notesFrom, ParcelShelf } from "../../src/node/nats/parcels.ts";
import { take } from "../../src/node/nats/take.ts";
import { readMetrics } from "../../src/node/run-folder.ts";
import { resolve } from "../../src/tasks/run.ts";
import { Command, type NatsServer } from "../support/nats.ts";

const ms = (x: number): string => `${x.toFixed(1)} ms`;

/** Gives pieces that do nothing, with weights of a number of parameters. */
export async function emptyPieces(
  { url }: NatsServer,
  slots: number,
  parameters: number,
): Promise<void> {
  const [link, far] = [
    await Link.open(url, { name: "b", patience: 10 }),
    await Link.open(url, { name: "b", patience: 10 }),
  ];
  const common = { prefix: `pieces${slots}-${parameters}`, version: "1" };
  const show = (line: string): void => console.log(line);
  const giver = await Giver.open(link, { ...common, giver: "g", patience: 10, show });
  const stop = new AbortController();
  const options = { ...common, sign: { id: "w", name: "w" }, slots, signal: stop.signal, show };
  const result = encodeState({ rows: new Float32Array(4096) });
  const never = async (): Promise<void> => {};
  const shelf = new ParcelShelf();
  const taking = take(far, options, never, async ({ body, blobs, giver: name }, bytes) => {
    const notes = notesFrom((body as { parcels: unknown }).parcels, "bench");
    return (await shelf.take(notes, bytes, { blobs, giver: name })) && result;
  });
  const pieces = new PieceGiver(giver);
  pieces.of(resolve({ task: "line" }).config, {});
  const count = 2 * slots;
  const weights = new Float32Array(parameters);
  const updates = parameters > 1e5 ? 10 : 100;
  let total = 0;
  for (let update = -5; update < updates; update++) {
    weights[0] = update;
    const piece = { sampler: 0, weights: { w: weights }, start: { random: [1, 2, 3] } };
    const all = Array.from(
      { length: count },
      (_, i): Piece => ({ ...piece, first: i, end: i + 1 }),
    );
    const begun = performance.now();
    await pieces.do(all);
    if (update >= 0) total += performance.now() - begun;
  }
  const each = total / updates;
  console.log(
    `${count} empty pieces on ${slots} slots, ${parameters} parameters: ${ms(each)} per update, ${ms(each / count)} per piece`,
  );
  await giver.clean();
  stop.abort();
  await taking;
  for (const one of [link, far]) await one.close();
}

/** Seconds per update of a training, from its metrics. */
export async function training(
  { url }: NatsServer,
  folder: string,
  workers: number,
  args: readonly string[],
): Promise<void> {
  const all = Array.from({ length: workers }, () => new Command(["worker", url, "--threads", "1"]));
  for (const one of all) await one.says("takes jobs from");
  const out = mkdtempSync(join(folder, args[0]));
  const label = args
    .filter((arg, i) => i < 3 || [arg, args[i - 1]].includes("--staleness"))
    .join(" ");
  const where = workers === 0 ? ["--threads", "1"] : ["--workers", url];
  const learner = new Command(["train", ...args, "--out", out, ...where]);
  if ((await learner.ended) !== 0) throw new Error(learner.stderr);
  const seconds = readMetrics(out).map((metric) => metric.seconds);
  const from = Math.min(10, seconds.length >> 1); // code is compiled, workers are known
  const each = (seconds[seconds.length - 1] - seconds[from - 1]) / (seconds.length - from);
  console.log(`train ${label}, ${workers} workers: ${ms(1000 * each)} per update`);
  for (const one of all) await one.kill();
}
