/**
 * Runs code of unknown origin in a process of its own: no modules, files, network or process, a limit on time and on
 * memory. The code runs in a bare V8 context; the process cannot compile strings, and under Node's permission model it
 * may not read or write files or start processes either. It guards against what a model writes by chance or by reward
 * hacking; it is not a wall against a person who attacks V8 itself (docs/your-own.md).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** The program that the process runs: one job per line of stdin, one result per line of stdout. */
const program = `
const { Script, createContext } = require("node:vm");
const { createInterface } = require("node:readline");
const { stdin, stdout } = process;
const say = stdout.write.bind(stdout);
for (const name of Object.getOwnPropertyNames(globalThis))
  if (!["Object", "Function", "Array", "Error", "TypeError", "JSON", "Promise", "String", "Number", "Boolean", "Symbol", "globalThis"].includes(name))
    try { delete globalThis[name]; } catch {}
const { stringify, parse } = JSON;
const off = new Script(\`"use strict";
  for (const name of ["ArrayBuffer", "SharedArrayBuffer", "Atomics", "WebAssembly", "DataView", "Int8Array", "Uint8Array",
    "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array",
    "BigInt64Array", "BigUint64Array", "FinalizationRegistry", "WeakRef", "console"]) delete globalThis[name];\`);
createInterface({ input: stdin }).on("line", (line) => {
  const { code, tests, timeout } = parse(line);
  const results = [];
  let error = null;
  try {
    const context = createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false }, microtaskMode: "afterEvaluate" });
    off.runInContext(context);
    if (code.includes("import")) throw { message: "import is not allowed" }; // its errors are of the outer realm
    new Script(code).runInContext(context, { timeout });
    for (const test of tests) {
      let passed = false;
      try {
        passed = new Script("(" + test + "\\n) === true").runInContext(context, { timeout }) === true;
      } catch {}
      results.push(passed);
    }
  } catch (thrown) {
    try { error = String(thrown && thrown.message).slice(0, 200); } catch { error = "failed"; }
  }
  say(stringify({ results, error }) + "\\n");
});`;

export interface SandboxLimits {
  /** Seconds for the code, and for each test. */
  readonly timeout: number;
  /** MiB of heap. */
  readonly memory: number;
}

export interface Verdict {
  /** One per test: whether its expression is true. All false where the code itself fails. */
  readonly results: readonly boolean[];
  /** Why the code failed; null where it ran. */
  readonly error: string | null;
}

/** A process that runs one job at a time; a job that kills it costs that job alone. */
export class Sandbox {
  private readonly limits: SandboxLimits;
  private child: ChildProcess | null = null;
  private last: Promise<unknown> = Promise.resolve();

  constructor(limits: SandboxLimits) {
    this.limits = limits;
  }

  /** Runs code, then evaluates the tests as expressions after it. */
  run(code: string, tests: readonly string[]): Promise<Verdict> {
    const verdict = this.last.then(() => this.answer(code, tests));
    this.last = verdict.catch(() => {});
    return verdict;
  }

  close(): void {
    this.child?.kill("SIGKILL");
    this.child = null;
  }

  private answer(code: string, tests: readonly string[]): Promise<Verdict> {
    const { timeout } = this.limits;
    const child = this.child ?? this.start();
    const failed = (error: string): Verdict => ({ results: tests.map(() => false), error });
    return new Promise((resolve) => {
      const end = (verdict: Verdict): void => {
        clearTimeout(timer);
        child.off("exit", gone);
        lines.close();
        resolve(verdict);
      };
      const stop = (why: string): void => {
        this.close();
        end(failed(why));
      };
      const gone = (): void => stop("ran out of memory");
      // the context's own timeout comes first; this one is for what escapes it, such as endless microtasks
      const timer = setTimeout(
        () => stop("took too long"),
        1000 * (timeout * (tests.length + 1) + 2),
      );
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
      lines.once("line", (line) => {
        const { results, error } = JSON.parse(line) as Verdict;
        end(error === null ? { results, error } : failed(error));
      });
      child.once("exit", gone);
      child.stdin?.write(
        `${JSON.stringify({ code, tests, timeout: Math.ceil(1000 * timeout) })}\n`,
      );
    });
  }

  private start(): ChildProcess {
    const [major, minor] = process.versions.node.split(".").map(Number);
    const permission =
      major > 22 || (major === 22 && minor >= 13) ? "--permission" : "--experimental-permission";
    const flags = [
      permission,
      "--no-warnings",
      "--disallow-code-generation-from-strings",
      `--max-old-space-size=${this.limits.memory}`,
    ];
    const child = spawn(process.execPath, [...flags, "--eval", program], {
      stdio: ["pipe", "pipe", "ignore"],
      env: {},
    });
    child.on("error", () => this.close());
    child.stdin.on("error", () => {}); // it may end while a job is written
    child.unref();
    for (const pipe of [child.stdin, child.stdout]) (pipe as unknown as { unref(): void }).unref();
    this.child = child;
    return child;
  }
}
