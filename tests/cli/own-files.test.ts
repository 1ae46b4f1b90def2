// @module-tag deep
/** Files of one's own on the command line: tasks, rewards and algorithms, good ones and broken ones. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLines, pigrad, pigradProcess } from "../support/pigrad.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-own-"));
const at = (name: string): string => join(folder, name);
const file = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return at(name);
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A walk on seven fields in Gymnasium's shape, without an import; `saves` and `step` differ between files. */
const walk = ({ saves = true, step = "" } = {}): string => `
let made = 0;
export default {
  about: "walk to the right end",
  settings: { length: { default: 7, about: "fields", whole: true, min: 3, max: 20 }, bonus: 1 },
  names: { observation: ["place"] },
  environment: ({ length, bonus }) => {
    let random = 1, place = 0, steps = 0;
    made++;
    return {
      observationSpace: { type: "Box", low: 0, high: 1, shape: [1] },
      actionSpace: { type: "Discrete", n: 2, names: ["left", "right"] },
      reset({ seed }) {
        if (seed !== undefined) random = (seed % 2147483646) + 1;
        random = (random * 16807) % 2147483647;
        [place, steps] = [random % (length - 1), 0];
        return [place / (length - 1)];
      },
      step(action) {
        ${step}
        place = Math.max(0, place + (action === 1 ? 1 : -1));
        const over = place === length - 1;
        return [[place / (length - 1)], over ? bonus : -0.1, over, !over && ++steps >= 20, { success: over }];
      },
      ${saves ? "save: () => [random, place, steps], restore: (s) => { [random, place, steps] = s; }," : ""}
    };
  },
  algo: "ppo",
  steps: 4000,
  preset: { envs: 4, hidden: [16] },
  presets: { ppo: { rollout: 32, learningRate: 0.01 } },
};`;
const small = ["--quiet", "--seed", "3"];

describe("an environment in a file", () => {
  const [task, run] = [at("walk.mjs"), at("run")];
  beforeAll(async () => {
    file("walk.mjs", walk());
    const { stderr, stdout } = await pigrad("train", task, "--out", run, ...small);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/greedy return .*success 100\.0 %/);
  });

  test("its presets, settings and steps are the run's; the config remembers path and hash", () => {
    const config = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
    expect(config).toMatchObject({ task: "walk", algo: "ppo", steps: 4000 });
    expect(config.settings).toMatchObject({ length: 7, bonus: 1, envs: 4, rollout: 32 });
    expect(config.files.task.path).toBe(task);
    expect(config.files.task.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("every command takes it; reports and exports have its names", async () => {
    const [evaluation] = jsonLines((await pigrad("eval", run, "--json", "--episodes", "5")).stdout);
    expect(evaluation).toMatchObject({ task: "walk", successRate: 1 });
    const longer = await pigrad("eval", run, "--set", "length=12", "--episodes", "5");
    expect(longer.stdout).toContain("over 5 episodes");
    for (const args of [
      ["report", run, "--out", at("r.html")],
      ["export", run, "--format", "js", "--out", at("p.mjs")],
      ["compare", run],
      ["plot", run, "--svg", at("c.svg")],
    ])
      expect((await pigrad(...args)).stderr, args[0]).toBe("");
    for (const name of ["place", "left", "right"])
      expect(readFileSync(at("r.html"), "utf8")).toContain(`"${name}"`);
    expect(readFileSync(at("p.mjs"), "utf8")).toContain('"right"');
  });

  test("a run that was stopped resumes bit for bit where the environment saves", async () => {
    const [whole, cut] = [at("whole"), at("cut")];
    const steps = (n: number) => ["--steps", "2000", "--until-steps", String(n)];
    await pigrad("train", task, "--out", whole, ...steps(2000), ...small);
    await pigrad("train", task, "--out", cut, ...steps(700), ...small);
    expect((await pigrad("train", "--resume", cut, "--quiet")).stderr).toBe("");
    const state = (path: string) => readFileSync(join(path, "checkpoint.safetensors"));
    expect(state(cut).equals(state(whole))).toBe(true);
  });

  test("without save, resuming begins new episodes and says so", async () => {
    const plain = file("plain.mjs", walk({ saves: false }));
    const path = at("plain-run");
    await pigrad("train", plain, "--out", path, "--until-steps", "500", ...small);
    const { stdout, stderr } = await pigrad("train", "--resume", path);
    expect(stderr).toBe("");
    expect(stdout).toContain("environments cannot be saved: new episodes begin");
  });

  test("a sweep on two threads equals one thread's", async () => {
    const sweep = async (threads: string) => {
      const args = ["--seeds", "2", "--steps", "1000", "--threads", threads, "--json"];
      const lines = jsonLines((await pigrad("sweep", task, ...args)).stdout);
      return lines.map(({ seconds, ...line }) => line).filter(({ type }) => type === "result");
    };
    const byRun = (a: { config: { seed: number } }, b: { config: { seed: number } }) =>
      a.config.seed - b.config.seed;
    expect((await sweep("2")).sort(byRun as never)).toEqual(
      (await sweep("1")).sort(byRun as never),
    );
  });

  test("a changed file is said, a missing one is one line, --task names another", async () => {
    writeFileSync(task, `${walk()}\n// changed`);
    const changed = await pigrad("eval", run, "--episodes", "2");
    expect(changed.stderr).toBe(`pigrad: ${task}: has changed since the run began\n`);
    expect(changed.status).toBe(0);
    renameSync(task, at("moved.mjs"));
    const missing = await pigrad("eval", run, "--episodes", "2");
    expect(missing.status).toBe(2);
    expect(missing.stderr).toBe(
      `pigrad: ${task}: the run's task is not there; --task FILE names the file to use\n`,
    );
    expect((await pigrad("plot", run, "--svg", at("c2.svg"))).status).toBe(0); // runs no code
    const other = await pigrad("eval", run, "--task", at("moved.mjs"), "--episodes", "2");
    expect(other.status).toBe(0);
    renameSync(at("moved.mjs"), task);
  });

  test("a file inside the run's folder is not run by itself", async () => {
    const config = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
    const inside = join(run, "walk.mjs");
    writeFileSync(inside, 'process.stdout.write("ran"); export default {};');
    const files = { task: { ...config.files.task, path: inside } };
    writeFileSync(join(run, "config.json"), JSON.stringify({ ...config, files }));
    const { stdout, stderr, status } = await pigrad("eval", run);
    expect([stdout, status]).toEqual(["", 2]);
    expect(stderr).toContain("is not run by itself");
    writeFileSync(join(run, "config.json"), JSON.stringify(config));
  });
});

describe("an environment in another process", () => {
  const child = file(
    "child.mjs",
    `let place = 0, steps = 0;
    process.on("message", ([what, value]) => {
      if (what === "reset") [place, steps] = [value % 4, 0];
      else place = Math.max(0, place + (value === 1 ? 1 : -1));
      const over = place === 4;
      const reply = what === "reset" ? [place / 4] : [[place / 4], over ? 1 : -0.1, over, !over && ++steps >= 12];
      setTimeout(() => process.send(reply), 1);
    });`,
  );
  const env = (extra = "") => `
    import { fork } from "node:child_process";
    export default {
      environment: () => {
        const game = fork(${JSON.stringify(child)});
        const ask = (...message) => new Promise((done) => { game.once("message", done); game.send(message); });
        let episode = 0;
        return {
          observationSpace: { type: "Box", low: 0, high: 1, shape: [1] },
          actionSpace: { type: "Discrete", n: 2 },
          reset: ({ seed = episode + 1 }) => { episode = seed; return ask("reset", seed); },
          step: (action) => ${extra === "" ? 'ask("step", action)' : extra},
          close: () => game.kill(),
        };
      },
      steps: 256,
      preset: { envs: 4, hidden: [8] },
      presets: { ppo: { rollout: 16, minibatch: 32, learningRate: 0.01 } },
    };`;
  test("trains, is checked and evaluated, and its processes end with the command", async () => {
    const task = file("elsewhere.mjs", env());
    const path = at("elsewhere");
    const trained = await pigrad("train", task, "--out", path, "--quiet");
    expect([trained.stderr, trained.status]).toEqual(["", 0]);
    expect((await pigrad("check", task)).stdout).toContain("all is well");
    const [{ episodes }] = jsonLines(
      (await pigrad("eval", path, "--episodes", "3", "--json")).stdout,
    );
    expect(episodes).toBe(3);
    const groups = await pigrad(
      "train",
      task,
      "--algo",
      "reinforce",
      "--steps",
      "64",
      "--out",
      at("groups"),
      "--quiet",
    );
    expect(groups.stderr).toMatch(/longest episode|time limit|maxSteps/); // it needs one, as any environment does
  });
  test("a3c, which cannot wait, refuses it in one line", async () => {
    const task = file("elsewhere-a3c.mjs", env());
    const { stderr, status } = await pigrad("train", task, "--algo", "a3c", "--out", at("a3c"));
    expect(stderr).toMatch(/^pigrad: a3c: expected environments that answer at once.*\n$/);
    expect(status).toBe(2);
  });
  test("a step that fails is one line", async () => {
    const failing = file("failing.mjs", env('Promise.reject(new Error("the game is gone"))'));
    const { stderr, status } = await pigrad("train", failing, "--out", at("failing"), "--quiet");
    expect(stderr).toBe(`pigrad: ${failing}: the game is gone\n`);
    expect(status).toBe(2);
  });
});

describe("a broken file is one clear line and exit code 2", () => {
  const broken: Record<string, readonly [text: string | null, message: string]> = {
    "missing.mjs": [null, "no such file"],
    "throws.mjs": ['throw new Error("at import")', "cannot be loaded: at import"],
    "empty.mjs": ["export const x = 1;", "expected a default export, got none"],
    "number.mjs": ["export default 5;", "expected an object with environment"],
    "field.mjs": ["export default { enviroment: () => ({}) };", 'unknown field "enviroment"'],
    "one.mjs": ["export default { reset() {}, step() {} };", "got one environment"],
    "shape.mjs": ["export default { environment: 5 };", "expected environment to be a function"],
    "algo.mjs": ['export default { environment: () => ({}), algo: "pppo" };', "unknown algorithm"],
    "space.mjs": [
      "export default { environment: () => ({ reset() {}, step() {}, observationSpace: 1 }) };",
      "observationSpace: expected a space",
    ],
    "clash.mjs": [walk().replace("bonus: 1 }", "gamma: 1 }"), "got gamma"],
    "value.mjs": [walk().replace("bonus: 1 }", "bonus: null }"), "settings.bonus: expected"],
    "leaves.mjs": [walk({ step: "return [[7], 0, false, false];" }), "step 1: observation"],
    "fails.mjs": [walk({ step: 'if (made > 1) throw new Error("boom");' }), "boom"],
    "broken.json": ["{", "broken.json"],
    "note.txt": ["x", "expected a file that ends with"],
  };
  test.each(Object.entries(broken))("%s", async (name, [text, message]) => {
    if (text !== null) file(name, text);
    const out = at(`out-${name}`);
    const { status, stdout, stderr } = await pigrad("train", at(name), "--out", out, ...small);
    expect(stderr).toContain(message);
    expect(stderr).toContain(name);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect([status, stdout]).toEqual([2, ""]);
  });
});

describe("a text with a reward in a file", () => {
  const set = ["--set", "sftUpdates=20", "--set", "width=16", "--set", "layers=1"];
  const rows = ["cat", "dog", "cow"].map((prompt) => ({ prompt, completion: ` ${prompt}s` }));
  const data = file("data.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"));
  const train = (reward: string, ...args: string[]) =>
    pigrad("train", "text", "--set", `data=${data}`, "--reward", reward, ...set, ...args);

  test("without a reward it is imitated", async () => {
    const path = at("imitated");
    const { stdout, status } = await pigrad(
      "train",
      "text",
      "--set",
      `data=${data}`,
      "--out",
      path,
      ...set,
    );
    expect([status, stdout.includes("has no reward")]).toEqual([0, true]);
    const [{ completion }] = jsonLines(
      (await pigrad("sample", path, "--prompt", "cat", "-n", "1", "--json")).stdout,
    );
    expect(typeof completion).toBe("string");
  });

  test("a folder: the .txt and .md files by their names, an empty line between", async () => {
    const texts = at("texts");
    mkdirSync(texts);
    for (const [name, text] of [
      ["b.md", "three four"],
      ["a.txt", "one two\n"],
      ["c.bin", "no"],
    ])
      writeFileSync(join(texts, name), text);
    const path = at("folder-run");
    const args = ["--set", `data=${texts}`, "--set", "by=paragraph", "--out", path, "--quiet"];
    expect((await pigrad("train", "text", ...args, ...set)).status).toBe(0);
    const lines = jsonLines((await pigrad("sample", path, "-n", "20", "--json")).stdout);
    expect(new Set(lines.map(({ prompt }) => prompt))).toEqual(new Set(["one ", "three "]));
    const changed = join(texts, "a.txt");
    writeFileSync(changed, "one two three");
    expect((await pigrad("sample", path)).stderr).toContain("is not what the run was begun with");
    rmSync(changed);
    rmSync(join(texts, "b.md"));
    const empty = await pigrad("train", "text", "--set", `data=${texts}`, "--out", at("empty"));
    expect(empty.stderr).toContain("a folder without .txt or .md files");
  });

  test("a batch scored by a service over HTTP, with the rows of the data; several rewards are charted", async () => {
    const seen: { prompt: string; row: { completion: string } }[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        const samples = JSON.parse(body);
        seen.push(...samples);
        response.end(
          JSON.stringify(samples.map((s: { completion: string }) => s.completion.length / 10)),
        );
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as { port: number };
    const reward = file(
      "service.mjs",
      `export default {
        long: { weight: 2, batch: async (samples) => (await fetch("http://127.0.0.1:${port}", { method: "POST",
          body: JSON.stringify(samples.map(({ prompt, completion, row }) => ({ prompt, completion, row }))) })).json() },
        o: (prompt, completion) => Number(completion.includes("o")),
      };`,
    );
    const path = at("service");
    const { stderr } = await train(reward, "--out", path, "--steps", "1500", "--quiet");
    server.closeAllConnections();
    server.close();
    expect(stderr).toBe("");
    expect(seen.length).toBeGreaterThan(100);
    expect(seen[0].row.completion).toBe(` ${seen[0].prompt}s`);
    const last = jsonLines(readFileSync(join(path, "metrics.jsonl"), "utf8")).at(-1);
    expect(last).toHaveProperty(["reward.long"]);
    expect(last.meanReturn).toBeCloseTo(2 * last["reward.long"] + last["reward.o"], 6);
  });

  const rewards: Record<string, readonly [text: string, message: RegExp]> = {
    "hangs.mjs": [
      "export default { reward: () => { for (;;); }, timeout: 0.01 };",
      /hangs.mjs: reward: expected an answer within 0.01 s, got none for prompt/,
    ],
    "never.mjs": [
      "export default { reward: () => new Promise(() => {}), timeout: 0.05 };",
      /never.mjs: reward: expected an answer within 0.05 s, got none/,
    ],
    "throws-later.mjs": [
      'export default async () => { throw new Error("no judge"); };',
      /reward: failed for prompt ".*" and completion ".*": no judge/,
    ],
    "text.mjs": ['export default () => "good";', /expected a finite number, .* got "good"/],
    "few.mjs": [
      "export default { batch: () => [1] };",
      /expected \d+ numbers, one per sample, got 1/,
    ],
    "wrong.mjs": ["export default { weight: 1 };", /expected reward weight as a function/],
  };
  test.each(Object.entries(rewards))(
    "%s stops the training with one line",
    async (name, [text, message]) => {
      const { status, stderr } = await train(file(name, text), "--out", at(`r-${name}`), "--quiet");
      expect(stderr).toMatch(message);
      expect([status, stderr.trimEnd().split("\n").length]).toEqual([2, 1]);
    },
  );
});

test.each([
  [
    "Promise.reject(new Error('lost'));",
    /^pigrad: .*late34.mjs:2: an error that nothing awaited: lost\n$/,
  ],
  [
    "setTimeout(() => { throw 'lost'; });",
    /^pigrad: an error that nothing awaited: thrown: lost\n$/,
  ],
  ["process.exit(0);", /^pigrad: process.exit was called before the command had ended\n$/],
] as const)("what nothing awaits ends the process with one line: %s", (late, message) => {
  const path = file(
    `late${late.length}.mjs`,
    `const step = () => {
      ${late}
      return [[0], 1, true, false];
    };
    const space = { type: "Discrete", n: 2 };
    const observationSpace = { type: "Box", low: 0, high: 1, shape: [1] };
    const environment = () => ({ observationSpace, actionSpace: space, reset: () => [0], step });
    export default { environment };`,
  );
  const { status, stderr } = pigradProcess(["check", path]);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});

describe("an algorithm in a file", () => {
  const median = file(
    "median.mjs",
    `export default { about: "RLOO with the group's median", compare: (scores) => {
      const s = [...scores].sort((a, b) => a - b);
      const m = (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2;
      return scores.map((x) => x - m);
    } };`,
  );
  test("an estimator trains environments and texts, and stands in the lab", async () => {
    for (const [task, steps] of [
      ["cartpole", "2000"],
      ["tokens", "200"],
    ]) {
      const { stderr, stdout } = await pigrad(
        "train",
        task,
        "--algo",
        median,
        "--steps",
        steps,
        "--out",
        at(`m-${task}`),
      );
      expect(stderr).toBe("");
      expect(stdout).toMatch(new RegExp(`^training ${task} with median`));
      expect((await pigrad("eval", at(`m-${task}`), "--episodes", "2")).status).toBe(0);
    }
    const [report] = jsonLines((await pigrad("lab", "bandit", "--algo", median, "--json")).stdout);
    const row = (name: string) => report.fresh.find((one: { name: string }) => one.name === name);
    expect(row("median").angle).toBeCloseTo(row("reinforce-mean").angle, 9); // of two, the median is the mean
    expect(row("median").variance).toBeCloseTo(row("reinforce-mean").variance, 9);
  });
  test("what does not fit is said", async () => {
    const trains = file("trains.mjs", "export default { *train() {} };");
    for (const [args, message] of [
      [["train", "arith", "--algo", trains], "expected an estimator for a text"],
      [["lab", "bandit", "--algo", trains], "the lab knows no other form"],
      [
        ["train", "line", "--algo", file("b.mjs", 'export default { base: "x" };')],
        "expected base as one of",
      ],
      [
        ["train", "line", "--algo", file("f.mjs", "export default { estimator: { bias: 1 } };")],
        'unknown field "bias"',
      ],
      [
        [
          "train",
          "cartpole",
          "--algo",
          file("c.mjs", "export default { compare: () => [1] };"),
          "--out",
          at("c"),
        ],
        "compare: expected 8 finite numbers",
      ],
    ] as const) {
      const { status, stderr } = await pigrad(...args);
      expect(stderr).toContain(message);
      expect(status).toBe(2);
    }
  });
});
