// @module-tag deep
/** pigrad export: files of every format from a run, and wrong input. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { loadActorCritic } from "../../src/export/import-policy.ts";
import { stored } from "../../src/io/quantize.ts";
import { decodeSafetensors, readSafetensors } from "../../src/io/safetensors.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { loadModel } from "../../src/models/load.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { openEnvironmentRun, openRun } from "../../src/node/run-folder.ts";
import { readOnnx } from "../support/onnx.ts";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const [run, text] = [at("run"), at("text")];

beforeAll(async () => {
  const set = ["--set", "normalizeObservation=true", "--set", "hidden=8"];
  expect((await pigrad("train", "cartpole", "--steps", "2000", "--out", run, ...set)).status).toBe(
    0,
  );
  const small = ["--set", "width=8", "--set", "layers=1", "--set", "heads=1"];
  expect((await pigrad("train", "arith", "--steps", "50", "--out", text, ...small)).status).toBe(0);
});

test("js: a module that acts as the run's policy, and its types", async () => {
  const out = at("policy.mjs");
  expect((await pigrad("export", run, "--format", "js", "--out", out)).stdout).toMatch(
    /policy\.mjs: [\d,]+ bytes/,
  );
  const { act } = await import(pathToFileURL(out).href);
  const session = openEnvironmentRun(run);
  let same = 0;
  session.play(1, 1, true, (_, actor, played) => {
    const raw = new Float32Array(4);
    played.envs[0].observe(raw, 0);
    expect(act(raw)).toBe(actor.command[0]);
    same++;
  });
  expect(same).toBeGreaterThan(5);
  expect(readFileSync(at("policy.d.mts"), "utf8")).toContain("export function act");
});

test("js of a text task's model: completes as the run does", async () => {
  const out = at("text.mjs");
  expect((await pigrad("export", text, "--format", "js", "--out", out)).stderr).toBe("");
  const { complete } = await import(pathToFileURL(out).href);
  for (const prompt of ["27+46=", "5+81=", "90+9="]) {
    const { stdout } = await pigrad("sample", text, "--prompt", prompt, "--greedy", "--json");
    expect(complete(prompt)).toBe(JSON.parse(stdout.split("\n")[0]).completion);
  }
  expect(readFileSync(at("text.d.mts"), "utf8")).toContain("export function complete");
});

test("safetensors: the weights come back, the statistics beside them", async () => {
  const out = at("policy.safetensors");
  expect((await pigrad("export", run, "--format", "safetensors", "--out", out)).status).toBe(0);
  const { tensors, metadata } = decodeSafetensors(readFileSync(out));
  expect(metadata.get("task")).toBe("cartpole");
  expect(tensors.get("observation.variance")?.shape).toEqual([4]);
  const { model } = openEnvironmentRun(run).training;
  const before = model.parameters.list.map(({ data }) => [...data]);
  for (const { data } of model.parameters.list) data.fill(0);
  loadActorCritic(model, tensors);
  expect(model.parameters.list.map(({ data }) => [...data])).toEqual(before);
});

test("onnx, of a policy and of a text task's model", async () => {
  for (const [from, input, output] of [
    [run, "observation", "logits"],
    [text, "tokens", "logits"],
  ]) {
    const out = at(`${input}.onnx`);
    const { stdout, stderr } = await pigrad("export", from, "--format", "onnx", "--out", out);
    const file = readFileSync(out);
    expect([stdout, stderr]).toEqual([`${out}: ${file.length.toLocaleString("en")} bytes\n`, ""]);
    const { inputs, outputs } = readOnnx(file);
    expect([inputs, outputs]).toEqual([[input], [output]]);
  }
});

test("safetensors of a text task's model has GPT-2's names", async () => {
  const out = at("gpt.safetensors");
  await pigrad("export", text, "--format", "safetensors", "--out", out);
  const { tensors, metadata } = decodeSafetensors(readFileSync(out));
  expect(metadata.get("format")).toBe("pt");
  expect([...tensors.keys()]).toContain("wte.weight");
});

test("hub: a folder that loads back as the run's model, and only for a language model", async () => {
  const out = at("hub/model");
  const { stdout } = await pigrad("export", text, "--format", "hub", "--out", out);
  expect(stdout).toMatch(/config\.json: [\d,]+ bytes/);
  const { model, config } = loadModel(loops(), modelFolder(out));
  const session = openRun(text);
  if (session.kind !== "text") throw new Error("expected a text");
  for (const { name, data } of session.gpt.parameters.list)
    expect([...(model.parameters.get(name)?.data ?? [])]).toEqual([...data]);
  expect(model.options).toEqual(session.gpt.options);
  expect(config.stop).toHaveLength(1);
  expect(existsSync(`${out}/tokenizer.json`)).toBe(false); // its tokens are characters
});

test("types lie beside a module, whatever its ending", async () => {
  for (const [name, types] of [
    ["a.js", "a.d.ts"],
    ["b.mjs", "b.d.mts"],
    ["c.txt", "c.txt.d.ts"],
  ]) {
    const { stdout } = await pigrad("export", run, "--format", "js", "--out", at(name));
    expect(stdout.split("\n").map((line) => line.split(":")[0])).toEqual([at(name), at(types), ""]);
    expect(readFileSync(at(types), "utf8")).toContain("export function act");
  }
});

describe("--dtype", () => {
  test.each(["f16", "int8"])(
    "%s: smaller files, and the difference that it makes",
    async (dtype) => {
      for (const [from, what] of [
        [run, "100 observations"],
        [text, "100 prompts"],
      ])
        for (const format of from === run ? ["safetensors", "js", "onnx"] : ["safetensors", "js"]) {
          const [whole, small] = [at(`whole.${format}`), at(`small.${format}`)];
          await pigrad("export", from, "--format", format, "--out", whole);
          const args = ["--format", format, "--dtype", dtype, "--out", small];
          const { stdout, stderr } = await pigrad("export", from, ...args);
          expect(stderr).toBe("");
          const [, most] = stdout.match(/: outputs differ by (\S+) at most, on (.*)\n$/) ?? [];
          expect(stdout).toContain(`${dtype}: outputs differ by ${most} at most, on ${what}\n`);
          expect(Number(most)).toBeGreaterThan(0);
          expect(Number(most)).toBeLessThan(dtype === "f16" ? 0.1 : 1);
          const [bytes, before] = [small, whole].map((file) => readFileSync(file).length);
          if (from === text) expect(bytes).toBeLessThan(before); // the policy is smaller than its header
        }
    },
  );

  test("f16 weights load as they are; int8 ones have the scales of their outputs", async () => {
    const out = at("dtype.safetensors");
    const args = ["export", run, "--format", "safetensors", "--out", out, "--dtype"];
    await pigrad(...args, "f16");
    const { model } = openEnvironmentRun(run).training;
    const wanted = model.parameters.list.map(({ data, shape }) => [...stored(data, shape, "f16")]);
    loadActorCritic(model, decodeSafetensors(readFileSync(out)).tensors);
    expect(model.parameters.list.map(({ data }) => [...data])).toEqual(wanted);
    await pigrad(...args, "int8");
    const { tensors } = readSafetensors(readFileSync(out));
    expect(tensors.get("policy.head.weight")).toMatchObject({ dtype: "I8", shape: [2, 8] });
    expect(tensors.get("policy.head.weight.scale")).toMatchObject({ dtype: "F32", shape: [2] });
    expect(tensors.get("policy.head.bias")).toMatchObject({ dtype: "F32", shape: [2] });
    expect(tensors.get("observation.mean")?.dtype).toBe("F64");
  });

  test("weights beyond half precision are refused, and nothing is written", async () => {
    const big = at("big");
    await pigrad("train", "line", "--steps", "400", "--quiet", "--out", big);
    const file = at("big", "checkpoint.safetensors");
    const { state, metadata } = decodeState(readFileSync(file));
    const weights = (state as unknown as { weights: Record<string, Float32Array> }).weights;
    for (const list of Object.values(weights)) list.fill(70_000);
    writeFileSync(file, encodeState(state, Object.fromEntries(metadata)));
    const args = ["--format", "js", "--dtype", "f16", "--out", at("big.mjs")];
    const { status, stderr } = await pigrad("export", big, ...args);
    expect(stderr).toMatch(/--dtype f16: expected weights within its range/);
    expect([status, existsSync(at("big.mjs"))]).toEqual([2, false]);
  });
});

test.each([
  ["scaled", ["observationScale=0.25"]],
  ["scaled and standardized", ["observationScale=0.25", "normalizeObservation=true"]],
  ["neither", []],
])(
  "observations that were %s in training: the module takes raw ones",
  async (name, settings: readonly string[]) => {
    const scale = settings.length > 0 ? 0.25 : 1; // a power of two, which divides exactly
    const out = at(`${name} run`);
    const set = [...settings, "hidden=8"].flatMap((one) => ["--set", one]);
    await pigrad("train", "cartpole", "--steps", "600", "--quiet", "--out", out, ...set);
    const file = at(`${name.replaceAll(" ", "-")}.mjs`);
    await pigrad("export", out, "--format", "js", "--out", file);
    const { act } = await import(pathToFileURL(file).href);
    let steps = 0;
    openEnvironmentRun(out).play(2, 1, true, (_, actor, played) => {
      const raw = new Float32Array(4);
      played.envs[0].observe(raw, 0);
      expect(act(raw.map((x) => x / scale))).toBe(actor.command[0]);
      steps++;
    });
    expect(steps).toBeGreaterThan(10);
    await pigrad("export", out, "--format", "safetensors", "--out", at("weights"));
    const has = decodeSafetensors(readFileSync(at("weights"))).tensors.has("observation.mean");
    expect(has).toBe(settings.length > 0);
  },
);

test("a model that sees pictures has no form but its weights", async () => {
  const seeing = at("seeing");
  const settings = ["pictures=100", "sftUpdates=1"].flatMap((one) => ["--set", one]);
  await pigrad("train", "caption", "--steps", "1", "--quiet", "--out", seeing, ...settings);
  for (const format of ["hub", "onnx", "js"]) {
    const done = await pigrad("export", seeing, "--format", format, "--out", at("none"));
    expect([done.status, done.stderr]).toEqual([2, expect.stringContaining("texts alone")]);
  }
  const weights = at("seeing.safetensors");
  await pigrad("export", seeing, "--format", "safetensors", "--out", weights);
  expect(readFileSync(weights, "latin1")).toContain("patch.weight");
});

test.each([
  ["no format", [run], /--format: expected one of safetensors, onnx, js, hub, adapter, got none/],
  [
    "another format",
    [run, "--format", "xml"],
    /expected one of safetensors, onnx, js, hub, adapter, got xml/,
  ],
  ["another dtype", [run, "--format", "js", "--dtype", "f8"], /--dtype: expected one of f32, f16/],
  [
    "int8 for a language model's ONNX",
    [text, "--format", "onnx", "--dtype", "int8"],
    /--dtype int8: expected --format safetensors or js for a language model, got onnx/,
  ],
  ["hub of a policy", [run, "--format", "hub"], /--format hub: expected a run of a text task/],
  [
    "int8 in a folder",
    [text, "--format", "hub", "--dtype", "int8"],
    /--dtype int8: expected f32 for --format hub/,
  ],
  ["no best policy", [run, "--format", "js", "--best"], /has no best.safetensors/],
  ["no run", [at("nowhere"), "--format", "js"], /is not a run folder/],
])("wrong input: %s", async (_, args, message) => {
  const out = at("never");
  const { status, stderr, stdout } = await pigrad("export", ...args, "--out", out);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(message);
  expect(existsSync(out)).toBe(false);
});
