// @module-tag deep
/** `caption` on pictures of one's own: a folder that the test draws, trained by the command line. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { FormatError, SettingError } from "../../src/core/errors.ts";
import { readCorpus } from "../../src/node/corpora.ts";
import { patchPixels } from "../../src/tasks/text/pictures.ts";
import { jsonLines, pigradProcess, temporary } from "../support/pigrad.ts";
import { png } from "../support/png.ts";
import { make, rewardOf } from "../support/text-tasks.ts";

const at = temporary();
const colors = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255] };

/** 12 pictures of one color on a half, the other half black; every second a PPM. */
beforeAll(() => {
  mkdirSync(at("pictures", "more"), { recursive: true });
  const lines = Array.from({ length: 12 }, (_, i) => {
    const [name, color] = Object.entries(colors)[i % 3];
    const left = i % 4 < 2;
    const side = 4 + i;
    const row = Array.from({ length: side }, (_, x) => (x < side / 2 === left ? color : [0, 0, 0]));
    const file = i % 2 === 0 ? `${i}.png` : `more/${i}.ppm`;
    if (i % 2 === 0) {
      const rows = Array.from({ length: side }, () => [0, ...row.flat()]).flat();
      writeFileSync(at("pictures", file), png({ width: side, height: side, color: 2, rows }));
    } else {
      const rows = Array.from({ length: side }, () => row.flat().join(" ")).join("\n");
      writeFileSync(at("pictures", file), `P3\n${side} ${side}\n255\n${rows}\n`);
    }
    return JSON.stringify({ file, caption: `A ${name} half, ${left ? "left" : "right"}.` });
  });
  writeFileSync(at("captions.jsonl"), `${lines.join("\n")}\n`);
});
const own = () => ({ folder: at("pictures"), captions: at("captions.jsonl"), judge: "cider" });
const made = (changes: object = {}) =>
  make("caption", { ...own(), ...changes }, readCorpus as () => string);

test("pixels stand in patches; words of captions are the vocabulary", () => {
  const { pictures, tokenizer, examples } = made();
  const rows = pictures?.rows ?? [];
  expect(rows.length).toBe(12 * 16 * patchPixels);
  // picture 0, 4 × 4: the two columns at the left are red, so patches 0 and 1 of each row
  for (let patch = 0; patch < 16; patch++)
    expect(rows[patch * patchPixels]).toBe(patch % 4 < 2 ? 1 : 0);
  // picture 1, 5 × 5: a green pixel at x = 2 too; it is 16 / 5 wide and ends at 9.6 of 16
  const green = Array.from(
    { length: 16 },
    (_, x) => rows[(16 + (x >> 2)) * patchPixels + 3 * (x % 4) + 1],
  );
  expect(green.slice(0, 9)).toEqual(Array(9).fill(1));
  expect(green[9]).toBeCloseTo(0.6, 6);
  expect(green.slice(10)).toEqual(Array(6).fill(0));
  expect(tokenizer.vocab).toBe("a half left right red green blue".split(" ").length + 1);
  expect(tokenizer.encode("picture more/1.ppm")[0]).toBe(tokenizer.vocab + 1 + 16);
  expect(examples.train.find(({ prompt }) => prompt === "picture 0.png")?.completion).toBe(
    " a red half left",
  );
});

test("several captions of a picture: each is learned, any of them is right", () => {
  const read = Object.assign(
    () =>
      `${["one dog", "two dogs"]
        .map((caption) => JSON.stringify({ file: "0.png", caption }))
        .join("\n")}\n{"file":"2.png","caption":"a cat"}`,
    { bytes: (name: string) => readFileSync(name) },
  );
  const task = make("caption", own(), read);
  expect(task.examples.train.map(({ completion }) => completion)).toEqual([
    " one dog",
    " two dogs",
    " a cat",
  ]);
  expect(rewardOf(task, "picture 0.png", " two dogs", "exact")).toBe(1);
  // orders 1 and 2 have cosine 1 with its own reference, 0 with the other: 2 / 4 / 2
  expect(rewardOf(task, "picture 0.png", " two dogs")).toBeCloseTo(0.25, 12);
  expect(rewardOf(task, "picture 2.png", " two dogs")).toBe(0);
  expect(task.completionLength).toBe(3);
});

describe("is refused", () => {
  const line = (file: string, caption = "a b"): string => JSON.stringify({ file, caption });
  test.each([
    [line("../secret.png"), "line 1: expected file as a path in the folder"],
    [line("/etc/passwd"), "line 1: expected file as a path in the folder"],
    [line("a//b.png"), "line 1: expected file as a path in the folder"],
    [line("a\\b.png"), "line 1: expected file as a path in the folder"],
    [line("0.png", "?!"), "with words in caption"],
    ['{"file":1}', 'line 1: expected {"file", "caption"}'],
    ["null", 'line 1: expected {"file", "caption"}'],
    ["{", "line 1: is not JSON"],
    ["", "expected 1 to 10000 pictures, got 0"],
  ])("%s", (text, message) => {
    writeFileSync(at("bad.jsonl"), text);
    expect(() => made({ captions: at("bad.jsonl") })).toThrow(FormatError);
    expect(() => made({ captions: at("bad.jsonl") })).toThrow(message);
  });
  test("a damaged picture, by its file's name; one that is not there", () => {
    const file = readFileSync(at("pictures", "0.png"));
    const broken: [string, Uint8Array | string, string][] = [
      ["crc.png", file.map((byte, i) => (i === 20 ? byte ^ 1 : byte)), "png: the checksum of IHDR"],
      ["cut.png", file.subarray(0, 50), "png: is cut short"],
      ["cut.ppm", "P6 9 9 255 abc", "netpbm: is cut short"],
      ["other.gif", "GIF89a", "expected a picture as PNG, PGM or PPM"],
    ];
    for (const [name, bytes, message] of broken) {
      writeFileSync(at("pictures", name), bytes);
      writeFileSync(at("bad.jsonl"), line(name));
      const where = `${at("pictures")}/${name}: ${message}`;
      expect(() => made({ captions: at("bad.jsonl") })).toThrow(where);
      expect(() => made({ captions: at("bad.jsonl") })).toThrow(FormatError);
    }
    writeFileSync(at("bad.jsonl"), line("none.png"));
    expect(() => made({ captions: at("bad.jsonl") })).toThrow(
      /cannot read .*none.png" \(no such file in /,
    );
  });
  test("facts, a folder alone, a reader of texts alone", () => {
    for (const [changes, message] of [
      [{ judge: "facts" }, "judge: expected cider for own pictures"],
      [{ captions: "" }, "expected folder and captions together"],
    ] as const)
      expect(() => made(changes)).toThrow(message);
    expect(() => make("caption", own(), () => line("0.png"))).toThrow(SettingError);
  });
});

test("trained in another process, sampled, resumed; changed pictures are noticed", () => {
  const sets = Object.entries({
    ...own(),
    ...{ sftUpdates: 3, sftTexts: 8, prompts: 4, groupSize: 2, width: 16, layers: 1 },
  }).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  const run = at("run");
  const begin = ["train", "caption", "--steps", "200", "--seed", "7", "--out", run, ...sets];
  const trained = pigradProcess(begin);
  expect([trained.stderr, trained.status]).toEqual([expect.anything(), 0]);
  const sampled = pigradProcess(["sample", run, "--prompt", "picture 0.png", "-n", "2", "--json"]);
  const words = /^( (a|half|left|right|red|green|blue))*$/;
  const lines = jsonLines(sampled.stdout);
  expect(lines).toHaveLength(2);
  for (const { completion } of lines) expect(completion).toMatch(words);
  const unknown = pigradProcess(["sample", run, "--prompt", "picture x.png"]);
  expect(unknown.stderr).toContain("expected a picture of");
  const resumed = pigradProcess(["train", "--resume", run, "--steps", "400"]);
  expect(resumed.status).toBe(0);
  const { corpora } = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
  expect(Object.keys(corpora)).toHaveLength(13); // 12 pictures and their captions
  writeFileSync(at("pictures", "0.png"), readFileSync(at("pictures", "2.png")));
  const changed = pigradProcess(["sample", run]);
  expect(changed.stderr).toContain('0.png" is not what the run was begun with');
});
