/** Files and folders that pigrad makes: where they may be, and what is said where they may not. */

import fs, {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { FormatError, SettingError } from "../../src/core/errors.ts";
import {
  appendFlushed,
  isTemporary,
  linesOf,
  makeFolder,
  openRegular,
  readRegular,
  writeAtomically,
} from "../../src/node/files.ts";
import { closeRun, createRun } from "../../src/node/run-folder.ts";
import { trainRun } from "../../src/node/train-run.ts";
import { patched } from "../support/patched.ts";
import { temporary } from "../support/pigrad.ts";
import { configOf, openConfig } from "../support/sessions.ts";

const at = temporary();

test("a file is written whole, from text, bytes or pieces, and nothing is left beside it", () => {
  mkdirSync(at("w"));
  const pieces = function* () {
    yield Buffer.from("a\n");
    yield Buffer.from("ü");
  };
  for (const content of ["a\nü", Buffer.from("a\nü"), pieces()]) {
    writeAtomically(at("w", "x"), content);
    expect(readFileSync(at("w", "x"), "utf8")).toBe("a\nü");
    expect(readdirSync(at("w"))).toEqual(["x"]);
  }
  appendFlushed(at("w", "x"), "b");
  appendFlushed(at("w", "new"), "c");
  expect(["x", "new"].map((name) => readFileSync(at("w", name), "utf8"))).toEqual(["a\nüb", "c"]);
  expect(() => writeAtomically("", "x")).toThrow("expected the path of a file, got an empty text");
  expect(() => writeAtomically(at("w"), "x")).toThrow(
    `${at("w")}: expected a file's path, got a folder`,
  );
  expect(() => writeAtomically(at("w"), "x")).toThrow(SettingError);
  expect(() => writeAtomically(at("no", "x"), "x")).toThrow(/ENOENT.*no\/x'/); // the path that was asked for
});

test.skipIf(!existsSync("/proc/self/fd"))("nothing stays open, whether it went well or not", () => {
  const open = (): string[] => readdirSync("/proc/self/fd");
  const path = at("open");
  writeFileSync(path, "a\nb\n");
  const failing = function* () {
    yield Buffer.from("a");
    throw new Error("no more");
  };
  const ways: (() => unknown)[] = [
    () => writeAtomically(path, "a\nb\n"),
    () => writeAtomically(path, failing()),
    () => appendFlushed(path, failing() as unknown as string),
    () => appendFlushed("/dev/null", "x"),
    () => readRegular(path),
    () => readRegular(path, { most: 1 }),
    () => [...linesOf(path)],
    () => {
      for (const _ of linesOf(path)) break;
    },
    () => closeSync(openRegular(path)),
    () => openRegular(path, { most: 1 }),
  ];
  for (const way of ways) {
    const before = open().length;
    try {
      way();
    } catch {
      // what is open is what counts
    }
    expect(open().length, String(way)).toBe(before);
  }
});

test("a file that grows too large between two looks is refused, and closed", () => {
  const path = at("grows");
  writeFileSync(path, "abc");
  const { openSync } = fs;
  const restore = patched(fs, {
    openSync: (...args) => {
      if (args[0] === path) writeFileSync(path, "abcdef");
      return openSync(...args);
    },
  });
  try {
    expect(() => openRegular(path, { most: 4 })).toThrow("has 6 bytes, 4 are allowed");
  } finally {
    restore();
  }
});

test.skipIf(!existsSync("/dev/null"))("devices are no files, to read or to write", () => {
  expect(() => appendFlushed("/dev/null", "x")).toThrow("/dev/null: expected a regular file");
  expect(() => writeAtomically("/dev/null", "x")).toThrow("expected a file's path, got a device");
  expect(() => readRegular("/dev/null")).toThrow(
    "/dev/null: expected a regular file, got a device",
  );
});

test("links are followed only where that is asked for; a folder and a socket are said to be so", async () => {
  writeFileSync(at("target"), "12345");
  symlinkSync(at("target"), at("a link"));
  expect(() => readRegular(at("a link"))).toThrow("expected a regular file, got a link");
  expect(readRegular(at("a link"), { links: true }).toString()).toBe("12345");
  expect(() => readRegular(at())).toThrow("got a folder");
  const server = createServer().listen(at("socket"));
  await new Promise((resolve) => server.once("listening", resolve));
  expect(() => readRegular(at("socket"))).toThrow("got a socket");
  server.close();
  expect(readRegular(at("target"), { most: 5 }).length).toBe(5);
  expect(() => readRegular(at("target"), { most: 4 })).toThrow("has 5 bytes, 4 are allowed");
  expect(() => openRegular(at("target"), { most: 4 })).toThrow(FormatError);
});

test("a folder is made with those above it; where a file stands, it is said which", () => {
  makeFolder(at("a", "b", "c"));
  expect(readdirSync(at("a"))).toEqual(["b"]);
  expect(readdirSync(at("a", "b"))).toEqual(["c"]);
  makeFolder(at("a", "b", "c"));
  expect(() => makeFolder(at("target", "x"))).toThrow(
    `${at("target", "x")}: ${at("target")} is not a folder`,
  );
  expect(() => makeFolder("")).toThrow("expected the path of a folder, got an empty text");
});

test("names of temporary files", () => {
  const names = [
    "x.pigrad-0123456789abcdef.tmp",
    "x.pigrad-0123456789abcde.tmp",
    "x.pigrad-0123456789ABCDEF.tmp",
    "x.tmp",
    "x.pigrad-0123456789abcdef.tmp2",
  ];
  expect(names.map(isTemporary)).toEqual([true, false, false, false, false]);
});

test("lines at the edges of what is read at a time", () => {
  for (const before of [2 ** 20 - 2, 2 ** 20 - 1, 2 ** 20, 2 ** 21]) {
    writeFileSync(at("lines"), `${"x".repeat(before)}\n\nlast\n`);
    const lines = [...linesOf(at("lines"))].map(({ bytes, number, whole }) => [
      bytes.length,
      number,
      whole,
    ]);
    expect(lines).toEqual([
      [before, 1, true],
      [0, 2, true],
      [4, 3, true],
    ]);
  }
  writeFileSync(at("lines"), "");
  expect([...linesOf(at("lines"))]).toEqual([]);
});

test("a run without samples has no file of them", async () => {
  const settings = { width: 8, layers: 1, heads: 1, sftUpdates: 2, sftTexts: 2 };
  const session = openConfig(configOf({ task: "arith", algo: "sft", steps: 10, settings }));
  createRun(at("sft"), session.config);
  await trainRun(at("sft"), session, { checkpointEvery: 1 }, () => {});
  closeRun(at("sft"));
  expect(readdirSync(at("sft")).sort()).toEqual([
    "checkpoint.safetensors",
    "config.json",
    "metrics.jsonl",
  ]);
});
