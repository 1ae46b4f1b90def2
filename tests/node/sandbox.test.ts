/** Code of unknown origin in the sandbox: what passes, and what is stopped. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { codeReward } from "../../src/node/code-reward.ts";
import { Sandbox } from "../../src/node/sandbox.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-sandbox-"));
const secret = join(folder, "secret.txt");
writeFileSync(secret, "secret");
const sandbox = new Sandbox({ timeout: 0.5, memory: 32 });
afterAll(() => {
  sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

test("tests are expressions after the code; each counts alone", async () => {
  const code = "function add(a, b) { return a + b; }";
  const tests = ["add(1, 2) === 3", "add(1, 1) === 3", "nothing()", "add(2, 2)", "add(0, 0) === 0"];
  const { results, error } = await sandbox.run(code, tests);
  expect([results, error]).toEqual([[true, false, false, false, true], null]);
  expect((await sandbox.run("const x = ;", ["true"])).results).toEqual([false]);
  const { error: refused } = await sandbox.run("import('node:fs')", ["true"]);
  expect(refused).toBe("import is not allowed");
  expect((await sandbox.run("const kept = 1", ["kept === 1"])).results).toEqual([true]);
  expect((await sandbox.run("", ["typeof kept === 'undefined'"])).results).toEqual([true]); // nothing stays
});

describe("what is stopped, and the next job runs", () => {
  const well = async (): Promise<void> =>
    expect((await sandbox.run("const x = 2", ["x === 2"])).results).toEqual([true]);
  test.each([
    ["an endless loop", "for (;;);"],
    ["endless microtasks", "const again = () => Promise.resolve().then(again); again();"],
    ["an endless test", ""],
    [
      "a memory bomb of arrays",
      "const all = []; for (;;) all.push(new Array(1e6).fill(all.length));",
    ],
    ["a memory bomb of strings", "let s = 'x'; for (;;) s += s + Math.random();"],
    ["deep recursion", "const f = () => f() + 1; f();"],
  ])("%s", { timeout: 20_000 }, async (name, code) => {
    const { results } = await sandbox.run(code, [
      name === "an endless test" ? "(() => { for (;;); })()" : "false",
    ]);
    expect(results).toEqual([false]);
    await well();
  });

  const outer = `(() => { try { null.x; } catch (e) { return e; } })()`;
  test.each([
    ["require", "typeof require === 'undefined'"],
    ["process", "typeof process === 'undefined'"],
    ["fetch", "typeof fetch === 'undefined'"],
    ["typed arrays", "typeof Uint8Array === 'undefined' && typeof ArrayBuffer === 'undefined'"],
    ["WebAssembly", "typeof WebAssembly === 'undefined'"],
    [
      "Function of a string",
      "(() => { try { Function('return 1')(); return false; } catch { return true; } })()",
    ],
    ["eval", "(() => { try { eval('1'); return false; } catch { return true; } })()"],
    [
      "constructors of errors",
      `(() => { try { return typeof ${outer}.constructor.constructor('return process')() === 'undefined'; } catch { return true; } })()`,
    ],
    [
      "the global object's constructor",
      "(() => { try { return typeof globalThis.constructor.constructor('return process')() === 'undefined'; } catch { return true; } })()",
    ],
  ])("no %s", async (_, probe) => {
    expect((await sandbox.run("", [probe])).results).toEqual([true]);
  });

  test("no files, no network, no processes, through import and the errors that it leaves", {
    timeout: 20_000,
  }, async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end("x");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as { port: number };
    const attempts = [
      `import("node:fs").then((fs) => fs.writeFileSync(${JSON.stringify(join(folder, "a"))}, "x"))`,
      `import("node:fs").catch((e) => e.constructor.constructor("return process")().binding("fs"))`,
      `import("node:net").then((net) => net.connect(${port}))`,
      `import("node:child_process").then((c) => c.execSync("touch ${join(folder, "b")}"))`,
      `Error.prepareStackTrace = (_, frames) => frames.map((f) => f.getThis()); new Error().stack.map((t) => t && t.process && t.process.kill(t.process.ppid))`,
    ];
    for (const attempt of attempts) await sandbox.run(`var done; ${attempt}`, ["true"]);
    await new Promise((done) => setTimeout(done, 300));
    server.close();
    expect([asked, existsSync(join(folder, "a")), existsSync(join(folder, "b"))]).toEqual([
      0,
      false,
      false,
    ]);
    await well();
  });
});

test("as a reward: the share of tests passed, NaN without tests", async () => {
  const reward = codeReward({ timeout: 0.2, processes: 2 }) as {
    batch: (s: readonly object[]) => Promise<number[]>;
  };
  const sample = (completion: string, tests?: string[]) => ({
    prompt: "",
    completion,
    tokens: [],
    row: tests ? { tests } : {},
  });
  const scores = await reward.batch([
    sample("const f = (x) => 2 * x;", ["f(1) === 2", "f(2) === 4"]),
    sample("const f = (x) => x * x;", ["f(1) === 2", "f(2) === 4"]),
    sample("for (;;);", ["f(1) === 2"]),
    sample("const f = 1;"),
  ]);
  expect(scores).toEqual([1, 0.5, 0, Number.NaN]);
});
