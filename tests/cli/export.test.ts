/** pigrad export: files of every format from a run, and wrong input. */
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { decodeSafetensors } from "../../src/io/safetensors.ts";
import { openRun } from "../../src/node/run-folder.ts";
import { loadActorCritic } from "../../src/policies/import.ts";
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
  const session = openRun(run);
  let same = 0;
  session.evaluate(1, 1, true, (_, actor, played) => {
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
  const { model } = openRun(run).training;
  const before = model.parameters.list.map(({ data }) => [...data]);
  for (const { data } of model.parameters.list) data.fill(0);
  loadActorCritic(model, tensors);
  expect(model.parameters.list.map(({ data }) => [...data])).toEqual(before);
});

test("onnx, of a policy and of a text task's model", async () => {
  for (const [from, input] of [
    [run, "observation"],
    [text, "tokens"],
  ]) {
    const out = at(`${input}.onnx`);
    expect((await pigrad("export", from, "--format", "onnx", "--out", out)).stderr).toBe("");
    expect(readFileSync(out).includes(input)).toBe(true);
  }
});

test.each([
  ["no format", [run], /--format: want one of safetensors, onnx, js, got none/],
  ["another format", [run, "--format", "xml"], /want one of safetensors, onnx, js, got xml/],
  ["no run", [at("nowhere"), "--format", "js"], /is not a run folder/],
])("wrong input: %s", async (_, args, message) => {
  const out = at("never");
  const { status, stderr, stdout } = await pigrad("export", ...args, "--out", out);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(message);
  expect(existsSync(out)).toBe(false);
});
