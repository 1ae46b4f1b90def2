/** pigrad worker URL: trains, evaluates and samples for other machines. */
import { randomBytes } from "node:crypto";
import { availableParallelism, hostname } from "node:os";
import { Link } from "../node/nats/link.ts";
import { OwnedFiles } from "../node/nats/owned.ts";
import { usualPrefix } from "../node/nats/streams.ts";
import { work } from "../node/nats/work.ts";
import { stopSignals } from "../node/stop-signals.ts";
import { only, wholeNumber } from "./args.ts";
import { parseOptions } from "./parse.ts";
import { say } from "./stdout.ts";
import { version } from "./version.ts";
import { patienceOf } from "./workers.ts";

export const workerHelp = `  pigrad worker URL [--name NAME] [--threads N] [--task FILE]... [--algo FILE]... [--reward FILE]...
               [--model FOLDER]... [--queue NAME] [--checkpoint-every SECONDS] [--patience SECONDS]
      take trainings, evaluations and pieces of sampling from the NATS server at URL, which is
      nats://HOST:PORT or, with TLS, tls://HOST:PORT, and as many at once as --threads (default: the
      machine's). USER:PASSWORD@ or TOKEN@ stand before HOST, or in NATS_USER, NATS_PASSWORD and
      NATS_TOKEN; NATS_CREDS and NATS_NKEY name files of credentials, NATS_CA, NATS_CERT and NATS_KEY
      those of TLS. It runs only tasks that it has: by name, or files and folders that --task, --algo,
      --reward and --model name, if their content is the giver's. See pigrad sweep, eval and train --workers, and
      docs/scale.md`;

export async function workerCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    name: { type: "string" },
    threads: { type: "string" },
    task: { type: "string", multiple: true },
    algo: { type: "string", multiple: true },
    reward: { type: "string", multiple: true },
    model: { type: "string", multiple: true },
    queue: { type: "string" },
    "checkpoint-every": { type: "string" },
    patience: { type: "string" },
  });
  const url = only("address of a NATS server, such as nats://127.0.0.1:4222", positionals);
  const slots = wholeNumber("threads", values.threads, 1, 1024) ?? availableParallelism();
  const checkpointEvery = wholeNumber("checkpoint-every", values["checkpoint-every"], 1, 86_400);
  const { task = [], algo = [], reward = [], model } = values;
  const files = new OwnedFiles([...task, ...algo, ...reward], model);
  const name = (values.name ?? hostname()).slice(0, 100);
  const patience = patienceOf(values.patience);
  const link = await Link.open(url, { name: `pigrad worker ${name}`, patience });
  const stop = new AbortController();
  const end = (): void => stop.abort(new Error("the worker stops"));
  for (const signal of stopSignals) process.once(signal, end);
  say(`worker ${name} takes jobs from ${link.host}, ${slots} at once\n`);
  try {
    await work(link, {
      prefix: values.queue ?? usualPrefix,
      version: version(),
      sign: { id: randomBytes(8).toString("hex"), name },
      slots,
      signal: stop.signal,
      show: (line) => say(`${line}\n`),
      files,
      checkpointEvery: checkpointEvery ?? 10,
    });
    say("stopped; jobs in hand are back in the queue\n");
  } finally {
    for (const signal of stopSignals) process.off(signal, end);
    await link.close();
  }
}
