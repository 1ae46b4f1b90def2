/** Run folders are data: what is read is checked, what is written follows no link, and nobody shares a name. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, describe, expect, test, vi } from "vitest";
import { serve } from "../../docs/playground/serve.ts";
import { FormatError, SettingError } from "../../src/core/errors.ts";
import { messageOf } from "../../src/core/thrown.ts";
import { knownCorpus, newCorpus } from "../../src/node/corpora.ts";
import {
  appendFlushed,
  codeOf,
  linesOf,
  makeNewFolder,
  readRegular,
  removeTemporary,
  writeAtomically,
} from "../../src/node/files.ts";
import { serveLive } from "../../src/node/live.ts";
import { bytes, checkMemory, machineMemory } from "../../src/node/memory.ts";
import { metricFrom, runFileFrom, sampleFrom } from "../../src/node/run-files.ts";
import { resolve as resolveRun } from "../../src/tasks/run.ts";
import { tsx } from "../support/main.ts";
import { configOf } from "../support/sessions.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

describe("lines are checked on reading", () => {
  const metric = { update: 1, envSteps: 2, seconds: 0.5, meanReturn: 3, note: null };
  const sample = {
    update: 1,
    prompt: "a",
    completion: "b",
    reward: null,
    tokens: [{ text: "b", own: true, advantage: 1, logRatio: null, entropy: 0 }],
  };
  test("whole ones come out", () => {
    expect(metricFrom(JSON.stringify(metric), "m")).toEqual(metric);
    expect(sampleFrom(JSON.stringify(sample), "s").tokens[0].logRatio).toBeNaN();
  });
  test("a valid sample of 160,000 tokens", () => {
    const tokens = new Array(160_000).fill(sample.tokens[0]);
    expect(sampleFrom(JSON.stringify({ ...sample, tokens }), "s").tokens).toHaveLength(160_000);
  });
  const broken: unknown[] = [null, {}, 5, "x", [], [1], true];
  test.each(broken)("%j is neither", (value) => {
    const line = JSON.stringify(value);
    for (const read of [metricFrom, sampleFrom])
      expect(() => read(line, "file, line 3")).toThrow(FormatError);
    expect(() => metricFrom(line, "file, line 3")).toThrow(/^file, line 3: expected/);
  });
  test.each([
    ["update", -1],
    ["update", 1.5],
    ["update", "<img src=x onerror=alert(1)>"],
    ["update", null],
    ["envSteps", "5"],
    ["seconds", -1],
    ["meanReturn", {}],
    ["meanReturn", [1]],
    ["x".repeat(300), 1],
  ])("a metric whose %.12s is %j", (name, value) => {
    expect(() => metricFrom(JSON.stringify({ ...metric, [name]: value }), "m")).toThrow(
      FormatError,
    );
  });
  test.each([
    ["update", "<b>"],
    ["prompt", 5],
    ["completion", null],
    ["reward", "1"],
    ["tokens", {}],
    ["tokens", [null]],
    ["tokens", [{ ...sample.tokens[0], text: 5 }]],
    ["tokens", [{ ...sample.tokens[0], own: 1 }]],
    ["tokens", [{ ...sample.tokens[0], advantage: "1" }]],
  ])("a sample whose %s is %j", (name, value) => {
    expect(() => sampleFrom(JSON.stringify({ ...sample, [name]: value }), "s")).toThrow(
      FormatError,
    );
  });
  const config = configOf({ task: "cartpole" });
  test.each([
    ["hidden", [1e300]],
    ["hidden", { toString: 1 }],
    ["hidden", [null]],
    ["gamma", { toString: 1 }],
    ["gamma", []],
    ["envs", "x"],
  ])("a config whose setting %s is %j", (name, value) => {
    const text = JSON.stringify({ ...config, settings: { ...config.settings, [name]: value } });
    expect(() => runFileFrom(text, "config")).toThrow(/setting|expected/);
    let error: unknown;
    try {
      runFileFrom(text, "config");
    } catch (caught) {
      error = caught;
    }
    expect(error instanceof FormatError || error instanceof SettingError).toBe(true);
  });
  test.each(["task", "algo", "backend", "seed", "steps", "settings", "corpora", "from"])(
    "a config whose %s is of another type",
    (name) => {
      for (const value of [[], true, { toString: 1 }])
        expect(() => runFileFrom(JSON.stringify({ ...config, [name]: value }), "c")).toThrow();
    },
  );
});

describe("files", () => {
  test("lines of any length, the torn last one told", () => {
    writeFileSync(at("lines"), `${"x".repeat(1 << 20)}\nb\nc`);
    const lines = [...linesOf(at("lines"))].map(({ bytes: b, number, whole }) => [
      b.length,
      number,
      whole,
    ]);
    expect(lines).toEqual([
      [1 << 20, 1, true],
      [1, 2, true],
      [1, 3, false],
    ]);
  });
  test("a link is never written through, and a planted temporary name not followed", () => {
    writeFileSync(at("victim"), "mine");
    symlinkSync(at("victim"), at("samples.jsonl"));
    expect(() => appendFlushed(at("samples.jsonl"), "x\n")).toThrow();
    symlinkSync(at("victim"), at("exp.js.tmp"));
    writeAtomically(at("exp.js"), "whole");
    symlinkSync(at("victim"), at("linked.js"));
    writeAtomically(at("linked.js"), "whole");
    expect(lstatSync(at("linked.js")).isFile()).toBe(true);
    expect(readFileSync(at("victim"), "utf8")).toBe("mine");
  });
  test("only pigrad's own leftovers are removed", () => {
    mkdirSync(at("clean"));
    const mine = at("clean/x.pigrad-0123456789abcdef.tmp");
    for (const path of [mine, at("clean/thesis.tmp"), at("clean/metrics.jsonl.tmp")])
      writeFileSync(path, "");
    removeTemporary(at("clean"));
    expect(readdirSync(at("clean")).sort()).toEqual(["metrics.jsonl.tmp", "thesis.tmp"]);
  });
  test("the code of what was thrown, whatever it is", () => {
    const thrown = [
      Object.assign(new Error("x"), { code: "ENOENT" }),
      new Error("y"),
      null,
      undefined,
      "z",
    ];
    expect(thrown.map(codeOf)).toEqual(["ENOENT", undefined, undefined, undefined, undefined]);
  });
  test("a folder is made by one process only", () => {
    expect(makeNewFolder(at("once"))).toBe(true);
    expect(makeNewFolder(at("once"))).toBe(false);
  });
  test("devices, folders and pipes are no files", () => {
    for (const path of ["/dev/zero", folder]) expect(() => readRegular(path)).toThrow();
    const pipe = at("pipe");
    if (spawnSync("mkfifo", [pipe]).status === 0) expect(() => readRegular(pipe)).toThrow();
  });
  test("two writers of one path never show a torn file", { tags: ["deep"] }, async () => {
    const files = fileURLToPath(new URL("../../src/node/files.ts", import.meta.url));
    const path = at("shared.txt");
    const code = (letter: string) =>
      `import { writeAtomically } from ${JSON.stringify(files)};
       for (let i = 0; i < 150; i++) writeAtomically(${JSON.stringify(path)}, ${JSON.stringify(letter)}.repeat(200000));`;
    const writers = ["a", "b"].map((letter) =>
      spawn(process.execPath, [...tsx, "--input-type=module", "-e", code(letter)]),
    );
    let running = 2;
    const codes = writers.map(async (child) => {
      const [status] = await once(child, "exit");
      running--;
      return status;
    });
    let seen = 0;
    while (running > 0) {
      if (existsSync(path)) {
        const text = readFileSync(path, "utf8");
        expect([text.length, new Set(text).size]).toEqual([200_000, 1]);
        seen++;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(await Promise.all(codes)).toEqual([0, 0]);
    expect(seen).toBeGreaterThan(0);
    expect(
      readdirSync(folder).filter((name) => name.endsWith(".tmp") && name.startsWith("shared")),
    ).toEqual([]);
  });
});

describe("corpora that a run names", () => {
  test("are read where their content is known, or with the user's word", () => {
    writeFileSync(at("corpus.txt"), "a\tb\n");
    const known = {};
    expect(newCorpus(known)(at("corpus.txt"))).toBe("a\tb\n");
    expect(knownCorpus(known, false)(at("corpus.txt"))).toBe("a\tb\n");
    writeFileSync(at("corpus.txt"), "c\td\n");
    expect(() => knownCorpus(known, false)(at("corpus.txt"))).toThrow(
      /not what the run was begun with.*--trust-data/,
    );
    expect(knownCorpus(known, true)(at("corpus.txt"))).toBe("c\td\n");
    for (const path of ["/etc/passwd", "/dev/zero", at("nowhere")])
      expect(() => knownCorpus({}, false)(path)).toThrow(/but not its content/);
    expect(() => knownCorpus({}, true)("/dev/zero")).toThrow(SettingError);
  });
});

describe("memory", () => {
  test("is the machine's, or less where a container has less", () => {
    const limit = vi.spyOn(process, "constrainedMemory");
    const given = [0, 5e8, 1e30].map((bytes) => {
      limit.mockReturnValue(bytes);
      return machineMemory();
    });
    limit.mockRestore();
    expect(given).toEqual([totalmem(), 5e8, totalmem()]);
  });
  test("is counted before it is taken", () => {
    const huge = resolveRun({ task: "cartpole", settings: { hidden: [1e6, 1e6] } });
    expect(() => checkMemory(huge, 2 ** 34)).toThrow(
      /needs at least .* of memory \(.* parameters\), there are 17.2 GB/,
    );
    expect(checkMemory(resolveRun({ task: "cartpole" }), 2 ** 30)).toBeLessThan(2 ** 26);
    expect([0, 999, 1000, 12_345_678].map(bytes)).toEqual([
      "0.00 B",
      "999 B",
      "1.00 kB",
      "12.3 MB",
    ]);
  });
});

/** Bytes in use after a collection: the resident size has the garbage of other tests in it, too. */
function memoryInUse(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe("servers", () => {
  const get = (url: string, host?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = request(url, host === undefined ? {} : { headers: { host } }, (response) => {
        response.destroy();
        resolve(response.statusCode ?? 0);
      });
      asked.on("error", reject);
      asked.end();
    });
  test("the playground answers its own names alone, and misses a file with 404", async () => {
    writeFileSync(at("index.html"), "<p>here");
    const { server, url } = await serve(folder, 0);
    try {
      expect(await get(url)).toBe(200);
      expect(await get(url, "evil.example:80")).toBe(403);
      expect(await get(`${url}page.js`)).toBe(404);
      expect(await get(`${url}../../etc/passwd`)).toBe(404);
      expect(await get(`${url}constructor`)).toBe(404);
      expect(await get(url)).toBe(200);
    } finally {
      server.close();
    }
  });
  test("the live page too, and drops listeners that never read", { tags: ["deep"] }, async () => {
    const live = await serveLive(() => "<p>", 0);
    const port = Number(new URL(live.url).port);
    try {
      expect(await get(live.url)).toBe(200);
      expect(await get(live.url, "evil.example")).toBe(403);
      const sockets = Array.from({ length: 30 }, () => {
        const socket = connect(port, "127.0.0.1");
        socket.pause();
        socket.on("error", () => {});
        socket.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
        return socket;
      });
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const before = memoryInUse();
      for (let i = 0; i < 60_000; i++) {
        live.send(`{"update":${i},"pad":"${"x".repeat(200)}"}`);
        if (i % 5000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(memoryInUse() - before).toBeLessThan(150e6); // 30 × 13 MB were it buffered
      expect(await get(live.url)).toBe(200);
      for (const socket of sockets) socket.destroy();
    } finally {
      await live.close();
    }
  });
});

test("whatever is thrown has a message", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  for (const [thrown, said] of [
    [null, "thrown: null"],
    [undefined, "thrown: undefined"],
    ["text", "thrown: text"],
    [new Error("whole"), "whole"],
    [{ message: "of another realm" }, "of another realm"],
    [cyclic, "thrown: a value of type object"],
  ] as const)
    expect(messageOf(thrown)).toBe(said);
});
