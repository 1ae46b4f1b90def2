/** The examples of docs/embedding.md, run as they stand. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { gptModule } from "../../src/export/gpt-js.ts";
import { policyModule } from "../../src/export/policy-js.ts";
import { generate } from "../../src/nn/decode.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { characters } from "../../src/text/tokenizer.ts";
import { exportedPolicies } from "../io/exported.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guide = readFileSync(join(root, "docs/embedding.md"), "utf8");
const examples = Object.fromEntries(
  [...guide.matchAll(/```js (\w+)\n([\s\S]*?)```/g)].map(([, name, code]) => [name, code]),
);
const [{ plan, act, observe }] = exportedPolicies();
const shape = { vocab: 4, context: 8, layers: 1, heads: 1, width: 4 };
const gpt = new Gpt(loops(), shape, new Random(2));
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(root, "embedding.tmp-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "policy.js"), policyModule(plan).js);
  const tokenizer = characters("abc", ["<end>"]);
  const ends = { begin: 3, stop: [3] };
  writeFileSync(join(folder, "model.js"), gptModule(gpt, { tokenizer, ...ends }).js);
});
afterAll(() => rmSync(folder, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: the examples are JavaScript
function load(name: string): Promise<any> {
  const file = join(folder, `${name}.js`);
  writeFileSync(file, examples[name]);
  return import(pathToFileURL(file).href);
}
const observation = new Float32Array(5);

test("all examples are here", () => {
  expect(Object.keys(examples)).toEqual(["page", "worker", "team", "edge", "game", "text"]);
});

test("page", async () => {
  const { onMove } = await load("page");
  observe(observation);
  expect([onMove(observation)]).toEqual(act(observation));
  expect([0, 1, 2, 3]).toContain(onMove(observation, true));
});

test("text", async () => {
  const { answers } = await load("text");
  const random = new Random(1);
  const given = answers("ab", 20, () => random.uniform());
  let said = "";
  for (const { token } of generate(gpt, [3, 0, 1], random, { greedy: true })) {
    said += "abc"[token] ?? "";
    if (token === 3 || said.length === shape.context - 2) break;
  }
  expect(given[0]).toBe(said);
  expect(new Set(given).size).toBeGreaterThan(1);
});

test("edge handler", async () => {
  const { default: handler } = await load("edge");
  const ask = async (body: unknown) => {
    const request = new Request("http://x", { method: "POST", body: JSON.stringify(body) });
    const response: Response = await handler.fetch(request);
    return [response.status, await response.json()];
  };
  observe(observation);
  expect(await ask({ observation: [...observation] })).toEqual([
    200,
    { action: act(observation)[0] },
  ]);
  expect(await ask({ observation: [1] })).toEqual([
    400,
    { error: "act: expected 5 numbers, got 1" },
  ]);
});

test("game loop", async () => {
  const { tick } = await load("game");
  const moves: number[] = [];
  const world = { openMoves: () => [0, 1, 0, 1], see: () => observation, random: () => 0.5 };
  for (let i = 0; i < 10; i++) tick({ move: (action: number) => moves.push(action) }, world);
  expect(moves.every((move) => move === 1 || move === 3)).toBe(true);
});

test("worker", async () => {
  const contents = `import { parentPort } from "node:worker_threads";
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on("message", (data) => globalThis.onmessage({ data }));
${examples.worker.replace("pigrad/tasks/session", join(root, "src/tasks/session.ts")).replace("pigrad/tasks/run", join(root, "src/tasks/run.ts")).replace("onmessage =", "globalThis.onmessage =")}`;
  const file = join(folder, "worker.mjs");
  buildSync({
    stdin: { contents, resolveDir: root },
    outfile: file,
    bundle: true,
    format: "esm",
    platform: "node",
  });
  const worker = new Worker(file);
  const reports: { envSteps: number }[] = [];
  await new Promise<void>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (report) => {
      reports.push(report);
      if (reports.length === 20) resolve();
    });
    worker.postMessage("start");
  });
  await worker.terminate();
  expect(reports[19].envSteps).toBeGreaterThan(reports[0].envSteps);
});
