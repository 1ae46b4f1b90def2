/** pigrad export: files of every format from a run, and wrong input. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeSafetensors } from "../../src/io/safetensors.ts";
import { openRun } from "../../src/node/run-folder.ts";
import { loadActorCritic } from "../../src/policies/import.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pigrad-export-"));
const [run, text] = [join(folder, "run"), join(folder, "text")];
const pigrad = (...args: string[]) =>
  spawnSync(process.execPath, ["--import", "tsx", main, ...args], { encoding: "utf8" });

beforeAll(() => {
  const set = ["--set", "normalizeObservation=true", "--set", "hidden=8"];
  expect(pigrad("train", "cartpole", "--steps", "2000", "--out", run, ...set).status).toBe(0);
  const small = ["--set", "width=8", "--set", "layers=1", "--set", "heads=1"];
  expect(pigrad("train", "arith", "--steps", "50", "--out", text, ...small).status).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("js: a module that acts as the run's policy, and its types", async () => {
  const out = join(folder, "policy.mjs");
  expect(pigrad("export", run, "--format", "js", "--out", out).stdout).toMatch(
    /policy\.mjs: [\d,]+ bytes/,
  );
  const { act } = await import(pathToFileURL(out).href);
  const session = openRun(run);
  let same = 0;
  session.evaluate(1, 1, true, (_, actor, played) => {
    const raw = new Float32Array(4);
    played.envs[0].observe(raw, 0);
    expect(act(raw)).toBe(actor.command[0]);
    same++;
  });
  expect(same).toBeGreaterThan(5);
  expect(readFileSync(join(folder, "policy.d.mts"), "utf8")).toContain("export function act");
});

test("js of a text task's model: completes as the run does", async () => {
  const out = join(folder, "text.mjs");
  expect(pigrad("export", text, "--format", "js", "--out", out).stderr).toBe("");
  const { complete } = await import(pathToFileURL(out).href);
  for (const prompt of ["27+46=", "5+81=", "90+9="]) {
    const { stdout } = pigrad("sample", text, "--prompt", prompt, "--greedy", "--json");
    expect(complete(prompt)).toBe(JSON.parse(stdout.split("\n")[0]).completion);
  }
  expect(readFileSync(join(folder, "text.d.mts"), "utf8")).toContain("export function complete");
});

test("safetensors: the weights come back, the statistics beside them", () => {
  const out = join(folder, "policy.safetensors");
  expect(pigrad("export", run, "--format", "safetensors", "--out", out).status).toBe(0);
  const { tensors, metadata } = decodeSafetensors(readFileSync(out));
  expect(metadata.get("task")).toBe("cartpole");
  expect(tensors.get("observation.variance")?.shape).toEqual([4]);
  const { model } = openRun(run).training;
  const before = model.parameters.list.map(({ data }) => [...data]);
  for (const { data } of model.parameters.list) data.fill(0);
  loadActorCritic(model, tensors);
  expect(model.parameters.list.map(({ data }) => [...data])).toEqual(before);
});

test("onnx, of a policy and of a text task's model", () => {
  for (const [from, input] of [
    [run, "observation"],
    [text, "tokens"],
  ]) {
    const out = join(folder, `${input}.onnx`);
    expect(pigrad("export", from, "--format", "onnx", "--out", out).stderr).toBe("");
    expect(readFileSync(out).includes(input)).toBe(true);
  }
});

test.each([
  ["no format", [run], /--format: want one of safetensors, onnx, js, got none/],
  ["another format", [run, "--format", "xml"], /want one of safetensors, onnx, js, got xml/],
  ["no run", [join(folder, "nowhere"), "--format", "js"], /is not a run folder/],
])("wrong input: %s", (_, args, message) => {
  const out = join(folder, "never");
  const { status, stderr, stdout } = pigrad("export", ...args, "--out", out);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(message);
  expect(existsSync(out)).toBe(false);
});
