/** The files of a run folder, checked on reading, because they may come from anywhere. */
import type { ExplainedSample, ExplainedToken } from "../algos/explain-samples.ts";
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { State } from "../core/state.ts";
import { type Json, parseJson } from "../io/json.ts";
import { decodeState } from "../io/state-file.ts";
import { type OwnFiles, ownRoles } from "../tasks/own-files.ts";
import { type ResolvedRun, type RunConfig, resolve } from "../tasks/run.ts";
import type { KnownCorpora } from "./corpora.ts";

/** One line of metrics: an update's report, and seconds since the start. */
export interface Metric {
  readonly [name: string]: number | string | null;
  readonly update: number;
  readonly envSteps: number;
  readonly seconds: number;
}

/** The content of config.json. */
export interface RunFile {
  readonly config: RunConfig;
  /** Resolves the config, which of a run with files of its own needs them loaded. */
  readonly resolved: () => ResolvedRun;
  /** The corpora that the run was begun with. */
  readonly corpora: KnownCorpora;
}

type Fields = Readonly<Record<string, unknown>>;
const mostFigures = 1000; // of a line
const mostName = 200; // characters

/** A checked config.json. `where` begins the messages of FormatErrors. */
export function runFileFrom(text: string, where: string): RunFile {
  const file = plainOf(parseJson(text, where)) as Fields;
  if (!isObject(file)) throw wrong(where, "an object", file);
  const { task, algo, backend, seed, steps, settings, from, files, corpora = {} } = file;
  if (from !== undefined && typeof from !== "string") throw wrong(where, "from as a text", from);
  for (const [name, value] of Object.entries({ task, algo, backend })) {
    if (typeof value !== "string") throw wrong(where, `${name} as a text`, value);
  }
  for (const [name, value] of Object.entries({ seed, steps })) {
    if (!isWhole(value)) throw wrong(where, `${name} as a whole number`, value);
  }
  if (!isObject(settings)) throw wrong(where, "settings as an object", settings);
  const record = {
    ...(from === undefined ? {} : { from }),
    ...(files === undefined ? {} : { files: filesFrom(files, where) }),
  };
  const config = { ...record, task, algo, backend, seed, steps, settings } as RunConfig;
  const known = corporaFrom(corpora, where);
  if (files !== undefined) return { config, resolved: () => resolve(config), corpora: known };
  const run = resolve(config);
  return { config: run.config, resolved: () => run, corpora: known };
}

function filesFrom(files: unknown, where: string): OwnFiles {
  const fits =
    isObject(files) &&
    Object.entries(files).every(
      ([role, file]) =>
        ownRoles.some((known) => known === role) &&
        isObject(file) &&
        typeof file.path === "string" &&
        /^[0-9a-f]{64}$/.test(String(file.sha256)),
    );
  if (!fits) throw wrong(where, "files as objects of path and sha256", files);
  return files as OwnFiles;
}

function corporaFrom(corpora: unknown, where: string): KnownCorpora {
  const fits =
    isObject(corpora) &&
    Object.values(corpora).every(
      (one) => isObject(one) && isWhole(one.bytes) && /^[0-9a-f]{64}$/.test(String(one.sha256)),
    );
  if (!fits) throw wrong(where, "corpora as objects of bytes and sha256", corpora);
  return corpora as KnownCorpora;
}

/** One checked line of metrics.jsonl. */
export function metricFrom(line: string, where: string): Metric {
  const metric = objectFrom(line, where);
  const entries = Object.entries(metric);
  if (entries.length > mostFigures)
    throw wrong(where, `at most ${mostFigures} figures`, entries.length);
  for (const [name, value] of entries) {
    const kind = value === null ? "number" : typeof value;
    if (name.length > mostName || (kind !== "number" && kind !== "string"))
      throw wrong(where, `${brief(name)} as a number, a text or null`, value);
  }
  for (const name of ["update", "envSteps"]) {
    if (!isWhole(metric[name])) throw wrong(where, `${name} as a whole number ≥ 0`, metric[name]);
  }
  if (!isFrom0(metric.seconds)) throw wrong(where, "seconds as a number ≥ 0", metric.seconds);
  return metric as Metric;
}

/** One checked line of samples.jsonl; null, as JSON has it for a number that is none, becomes NaN. */
export function sampleFrom(line: string, where: string): ExplainedSample {
  const { update, prompt, completion, reward, tokens } = objectFrom(line, where);
  if (!isWhole(update)) throw wrong(where, "update as a whole number ≥ 0", update);
  if (typeof prompt !== "string") throw wrong(where, "prompt as a text", prompt);
  if (typeof completion !== "string") throw wrong(where, "completion as a text", completion);
  if (!Array.isArray(tokens)) throw wrong(where, "tokens as a list", tokens);
  return {
    update,
    prompt,
    completion,
    reward: numberFrom(reward, "reward", where),
    tokens: tokens.map((token) => tokenFrom(token, where)),
  };
}

function tokenFrom(token: unknown, where: string): ExplainedToken {
  if (!isObject(token)) throw wrong(where, "each token as an object", token);
  const { text, own, advantage, logRatio, entropy } = token;
  if (typeof text !== "string") throw wrong(where, "a token's text as a text", text);
  if (typeof own !== "boolean") throw wrong(where, "a token's own as true or false", own);
  return {
    text,
    own,
    advantage: numberFrom(advantage, "advantage", where),
    logRatio: numberFrom(logRatio, "logRatio", where),
    entropy: numberFrom(entropy, "entropy", where),
  };
}

export const checkpointFormat = "pigrad 1";

/** A checkpoint's metadata: its format, and the run it belongs to. */
export const checkpointFacts = ({
  task,
  algo,
  seed,
  settings,
}: RunConfig): Readonly<Record<string, string>> => ({
  format: checkpointFormat,
  task,
  algo,
  seed: String(seed),
  ...environmentsOf({ settings }),
});

/** The number of environments, which a checkpoint's are in: it may have changed since. */
export const environmentsOf = ({
  settings: { envs },
}: Pick<RunConfig, "settings">): { readonly envs?: string } =>
  envs === undefined ? {} : { envs: String(envs) };

export interface Checkpoint {
  readonly state: State & { readonly update: number };
  /** Number of environments it was saved with. */
  readonly envs: string | undefined;
}

/**
 * A checked checkpoint of the run of `config`: its state, which has an update. `where` begins the messages of
 * FormatErrors.
 */
export function checkpointFrom(bytes: Uint8Array, config: RunConfig, where: string): Checkpoint {
  const { state, metadata } = decoded(bytes, where);
  const { envs, ...facts } = checkpointFacts(config);
  for (const [name, own] of Object.entries(facts)) {
    const got = metadata.get(name);
    if (got === own || (name === "seed" && got === undefined)) continue; // seeds came later
    throw wrong(where, `a checkpoint of ${name} ${brief(own)}`, got);
  }
  const { update } = (isObject(state) ? state : {}) as Fields;
  if (!isWhole(update)) throw wrong(where, "update as a whole number ≥ 0", update);
  return { state: state as Checkpoint["state"], envs: metadata.get("envs") ?? envs };
}

function decoded(bytes: Uint8Array, where: string): ReturnType<typeof decodeState> {
  try {
    return decodeState(bytes);
  } catch (error) {
    throw error instanceof FormatError ? new FormatError(`${where}: ${error.message}`) : error;
  }
}

function objectFrom(line: string, where: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new FormatError(`${where}: expected JSON`);
  }
  if (!isObject(value)) throw wrong(where, "an object", value);
  return value;
}

function numberFrom(value: unknown, name: string, where: string): number {
  if (value === null) return Number.NaN;
  if (typeof value === "number") return value;
  throw wrong(where, `${name} as a number or null`, value);
}

const isObject = (x: unknown): x is Fields =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const isFrom0 = (x: unknown): x is number => typeof x === "number" && x >= 0 && x < Infinity;
const isWhole = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const wrong = (where: string, what: string, got: unknown): FormatError =>
  new FormatError(`${where}: expected ${what}, got ${brief(got)}`);

/** Maps as objects whose names are names like any other, `__proto__` among them. */
function plainOf(json: Json): unknown {
  if (Array.isArray(json)) return json.map(plainOf);
  if (!(json instanceof Map)) return json;
  return Object.fromEntries([...json].map(([key, value]) => [key, plainOf(value)]));
}
