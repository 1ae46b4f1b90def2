/** Options of commands that give their work to workers over NATS. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { Giver } from "../node/nats/give.ts";
import { JobsFailed } from "../node/nats/give-trainings.ts";
import { Link } from "../node/nats/link.ts";
import { usualPrefix } from "../node/nats/streams.ts";
import { stopSignals } from "../node/stop-signals.ts";
import { wholeNumber } from "./args.ts";
import { version } from "./version.ts";

export const workersOptions = {
  workers: { type: "string" },
  queue: { type: "string" },
  patience: { type: "string" },
  lease: { type: "string" },
} as const;
export type WorkersOptions = {
  readonly [name in keyof typeof workersOptions]?: string | undefined;
};

/** Seconds that the server, or every worker, may be away. */
export const usualPatience = 120;
export const patienceOf = (given: string | undefined): number =>
  wholeNumber("patience", given, 1, 86_400) ?? usualPatience;

/** A connected giver. */
export interface Giving {
  readonly giver: Giver;
  /**
   * Does the work, and removes all that is this giver's from the server at its end. With `resumes`, work that breaks off
   * leaves everything there for the same command later; without, it is removed then too, also after a signal.
   */
  during<T>(resumes: boolean, work: () => Promise<T>): Promise<T>;
}

/** Connects to the server that --workers names, as a giver of that name: by default a new one. */
export async function openGiver(
  url: string,
  values: WorkersOptions,
  name?: string,
): Promise<Giving> {
  const { giver, link } = await connectGiver(url, values, name);
  return { giver, during: (resumes, work) => during(giver, link, resumes, work) };
}

/** `openGiver` for a caller that closes the link itself. */
export async function connectGiver(
  url: string,
  values: WorkersOptions,
  name: string = randomBytes(16).toString("hex"),
): Promise<{ readonly giver: Giver; readonly link: Link }> {
  const patience = patienceOf(values.patience);
  const lease = wholeNumber("lease", values.lease, 1, 3600);
  const link = await Link.open(url, { name: `pigrad on ${hostname()}`, patience });
  try {
    const giver = await Giver.open(link, {
      prefix: values.queue ?? usualPrefix,
      giver: name,
      version: version(),
      patience,
      lease,
      show: (line) => void process.stderr.write(`pigrad: ${line}\n`),
    });
    return { giver, link };
  } catch (error) {
    await link.close();
    throw error;
  }
}

async function during<T>(
  giver: Giver,
  link: Link,
  resumes: boolean,
  work: () => Promise<T>,
): Promise<T> {
  const interrupted = (): void => {
    void giver.clean().finally(() => process.exit(130));
  };
  if (!resumes) for (const signal of stopSignals) process.once(signal, interrupted);
  try {
    const result = await work();
    await giver.clean();
    return result;
  } catch (error) {
    if (!resumes || error instanceof JobsFailed) await giver.clean().catch(() => {});
    throw error;
  } finally {
    for (const signal of stopSignals) process.off(signal, interrupted);
    await link.close();
  }
}
