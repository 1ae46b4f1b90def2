// @module-tag deep
/** The command line where input is wrong, hostile or missing: one line, an exit code, nothing lost. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { timeLeft } from "../../src/cli/progress.ts";
import { jsonLines, main, node, pigrad, pigradProcess, temporary } from "../support/pigrad.ts";

const at = temporary();
const run = at("run");
beforeAll(async () => {
  const { status, stderr } = await pigrad(
    "train",
    "line",
    "--steps",
    "3000",
    "--quiet",
    "--out",
    run,
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

describe("help", () => {
  test("of one command, with an example; the version", async () => {
    const help = await pigrad("eval", "--help");
    expect(help.status).toBe(0);
    expect(help.stdout).toContain("pigrad eval RUN");
    expect(help.stdout).toContain("example:");
    expect(help.stdout).not.toContain("pigrad sweep");
    expect((await pigrad("help", "sweep")).stdout).toContain("pigrad sweep");
    const { version } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    expect((await pigrad("--version")).stdout).toBe(`${version}\n`);
  });

  test("of train says that algorithms on texts begin with a supervised stage, as they do", async () => {
    const { stdout } = await pigrad("train", "--help");
    expect(stdout).toMatch(/grpo .* begin with a supervised stage of sftUpdates\s+updates/);
    const args = [
      "train",
      "arith",
      "--algo",
      "grpo",
      "--json",
      "--set",
      "width=8",
      "--set",
      "layers=1",
    ];
    const stages = async (...more: string[]) =>
      jsonLines((await pigrad(...args, ...more)).stdout)
        .filter(({ type }) => type === "update")
        .map(({ trainedTokens }) => (trainedTokens === undefined ? "rewards" : "supervised"));
    const few = ["--steps", "1", "--set", "heads=1", "--set", "prompts=2", "--out"];
    expect(await stages("--set", "sftUpdates=2", ...few, at("supervised"))).toEqual([
      "supervised",
      "supervised",
      "rewards",
    ]);
    expect(await stages("--set", "sftUpdates=0", ...few, at("rewards"))).toEqual(["rewards"]);
  });

  test("time left in hours and minutes", async () => {
    expect([5, 59.7, 600, 5000, 400_000, Number.NaN].map(timeLeft)).toEqual([
      "5 s left",
      "1 min left",
      "10 min left",
      "1 h 23 min left",
      "4 d 15 h left",
      "time left unknown",
    ]);
  });
});

describe("wrong input is one line and exit code 2, and makes no folder", () => {
  const out = ["--out", at("never")];
  const cases: Record<string, [args: string[], message: RegExp]> = {
    "a mistyped command": [["trian"], /unknown command "trian".*did you mean "train"\?/],
    "a mistyped task": [["train", "cartpol", ...out], /did you mean "cartpole"\?/],
    "a mistyped algorithm": [
      ["train", "cartpole", "--algo", "pp0", ...out],
      /did you mean "ppo"\?/,
    ],
    "a mistyped setting": [
      ["train", "cartpole", "--set", "lerningRate=1", ...out],
      /did you mean "learningRate"\?/,
    ],
    "a mistyped option": [["train", "line", "--sed", "1", ...out], /did you mean --seed\?/],
    "a setting as an option": [
      ["train", "line", "--gamma", "1", ...out],
      /did you mean --set gamma=VALUE\?/,
    ],
    "the setting __proto__": [
      ["train", "line", "--set", "__proto__=1", ...out],
      /unknown setting "__proto__"/,
    ],
    "the setting constructor": [
      ["train", "line", "--set", "constructor=1", ...out],
      /unknown setting/,
    ],
    "a task of a prototype": [["train", "constructor", ...out], /unknown task "constructor"/],
    "an empty folder's name": [["train", "line", "--out", ""], /--out: expected a folder/],
    "a folder that cannot be": [["train", "line", "--out", "/proc/xyz/run"], /\/proc\/xyz/],
    "a file as a folder": [["train", "line", "--out", main], /in use/],
    "too much memory": [
      ["train", "cartpole", "--set", "hidden=100000000,100000000", ...out],
      /needs at least .*of memory/,
    ],
    "a port that is none": [["train", "line", "--watch", "--port", "abc", ...out], /--port/],
    "a refused combination": [
      ["train", "cartpole", "--set", "memory=16", "--set", "minibatch=100", ...out],
      /./,
    ],
    "shared pages": [["emit-wasm", "--shared-pages", "65537", "--out", at("never.wasm")], /65536/],
    "no shared pages": [
      ["emit-wasm", "--shared-pages", "0", "--out", at("never.wasm")],
      /shared-pages/,
    ],
    "a mistyped format": [["export", run, "--format", "jss"], /got jss; did you mean "js"\?/],
    "a mistyped setting of a run's task": [
      ["eval", run, "--set", "maxStep=3"],
      /did you mean "maxSteps"\?/,
    ],
    "an export into nowhere": [
      ["export", run, "--format", "js", "--out", at("nowhere", "x.mjs")],
      /ENOENT|no such/,
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [args, message]) => {
    const { status, stderr } = await pigrad(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(status).toBe(2);
    expect(existsSync(at("never"))).toBe(false);
    expect(existsSync(at("never.wasm"))).toBe(false);
  });

  test("a dangling link as --out", async () => {
    symlinkSync(at("gone"), at("link"));
    const { status, stderr } = await pigrad("train", "line", "--out", at("link"));
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(2);
  });

  test("a port that is taken", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const { status, stderr } = await pigrad(
      "train",
      "line",
      "--watch",
      "--port",
      String(port),
      ...out,
    );
    server.close();
    expect(stderr).toMatch(/EADDRINUSE/);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(2);
    expect(existsSync(at("never"))).toBe(false);
  });
});

test("a negative number is an option's value", async () => {
  const path = at("negative");
  const args = [
    "train",
    "line",
    "--until-return",
    "-200",
    "--steps",
    "50000",
    "--json",
    "--out",
    path,
  ];
  const { status, stdout } = await pigrad(...args);
  expect(status).toBe(0);
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) as string).why).toBe("return");
});

describe("stdout that goes", () => {
  const args = (name: string) => [
    "train",
    "line",
    "--steps",
    "100000000",
    "--json",
    "--checkpoint-every",
    "1000",
    "--out",
    at(name),
  ];
  test("a closed pipe stops the training at a checkpoint, with a code of its own, and it goes on", async () => {
    const child = spawn(process.execPath, [...node, ...args("pipe")], {
      cwd: at(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const [code] = await once(child, "exit");
    expect(code).toBe(3);
    expect(stderr).toMatch(/stdout: .*EPIPE.*--resume/);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    const more = await pigrad("train", "--resume", at("pipe"), "--until-seconds", "0.1", "--quiet");
    expect(more.stderr).toBe("");
    expect(more.status).toBe(0);
  });

  test.skipIf(!existsSync("/dev/full"))("a full device too", () => {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = pigradProcess(args("full"), { stdio: ["ignore", full, "pipe"] });
    expect(stderr).toMatch(/ENOSPC/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(status).toBe(3);
  });

  test.each(["SIGHUP", "SIGTERM", "SIGINT"] as const)(
    "%s stops at a checkpoint",
    async (signal) => {
      const path = at(signal);
      const child = spawn(process.execPath, [...node, ...args(signal)], { cwd: at() });
      child.stderr.resume();
      child.stdout.once("data", () => child.kill(signal));
      child.stdout.resume();
      const [code] = await once(child, "exit");
      expect(code).toBe(0);
      expect(existsSync(join(path, "checkpoint.safetensors"))).toBe(true);
      expect(existsSync(join(path, "lock"))).toBe(false);
    },
  );
});

describe("two processes", () => {
  test("four trainings at once get folders of their own", async () => {
    const path = at("four");
    mkdirSync(path);
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [...node, "train", "line", "--steps", "2000", "--quiet"], {
        cwd: path,
      }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
    expect(codes).toEqual([0, 0, 0, 0]);
    const runs = readdirSync(join(path, "runs")).sort();
    expect(runs).toEqual([
      "line-reinforce-1",
      "line-reinforce-1-2",
      "line-reinforce-1-3",
      "line-reinforce-1-4",
    ]);
    const metrics = runs.map((name) =>
      readFileSync(join(path, "runs", name, "metrics.jsonl"), "utf8").replaceAll(
        /"seconds":[^}]*/g,
        "",
      ),
    );
    expect(new Set(metrics).size).toBe(1);
  });

  test("training and resuming one folder: the second is refused, and a killed one's lock is taken over", async () => {
    const path = at("locked");
    const args = ["train", "line", "--steps", "100000000", "--json", "--out", path];
    const child = spawn(process.execPath, [...node, ...args], { cwd: at() });
    child.stderr.resume();
    await once(child.stdout, "data");
    child.stdout.resume();
    while (!existsSync(join(path, "checkpoint.safetensors")))
      await new Promise((r) => setTimeout(r, 20));
    const second = await pigrad("train", "--resume", path);
    expect(second.stderr).toMatch(/expected a folder that is not in use, process \d+ trains in it/);
    expect(second.status).toBe(2);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(existsSync(join(path, "lock"))).toBe(true);
    const third = await pigrad("train", "--resume", path, "--until-seconds", "0.05", "--quiet");
    expect(third.stderr).toBe("");
    expect(third.status).toBe(0);
    expect(existsSync(join(path, "lock"))).toBe(false);
  });
});

describe("a run folder of someone else", () => {
  /** A copy of the run with files changed. */
  const changed = (name: string, change: (path: string) => void): string => {
    const path = at(name);
    cpSync(run, path, { recursive: true });
    change(path);
    return path;
  };
  test("a resume that fails changes no byte", async () => {
    const other = at("other");
    expect(
      (await pigrad("train", "bandit", "--steps", "500", "--quiet", "--out", other)).status,
    ).toBe(0);
    const path = changed("foreign", (at) =>
      cpSync(join(other, "checkpoint.safetensors"), join(at, "checkpoint.safetensors")),
    );
    const before = readdirSync(path).map((name) => readFileSync(join(path, name)).toString("hex"));
    const { status, stderr } = await pigrad("train", "--resume", path, "--steps", "9000");
    expect(stderr).toMatch(/expected a checkpoint of task "line", got "bandit"/);
    expect(status).toBe(2);
    expect(readdirSync(path).map((name) => readFileSync(join(path, name)).toString("hex"))).toEqual(
      before,
    );
  });

  test("control characters of a config reach no terminal", async () => {
    const path = changed("terminal", (at) => {
      const file = join(at, "config.json");
      writeFileSync(
        file,
        readFileSync(file, "utf8").replace('"line"', '"\\u001b]0;owned\\u0007\\u202e"'),
      );
    });
    const { status, stderr, stdout } = await pigrad("eval", path);
    expect(status).toBe(2);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come
    expect(stderr + stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  test("a script in samples or metrics is text in the report", async () => {
    const evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>";
    const path = changed("evil", (at) => {
      const lines = readFileSync(join(at, "metrics.jsonl"), "utf8").trimEnd().split("\n");
      const last = { ...JSON.parse(lines.at(-1) as string), [evil]: 1, note: evil };
      writeFileSync(join(at, "metrics.jsonl"), `${JSON.stringify(last)}\n`);
    });
    const page = at("evil.html");
    expect((await pigrad("report", path, "--out", page)).status).toBe(0);
    const html = readFileSync(page, "utf8");
    expect(html).not.toContain("<img src=x");
    expect(html).not.toContain("<script>alert(2)");
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'sha256-/);
    expect(/script-src[^;]*unsafe/.test(policy)).toBe(false);
  });

  test.each([
    "null",
    "{}",
    "5",
    '"x"',
    "[1]",
    "[".repeat(20000),
    '{"update":1e999}',
    '{"update":-1}',
  ])("metrics with the line %.20s", async (line) => {
    const path = changed(`metrics${Math.random()}`, (at) =>
      writeFileSync(join(at, "metrics.jsonl"), `${line}\n`, { flag: "a" }),
    );
    writeFileSync(join(path, "metrics.jsonl"), "\n", { flag: "a" });
    const { status, stderr } = await pigrad("plot", path, "--svg", at("x.svg"));
    expect(stderr).toMatch(/metrics\.jsonl, line \d+: expected/);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(2);
  });
});
