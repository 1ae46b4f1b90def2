/** The drill's other half: a training by two workers in which workers, the server and the learner are killed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../src/core/random.ts";
import { readMetrics } from "../../src/node/run-folder.ts";
import { Command, NatsServer, wait } from "../support/nats.ts";

export interface TrainingDrill {
  readonly folder: string;
  readonly random: Random;
  /** Milliseconds after the last kill by which the training must have ended. */
  readonly longest: number;
  readonly kills: { worker: number; server: number; learner: number };
  readonly faults: { different: number; hung: number; errors: number; lost: number; twice: number };
}

const training = ["train", "cartpole", "--algo", "ppo", "--steps", "30000"];
training.push("--checkpoint-every", "1000");

/** Trains on this machine, for comparison. */
export async function trainingReference(folder: string): Promise<string> {
  const out = join(folder, "training");
  const one = new Command([...training, "--threads", "1", "--out", out]);
  if ((await one.ended) !== 0) throw new Error(one.stderr);
  return out;
}

const foundNoServer = ({ process, stderr }: Command): boolean =>
  process.exitCode !== null && stderr.includes("no NATS server answers");

/** The processes of one round; what ended since no server was there is started again, as a service manager does. */
class Round {
  readonly server: NatsServer;
  readonly workers: Command[];
  learner: Command;
  private readonly folder: string;
  private readonly out: string;

  constructor(server: NatsServer, folder: string, out: string) {
    this.server = server;
    this.folder = folder;
    this.out = out;
    this.workers = [this.work(), this.work()];
    this.learner = this.learn();
  }

  work(): Command {
    const args = ["worker", this.server.url, "--threads", "1", "--patience", "30"];
    return new Command(args, { TMPDIR: this.folder });
  }

  /** Begins, or resumes from the last checkpoint. */
  learn(): Command {
    const isBegun = existsSync(join(this.out, "config.json"));
    const what = isBegun ? ["train", "--resume", this.out] : [...training, "--out", this.out];
    const how = ["--workers", this.server.url, "--lease", "2", "--workers-patience", "30"];
    return new Command([...what, ...how]);
  }

  tend(): void {
    for (const [i, worker] of this.workers.entries())
      if (foundNoServer(worker)) this.workers[i] = this.work();
    if (foundNoServer(this.learner)) this.learner = this.learn();
  }

  get isOver(): boolean {
    return this.learner.process.exitCode !== null && !foundNoServer(this.learner);
  }
}

/** One training with at most `most` kills. */
export async function trainingRound(
  number: number,
  most: number,
  reference: string,
  drill: TrainingDrill,
): Promise<void> {
  const { folder, kills, faults, longest, random } = drill;
  const uniform = (low: number, high: number): number => low + (high - low) * random.uniform();
  const out = join(folder, `training${number}`);
  const round = new Round(await NatsServer.start(), folder, out);
  const { server, workers } = round;
  let last = Date.now();
  for (let n = 0; n < most && !round.isOver; n++) {
    for (const end = Date.now() + uniform(300, 2500); Date.now() < end; await wait(50))
      round.tend();
    if (round.isOver) break;
    const target = random.uniform();
    if (target < 0.5) {
      const i = Math.floor(uniform(0, 2));
      await workers[i].kill();
      workers[i] = round.work();
      kills.worker++;
    } else if (target < 0.75) {
      await server.kill();
      await wait(uniform(0, 1500));
      await server.run();
      kills.server++;
    } else {
      await round.learner.kill();
      if (round.learner.process.signalCode !== null) kills.learner++;
      round.learner = round.learn();
    }
    last = Date.now();
  }
  for (; !round.isOver && Date.now() - last < longest; await wait(50)) round.tend();
  if (!round.isOver) faults.hung++;
  else if (round.learner.process.exitCode === 0) compare(out, reference, faults);
  else {
    faults.errors++;
    console.error(round.learner.stderr);
  }
  for (const command of [...workers, round.learner]) await command.kill();
  await server.remove();
}

/** Counts updates that are missing or there twice, and checkpoints that differ. */
function compare(out: string, reference: string, faults: TrainingDrill["faults"]): void {
  const [got, expected] = [out, reference].map((one) => readMetrics(one));
  const updates = new Set(got.map(({ update }) => update));
  faults.twice += got.length - updates.size;
  faults.lost += expected.filter(({ update }) => !updates.has(update)).length;
  const [a, b] = [out, reference].map((one) => readFileSync(join(one, "checkpoint.safetensors")));
  if (!a.equals(b)) faults.different++;
}
