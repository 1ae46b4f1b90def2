/** Messages and packed runs from the network are checked. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { packRun, unpackRun } from "../../src/node/nats/bundle.ts";
import { checkOwned, evalFrom, trainFrom } from "../../src/node/nats/jobs.ts";
import { decode, failureFrom, jsonFrom, shortened } from "../../src/node/nats/wire.ts";
import { temporary } from "../support/pigrad.ts";

const at = temporary();
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe("a packed run", () => {
  const packed = (): Uint8Array => {
    mkdirSync(at("run"), { recursive: true });
    writeFileSync(at("run", "config.json"), "{}");
    writeFileSync(at("run", "checkpoint.safetensors"), "weights");
    writeFileSync(at("run", "metrics.jsonl"), "");
    writeFileSync(at("run", "lock"), "not a file of the run's");
    return packRun(at("run"));
  };
  const made = (files: unknown, content = ""): Uint8Array => {
    const header = Buffer.from(JSON.stringify({ files }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(header.length);
    return Buffer.concat([length, header, Buffer.from(content)]);
  };

  test("has the run's files and no others", () => {
    unpackRun(packed(), at("there"), "x");
    expect(readFileSync(at("there", "checkpoint.safetensors"), "utf8")).toBe("weights");
    expect(readFileSync(at("there", "config.json"), "utf8")).toBe("{}");
    expect(readFileSync(at("there", "metrics.jsonl"), "utf8")).toBe("");
    expect(existsSync(at("there", "lock"))).toBe(false);
    expect(Buffer.from(packRun(at("run"), ["config.json"])).toString()).toMatch(/\{\}$/);
  });

  const name = "config.json";
  test.each([
    [Buffer.from(""), "expected a packed run, got 0 other bytes"],
    [Buffer.from([255, 255, 255, 255, 1]), "expected a packed run, got 5 other bytes"],
    [Buffer.from([9, 0, 0, 0, 1]), "expected a packed run"],
    [made("x"), "expected files"],
    [made([{ name: "../../etc/passwd", size: 1 }], "x"), "expected one of checkpoint.safetensors,"],
    [made([{ name: "lock", size: 1 }], "x"), "expected one of"],
    [made([{ name, size: 2 }], "x"), "bytes, got"],
    [made([{ name, size: 1 }], "xx"), "bytes, got"],
    [made([{ name, size: -1 }], ""), "expected size as a whole number"],
    [
      made([
        { name, size: 0 },
        { name, size: 0 },
      ]),
      "expected each file once",
    ],
    [made([null]), "expected a name and a size"],
  ])("%# that is none is refused before anything is written", (data, message) => {
    const unpack = (): void => unpackRun(data, at("never"), "x");
    expect(unpack).toThrow(FormatError);
    expect(unpack).toThrow(message);
    expect(existsSync(at("never"))).toBe(false);
  });

  test("cut off anywhere it is refused", () => {
    const whole = packed();
    for (let n = 0; n < whole.length; n++)
      expect(() => unpackRun(whole.subarray(0, n), at("never"), "x")).toThrow(FormatError);
  });
});

describe("messages", () => {
  const config = { task: "line", algo: "reinforce", backend: "loops", seed: 1, steps: 100 };
  const run = { config: { ...config, settings: {}, corpora: {} }, run: "g/r", keep: true };
  const train = { ...run, episodes: 5, evaluationSeed: 7, threshold: null, untilSteps: null };

  test("a training", () => {
    const { job, resolved } = trainFrom(train, "x");
    expect(job).toMatchObject({ episodes: 5, threshold: null, run: "g/r", keep: true });
    expect(job.untilSteps).toBeUndefined();
    expect(resolved().config.task).toBe("line");
    expect(trainFrom({ ...train, untilSteps: 9, threshold: 2 }, "x").job).toMatchObject({
      untilSteps: 9,
      threshold: 2,
    });
  });

  test.each([
    [null, "expected an object"],
    [{ ...train, config: null }, "expected an object"],
    [{ ...train, config: { ...run.config, task: 1 } }, "expected task as a text"],
    [{ ...train, config: { ...run.config, task: "none" } }, 'unknown task "none"'],
    [{ ...train, config: { ...run.config, files: { task: { path: 1 } } } }, "expected files"],
    [{ ...train, episodes: 1.5 }, "expected episodes as a whole number ≥ 0"],
    [{ ...train, evaluationSeed: -1 }, "expected evaluationSeed"],
    [{ ...train, threshold: "x" }, "expected threshold as a number or null"],
    [{ ...train, untilSteps: "x" }, "expected untilSteps"],
    [{ ...train, run: 5 }, "expected run as a text"],
  ])("a training that is none: %#", (body, message) => {
    expect(() => trainFrom(body, "x")).toThrow(message);
  });

  test("an evaluation", () => {
    const body = {
      run: "g/r",
      best: false,
      greedy: true,
      changes: {},
      episodes: 3,
      first: 0,
      seed: 4,
    };
    expect(evalFrom(body, "x")).toEqual(body);
    for (const [name, value] of Object.entries({ run: 1, changes: [], episodes: "3", seed: null }))
      expect(() => evalFrom({ ...body, [name]: value }, "x")).toThrow(`x: expected ${name} as`);
  });

  test("envelopes, failures and objects", () => {
    const envelope = { protocol: 1, version: "1", kind: "k", body: 5 };
    expect(decode(bytes(envelope), "x")).toEqual(envelope);
    expect(decode(bytes({ ...envelope, blob: "g/b" }), "x").blob).toBe("g/b");
    for (const [name, value] of Object.entries({ protocol: "1", version: 1, kind: null, blob: 4 }))
      expect(() => decode(bytes({ ...envelope, [name]: value }), "x")).toThrow(`expected ${name}`);
    expect(() => decode(bytes([]), "x")).toThrow("x: expected an object");
    expect(() => decode(Buffer.from("{"), "x")).toThrow(FormatError);
    expect(failureFrom({ worker: "w", message: "m" }, "x")).toEqual({ worker: "w", message: "m" });
    expect(() => failureFrom({ worker: "w", message: "m".repeat(3000) }, "x")).toThrow("message");
    expect(() => checkOwned("other/x", "g", "x")).toThrow("expected an object of its giver");
    expect(() => checkOwned("g/x", "g", "x")).not.toThrow();
    expect(() => jsonFrom(new Uint8Array(2 ** 26 + 1), "x")).toThrow("67108864 are allowed");
    expect(shortened(`a\n${"b".repeat(5000)}`)).toBe("a");
    expect(shortened("b".repeat(5000))).toHaveLength(2000);
  });
});
