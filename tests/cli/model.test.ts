// @module-tag deep
/** Runs that begin from a published model's folder: trained, resumed, on threads, exported, and refused. */

import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { loadModel } from "../../src/models/load.ts";
import { loadLora } from "../../src/models/lora-files.ts";
import { loadTokenizer } from "../../src/models/tokenizer.ts";
import { Decoder } from "../../src/nn/decode.ts";
import type { LanguageModel } from "../../src/nn/transformer.ts";
import { twinOf } from "../../src/nn/twin.ts";
import { loadJinja } from "../../src/node/chat-template.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { loadOwnModel } from "../../src/node/own-files.ts";
import { readPublished } from "../../src/node/published.ts";
import { openRun } from "../../src/node/run-folder.ts";
import { memoryNeed } from "../../src/tasks/memory.ts";
import { resolve } from "../../src/tasks/run.ts";
import type { LanguageSession } from "../../src/tasks/text/session.ts";
import { ChatTemplate } from "../../src/text/chat-template.ts";
import { exampleTokens, promptTokens } from "../../src/text/task.ts";
import { modelKinds, writeModelFolder } from "../support/model-folder.ts";
import { jsonLines, pigrad, pigradProcess, temporary } from "../support/pigrad.ts";

const at = temporary();
const small = "prompts=4 minibatches=1 sftUpdates=3 learningRate=0.01".split(" ");
const settings = (...more: string[]) => [...small, ...more].flatMap((one) => ["--set", one]);
const checkpoint = (run: string): Buffer => readFileSync(at(run, "checkpoint.safetensors"));

/** Runs a command that must succeed without a word on stderr. */
async function run(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await pigrad(...args);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}
const train = (model: string, out: string, ...more: string[]) =>
  run("train", "sentiment", "--model", at(model), "--quiet", "--out", at(out), ...more);

/** Logits after a text of three tokens. */
function logitsOf(model: LanguageModel): number[] {
  const decoder = new Decoder(model, 1);
  for (const token of [3, 70, 41]) decoder.push(0, token);
  decoder.run();
  const logits = Array.from(decoder.logits);
  decoder.free();
  return logits;
}
const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i])));

beforeAll(() => {
  for (const kind of ["gpt2", "llama"] as const) writeModelFolder(at(kind), kind);
});

describe.each<{ kind: "gpt2" | "llama"; tags: string[] }>([
  { kind: "gpt2", tags: [] },
  { kind: "llama", tags: ["long"] },
])("$kind", ({ kind, tags }) => {
  const name = (run: string) => `${kind}-${run}`;
  beforeAll(() =>
    train(kind, name("run"), "--steps", "900", "--threads", "1", ...settings("lora=2")),
  );

  test("two threads, and a run that was interrupted, give the same bits", { tags }, async () => {
    const how = ["--steps", "900", ...settings("lora=2")];
    await train(kind, name("two"), "--threads", "2", ...how);
    await train(kind, name("cut"), "--threads", "1", "--until-steps", "300", ...how);
    await run("train", "--resume", at(name("cut")), "--quiet");
    for (const other of ["two", "cut"])
      expect(checkpoint(name(other))).toEqual(checkpoint(name("run")));
  });

  test("the run keeps adapters alone; merged and unmerged they say the same", {
    tags,
  }, async () => {
    const session = openRun(at(name("run"))) as LanguageSession;
    expect(session.gpt.parameters.list.every((p) => p.name.includes("lora_"))).toBe(true);
    const trained = logitsOf(session.gpt);
    const base = logitsOf(modelKinds[kind]());
    expect(distance(trained, base)).toBeGreaterThan(5e-4);

    await run("export", at(name("run")), "--format", "hub", "--out", at(name("hub")));
    const merged = loadModel(loops(), modelFolder(at(name("hub")))).model;
    expect(distance(logitsOf(merged), trained)).toBeLessThan(1e-5);

    await run("export", at(name("run")), "--format", "adapter", "--out", at(name("adapter")));
    const { model } = loadModel(loops(), modelFolder(at(kind)), { frozen: true });
    loadLora(model, modelFolder(at(name("adapter"))));
    expect(distance(logitsOf(model), trained)).toBeLessThan(1e-6);
  });

  test("sample, eval and report know the model", { tags }, async () => {
    const samples = jsonLines(await run("sample", at(name("run")), "-n", "2", "--json"));
    expect(samples.map(({ prompt }) => typeof prompt)).toEqual(["string", "string"]);
    expect(await run("eval", at(name("run")), "--episodes", "5")).toContain("valence");
    await run("report", at(name("run")), "--out", at(name("report.html")));
    expect(readFileSync(at(name("report.html")), "utf8")).toContain("lora");
  });

  for (const weights of ["bf16", "int8"] as const)
    test(`a base kept as ${weights}: trained, resumed, merged in floats`, {
      tags: weights === "bf16" ? ["long"] : tags,
    }, async () => {
      const of = (what: string) => name(`${weights}-${what}`);
      const how = [
        ...settings("lora=2", "loraDropout=0.1", `weights=${weights}`),
        "--steps",
        "500",
      ];
      await train(kind, of("run"), "--threads", "1", ...how);
      await train(kind, of("cut"), "--threads", "2", "--until-steps", "200", ...how);
      await run("train", "--resume", at(of("cut")), "--quiet");
      expect(checkpoint(of("cut"))).toEqual(checkpoint(of("run")));
      const { gpt } = openRun(at(of("run"))) as LanguageSession;
      await run("export", at(of("run")), "--format", "hub", "--out", at(of("hub")));
      const merged = loadModel(loops(), modelFolder(at(of("hub")))).model;
      const far = distance(logitsOf(merged), logitsOf(gpt));
      expect(far).toBeLessThan(weights === "bf16" ? 0.02 : 0.05); // the base's rounding
      expect(far).toBeGreaterThan(0);
    });

  test("without adapters all weights are trained, and a value head where the algorithm has one", {
    tags,
  }, async () => {
    await train(kind, name("whole"), "--steps", "300", ...settings());
    const session = openRun(at(name("whole"))) as LanguageSession;
    expect(session.lora).toBeNull();
    expect(distance(logitsOf(session.gpt), logitsOf(modelKinds[kind]()))).toBeGreaterThan(5e-4);
    await train(kind, name("ppo"), "--algo", "ppo", "--steps", "300", ...settings("lora=2"));
    const { gpt } = openRun(at(name("ppo"))) as LanguageSession;
    expect(gpt.parameters.list.some((p) => p.name.startsWith("value"))).toBe(true);
  });
});

test("a reference has the weights of the policy's start, and shares what is frozen", () => {
  for (const kind of ["gpt2", "llama"] as const) {
    const { model } = loadModel(loops(), modelFolder(at(kind)), { frozen: true });
    const twin = twinOf(model);
    expect(twin).not.toBe(model);
    const weights = (twin as typeof model).parts.weights.list;
    for (const [i, { data }] of model.parts.weights.list.entries())
      expect(weights[i].data).toBe(data);
    expect(logitsOf(twin)).toEqual(logitsOf(model));
  }
});

describe("messages in the model's chat template", () => {
  const folder = fileURLToPath(new URL("../vectors/data/models/models/chat", import.meta.url));
  const turns = (n: number) => [
    { role: "user", content: `what is ${n}?` },
    { role: "assistant", content: `it is ${n}` },
    { role: "user", content: "and <b>?" },
    { role: "assistant", content: "no" },
  ];
  const rows = Array.from({ length: 30 }, (_, i) => ({ messages: turns(i) }));
  beforeAll(() => writeFileSync(at("talk.json"), JSON.stringify(rows)));

  test("a prompt's tokens are the template's; assistants' turns alone are learned, each with its end", async () => {
    const set = ["lora=2", "sftUpdates=2", `data=${at("talk.json")}`, "completion=6"];
    const args = ["--model", folder, ...set.flatMap((one) => ["--set", one]), "--out", at("talk")];
    await run("train", "text", "--quiet", ...args);
    const { task } = openRun(at("talk")) as LanguageSession;
    const { tokenizer, templates, tokens } = loadTokenizer(modelFolder(folder));
    const template = new ChatTemplate(templates, await loadJinja(), tokens);
    const ids = (text: string) => tokenizer.encode(text, { special: true });
    for (const prompt of task.prompts.train) {
      const n = /what is (\d+)/.exec(prompt)?.[1];
      const asked = turns(Number(n)).slice(0, 3);
      const text = template.render(asked, { add_generation_prompt: true });
      expect(prompt).toBe(text);
      expect(promptTokens(task, prompt)).toEqual(ids(text));
    }
    for (const example of task.examples.train) {
      const { tokens: text, labels } = exampleTokens(task, example);
      expect(labels).toHaveLength(text.length - 1);
      const learned = labels.map((label) =>
        label < 0 ? "|" : tokenizer.decode([label], { special: true }),
      );
      const n = /what is (\d+)/.exec(example.prompt)?.[1];
      const end = tokenizer.decode([task.marks?.stop[0] as number], { special: true });
      expect(learned.join("").replace(/\|+/g, "|")).toBe(`|it is ${n}${end}|no${end}`);
      // the text is the template's, up to the end of the last turn
      const whole = ids(template.render(turns(Number(n)), {}));
      expect(text).toEqual(whole.slice(0, text.length));
    }
    const { stdout } = pigradProcess(["chat", at("talk"), "--greedy"], {
      input: "what is 3?\n/quit\n",
    });
    expect(stdout).not.toBe("");
  });

  test("thinking is the template's enable_thinking; auto leaves the choice to the template", async () => {
    const own = at("thinks");
    cpSync(folder, own, { recursive: true });
    const template =
      "{% for m in messages %}{{ m.content }}{% endfor %} {{ enable_thinking is defined and enable_thinking }}/{{ enable_thinking is defined }}";
    writeFileSync(join(own, "chat_template.jinja"), template);
    const ends = { auto: " False/False", on: " True/True", off: " False/True" };
    for (const [thinking, end] of Object.entries(ends)) {
      const set = ["lora=2", "sftUpdates=1", "completion=6", `data=${at("talk.json")}`];
      set.push(`thinking=${thinking}`);
      const args = set.flatMap((one) => ["--set", one]);
      const out = at(`thinks-${thinking}`);
      await run("train", "text", "--quiet", "--model", own, ...args, "--out", out);
      const { task } = openRun(out) as LanguageSession;
      const prompts = task.prompts.train;
      expect(prompts.length).toBeGreaterThan(5);
      for (const prompt of prompts)
        expect(prompt.toLowerCase().endsWith(end.toLowerCase())).toBe(true);
    }
  });
});

test("check and sweep begin from a model, too; frozen weights in fewer bits count as such", async () => {
  const model = ["--model", at("llama")];
  expect(await run("check", "sentiment", ...model)).toContain("all is well");
  const sweep = [
    "sweep",
    "sentiment",
    ...model,
    "--seeds",
    "1",
    "--steps",
    "100",
    "--threads",
    "1",
  ];
  expect(await run(...sweep, "--set", "sftUpdates=0", "--set", "lora=2,4")).toContain("lora");
  const need = async (weights: string): Promise<number> => {
    const files = { model: await loadOwnModel(at("llama")) };
    const settings = { lora: "2", weights };
    return memoryNeed(resolve({ task: "sentiment", files, settings })).total;
  };
  const [f32, bf16, int8] = [await need("f32"), await need("bf16"), await need("int8")];
  const { weights } = readPublished(at("llama"), "").published;
  expect([f32 - bf16, f32 - int8]).toEqual([2 * weights, 3 * weights]);
});

test("what does not go together is said in one line", async () => {
  const refused = async (...args: string[]) => {
    const { status, stderr } = await pigrad(...args);
    expect(status).toBe(2);
    expect(stderr.trimEnd()).not.toContain("\n");
    return stderr;
  };
  const model = (path: string, task = "sentiment") => refused("train", task, "--model", at(path));
  expect(await model("gpt2", "cartpole")).toContain("expected a task of texts");
  expect(await model("nowhere")).toContain("expected a folder");
  cpSync(at("gpt2"), at("silent"), { recursive: true });
  rmSync(at("silent", "tokenizer.json"));
  expect(await model("silent")).toContain("tokenizer.json: expected a file of this name");
  writeFileSync(at("silent", "config.json"), "{");
  expect(await model("silent")).toContain("config.json");
  const with_ = (...more: string[]) =>
    refused("train", "sentiment", "--model", at("gpt2"), ...more.flatMap((one) => ["--set", one]));
  expect(await with_("layers=3")).toContain("layers");
  expect(await with_("weights=int8")).toContain("without adapters");
  expect(await with_("lora=2", "loraTargets=q_proj")).toContain("c_attn");
  expect(await refused("export", at("gpt2-run"), "--format", "js", "--out", at("x.js"))).toContain(
    "--format hub writes other models",
  );
  expect(
    await refused("export", at("gpt2-whole"), "--format", "adapter", "--out", at("y")),
  ).toContain("lora=8");
});

test("a model that has changed is not gone on with, unless a person names it", async () => {
  cpSync(at("gpt2"), at("moving"), { recursive: true });
  await train("moving", "moved", "--steps", "200", ...settings("lora=2"));
  const bytes = readFileSync(at("moving", "model.safetensors"));
  bytes[bytes.length - 2] ^= 1;
  writeFileSync(at("moving", "model.safetensors"), bytes);
  const { status, stderr } = await pigrad("sample", at("moved"));
  expect([status, stderr]).toEqual([2, expect.stringContaining("has changed since the run began")]);
  await run("sample", at("moved"), "--model", at("gpt2"));
});
