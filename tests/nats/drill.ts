/**
 * `npm run test:drill [KILLS] [SEED]`: sweeps over two workers in which workers, the server and the giver are killed with
 * SIGKILL, KILLS times (default 60), at moments drawn from the seed. What was killed is started again. Every sweep must
 * end within a minute of its last kill with the results and checkpoints of one machine, each once, and leave an
 * empty server. Half of the kills are during a training whose sampling workers do (drill-training.ts).
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../src/core/random.ts";
import { Link } from "../../src/node/nats/link.ts";
import { absent, Command, NatsServer, wait } from "../support/nats.ts";
import { trainingReference, trainingRound } from "./drill-training.ts";

if (absent !== "") {
  console.log("test:drill: nats-server is not installed; nothing is drilled");
  process.exit(0);
}

const wanted = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? 1);
const random = new Random(seed);
const uniform = (low: number, high: number): number => low + (high - low) * random.uniform();
const longest = 60_000; // milliseconds after the last kill
const seeds = 6;
const sweep = ["sweep", "cartpole", "--algo", "ppo", "--steps", "6000", "--seeds", String(seeds)];

const folder = mkdtempSync(join(tmpdir(), "pigrad-drill-"));
const kills = { worker: 0, server: 0, giver: 0 };
const trainingKills = { worker: 0, server: 0, learner: 0 };
const faults = { lost: 0, twice: 0, different: 0, hung: 0, left: 0, errors: 0 };
const sum = (all: Readonly<Record<string, number>>): number =>
  Object.values(all).reduce((total, n) => total + n, 0);

/** A sweep's lines of results by job, without seconds. */
function linesOf(out: string): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const line of readFileSync(join(out, "results.jsonl"), "utf8").trimEnd().split("\n")) {
    const { job, seconds: _, ...rest } = JSON.parse(line);
    lines.set(job, [...(lines.get(job) ?? []), JSON.stringify(rest)]);
  }
  return lines;
}

function compare(out: string, reference: string): void {
  const [got, expected] = [linesOf(out), linesOf(reference)];
  for (const [job, [line]] of expected) {
    const lines = got.get(job) ?? [];
    if (lines.length === 0) faults.lost++;
    if (lines.length > 1) faults.twice++;
    const name = join(job.split(" ")[0], "checkpoint.safetensors");
    const same = readFileSync(join(out, name)).equals(readFileSync(join(reference, name)));
    if (lines.some((other) => other !== line) || !same) faults.different++;
  }
}

/** One sweep with at most `most` kills. */
async function round(number: number, most: number, reference: string): Promise<void> {
  const server = await NatsServer.start();
  const out = join(folder, `round${number}`);
  const patience = ["--patience", "30"];
  const worker = ["worker", server.url, "--threads", "1", "--checkpoint-every", "1", ...patience];
  const work = (): Command => new Command(worker, { TMPDIR: folder });
  const give = (): Command =>
    new Command([...sweep, "--out", out, "--workers", server.url, "--lease", "2", ...patience]);
  const workers = [work(), work()];
  let giver = give();
  let last = Date.now();
  /** Starts again what found no server when it began, as a service manager does. */
  const tend = (): void => {
    for (const [i, worker] of workers.entries()) if (foundNoServer(worker)) workers[i] = work();
    if (foundNoServer(giver)) giver = give();
  };
  const isOver = (): boolean => giver.process.exitCode !== null && !foundNoServer(giver);
  for (let n = 0; n < most; n++) {
    for (const end = Date.now() + uniform(300, 3500); Date.now() < end; await wait(50)) tend();
    if (isOver()) break;
    const target = random.uniform();
    if (target < 0.6) {
      const i = Math.floor(uniform(0, 2));
      await workers[i].kill();
      workers[i] = work();
      kills.worker++;
    } else if (target < 0.8) {
      await server.kill();
      await wait(uniform(0, 1500));
      await server.run();
      kills.server++;
    } else {
      await giver.kill();
      if (giver.process.signalCode !== null) kills.giver++;
      giver = give();
    }
    last = Date.now();
  }
  for (; !isOver() && Date.now() - last < longest; await wait(50)) tend();
  if (!isOver()) faults.hung++;
  else if (giver.process.exitCode === 0) compare(out, reference);
  else {
    faults.errors++;
    console.error(giver.stderr);
  }
  if (giver.process.exitCode === 0) await checkEmpty(server.url);
  for (const command of [...workers, giver]) await command.kill();
  await server.remove();
}

const foundNoServer = ({ process, stderr }: Command): boolean =>
  process.exitCode !== null && stderr.includes("no NATS server answers");

/** Counts jobs and results that a sweep left on the server. */
async function checkEmpty(url: string): Promise<void> {
  const link = await Link.open(url, { name: "drill", patience: 5 });
  for (const stream of ["pigrad-jobs", "pigrad-results"]) {
    const { state } = await link.jsm.streams.info(stream);
    faults.left += state.messages;
  }
  await link.close();
}

const begun = Date.now();
const reference = join(folder, "reference");
const one = new Command([...sweep, "--out", reference]);
if ((await one.ended) !== 0) throw new Error(one.stderr);
let rounds = 0;
const sweepKills = wanted >> 1;
for (let left = sweepKills; left > 0; left = sweepKills - sum(kills))
  await round(rounds++, Math.min(12, left), reference);
const trained = await trainingReference(folder);
const drill = { folder, random, longest, kills: trainingKills, faults };
let trainings = 0;
for (let left = wanted - sweepKills; left > 0; left = wanted - sweepKills - sum(trainingKills))
  await trainingRound(trainings++, Math.min(12, left), trained, drill);
rmSync(folder, { recursive: true });
console.log(
  `${kills.worker} kills of workers, ${kills.server} of the server, ${kills.giver} of the giver in ${rounds} sweeps of ${seeds} trainings; ` +
    `${trainingKills.worker}, ${trainingKills.server} and ${trainingKills.learner} of workers, the server and the learner in ${trainings} trainings by workers (seed ${seed}, ${Math.round((Date.now() - begun) / 1000)} s): ` +
    `${faults.lost} results or updates lost, ${faults.twice} recorded twice, ${faults.different} different from one machine, ` +
    `${faults.hung} hung, ${faults.errors} ended with an error, ${faults.left} messages left on the server`,
);
process.exitCode = Object.values(faults).some((n) => n > 0) ? 1 : 0;
