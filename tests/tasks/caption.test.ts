/** Pictures into words: what is drawn, what is said of it, what is paid for it, and that a model sees it. */

import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { Decoder } from "../../src/nn/decode.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { seePictures } from "../../src/nn/pictures.ts";
import { twinOf } from "../../src/nn/twin.ts";
import { draw, patchesPerPicture, patchPixels, type Scene } from "../../src/tasks/text/pictures.ts";
import { Cider } from "../../src/text/cider.ts";
import { promptTokens } from "../../src/text/task.ts";
import { openText } from "../support/sessions.ts";
import { everyOf, make, rewardOf } from "../support/text-tasks.ts";

const words = (text: string): string[] => text.split(" ");

describe("CIDEr-D", () => {
  test("by hand: two pictures, one reference each", () => {
    const cider = new Cider([[words("a cat")], [words("a dog")]]);
    // "a" is in both pictures and weighs 0; "cat" and "a cat" weigh ln 2: cosines 1, 1, 0, 0 of orders 1 to 4
    expect(cider.score(words("a cat"), [words("a cat")])).toBeCloseTo((10 * 2) / 4, 12);
    expect(cider.score(words("a dog"), [words("a cat")])).toBe(0);
    // "cat cat": its weight 2·ln 2 is clipped to ln 2, over the length 2·ln 2: 1/2; bigram "cat cat" is in no reference
    expect(cider.score(words("cat cat"), [words("a cat")])).toBeCloseTo((10 * 0.5) / 4, 12);
    // one word less: e^(−1/72)
    expect(cider.score(["cat"], [words("a cat")])).toBeCloseTo(
      ((10 * 1) / 4) * Math.exp(-1 / 72),
      12,
    );
    // two references: the mean
    expect(cider.score(words("a cat"), [words("a cat"), words("a dog")])).toBeCloseTo(
      (10 * 2) / 8,
      12,
    );
    expect(cider.score([], [words("a cat")])).toBe(0);
    expect(cider.score(words("a cat"), [])).toBe(0);
  });
});

describe("pictures", () => {
  const scene: Scene = {
    first: { size: "small", color: "red", shape: "square" },
    second: { size: "large", color: "blue", shape: "circle" },
    relation: "left of",
  };
  /** The colors of 16 × 16 pixels, as r, g, b, y and ".". */
  function pixelsOf(of: Scene, key: string): string[] {
    const rows = new Float32Array(patchesPerPicture * patchPixels);
    draw(rows, of, key);
    return Array.from({ length: 16 }, (_, y) =>
      Array.from({ length: 16 }, (_, x) => {
        const patch = 4 * Math.floor(y / 4) + Math.floor(x / 4);
        const at = patch * patchPixels + 3 * (4 * (y % 4) + (x % 4));
        return (
          { "1,0,0": "r", "0,1,0": "g", "0,0,1": "b", "1,1,0": "y" }[
            rows.slice(at, at + 3).join()
          ] ?? "."
        );
      }).join(""),
    );
  }
  const countOf = (lines: readonly string[], color: string) =>
    lines.join("").split(color).length - 1;
  test("the first thing stands where the relation says, the large one has more pixels", () => {
    for (const key of ["a", "b", "c", "d"]) {
      const lines = pixelsOf(scene, key);
      for (const line of lines) {
        expect(line.slice(8)).not.toContain("r");
        expect(line.slice(0, 8)).not.toContain("b");
      }
      expect(countOf(lines, "r")).toBeGreaterThan(8);
      expect(countOf(lines, "b")).toBeGreaterThan(1.5 * countOf(lines, "r"));
      const below = pixelsOf({ ...scene, relation: "below" }, key);
      expect(below.slice(0, 8).join("")).not.toContain("r");
      expect(below.slice(8).join("")).not.toContain("b");
    }
    expect(pixelsOf(scene, "a")).not.toEqual(pixelsOf(scene, "b"));
  });
});

describe("caption", () => {
  const task = make("caption", { pictures: 300, sloppy: 0.5 });
  test("facts are right told from either thing; sloppy captions have about half of them", () => {
    const careful = make("caption", { pictures: 300, sloppy: 0 });
    for (const { prompt, completion } of everyOf(careful.examples)) {
      expect(rewardOf(careful, prompt, completion)).toBe(1);
      expect(rewardOf(careful, prompt, completion, "exact")).toBe(1);
      expect(rewardOf(careful, prompt, completion, "cider")).toBeGreaterThan(0.45);
      const [, first, relation, second] =
        /^(.*) (left of|right of|above|below)( .*)$/.exec(completion) ?? [];
      const other = {
        "left of": "right of",
        "right of": "left of",
        above: "below",
        below: "above",
      }[relation];
      expect(rewardOf(careful, prompt, `${second} ${other}${first}`)).toBe(1);
      // two equal things are told rightly from either one
      const mixed = rewardOf(careful, prompt, `${first} ${other}${second}`);
      expect(mixed < 1).toBe(first !== second);
      expect(rewardOf(careful, prompt, "")).toBe(0);
      expect(rewardOf(careful, prompt, completion.split(" ").slice(0, 4).join(" "))).toBeLessThan(
        0.6,
      );
    }
    const worst = make("caption", { pictures: 300, sloppy: 1 });
    const mean =
      everyOf(worst.examples).reduce((sum, e) => sum + rewardOf(worst, e.prompt, e.completion), 0) /
      300;
    expect(mean).toBeGreaterThan(0.5);
    expect(mean).toBeLessThan(0.75);
  });
  test("no combination of colors and shapes is on two sides", () => {
    const kinds = (side: "train" | "validation" | "heldOut") =>
      new Set(
        make("caption", { pictures: 2000, sloppy: 0 }).examples[side].map(({ completion }) => {
          const [, a, b, , c, d] =
            /^ \w+ (\w+) (\w+) (left of|right of|above|below) \w+ (\w+) (\w+)$/.exec(completion) ??
            [];
          return [`${a} ${b}`, `${c} ${d}`].sort().join(", ");
        }),
      );
    const [train, heldOut, validation] = [kinds("train"), kinds("heldOut"), kinds("validation")];
    for (const kind of [...heldOut, ...validation]) expect(train.has(kind)).toBe(false);
    expect(heldOut.size).toBeGreaterThan(5);
  });
  test("a prompt is the end token and its picture's patches, which no text and no draw has", () => {
    const { tokenizer } = task;
    const ids = promptTokens(task, "picture 7");
    expect(ids).toHaveLength(1 + patchesPerPicture);
    expect(ids[1]).toBe(tokenizer.vocab + 1 + 7 * patchesPerPicture);
    expect(tokenizer.decode([...ids, ...tokenizer.encode(" small red")])).toBe(" small red");
  });
  test("runs: the same bits after a resume; completions are of words alone", () => {
    const settings = {
      pictures: 200,
      sftUpdates: 2,
      prompts: 2,
      groupSize: 2,
      width: 16,
      layers: 1,
    };
    const request = { task: "caption", algo: "grpo", steps: 10_000, settings };
    const session = openText(request);
    for (let i = 0; i < 3; i++) session.reports.next();
    const resumed = openText(request, { saved: session.training.save() });
    for (const each of [session, resumed]) for (let i = 0; i < 2; i++) each.reports.next();
    expect(resumed.gpt.parameters.list.map(({ data }) => data)).toEqual(
      session.gpt.parameters.list.map(({ data }) => data),
    );
    const { completions } = session.training.batch as { completions: { token: Int32Array } };
    expect(Math.max(...completions.token)).toBeLessThan(session.task.tokenizer.vocab);
    expect(session.evaluate(5, 1, true).measures.facts).toBeGreaterThanOrEqual(0);
  });
});

describe("seePictures", () => {
  const rows = Float32Array.from({ length: 6 }, (_, i) => Math.sin(i));
  const make = (k = loops(Float64Array)) => {
    const gpt = new Gpt(k, { vocab: 5, context: 6, layers: 2, heads: 2, width: 8 }, new Random(1));
    return seePictures(gpt, { pixels: 2, rows }, new Random(2));
  };
  const ids = [4, 5, 7, 1, 6];
  const positions = [0, 1, 2, 3, 4];
  test("a patch's embedding is the last token's and its pixels by the weight", () => {
    const gpt = make();
    const k = gpt.parameters.backend;
    const [tokens, at] = [input(k, [5], ids), input(k, [5], positions)];
    const x = new Tape(k, { grads: false }).run(() => gpt.parts.embed(tokens, at));
    const of = (name: string) => gpt.parameters.get(name)?.data as Float64Array;
    for (const [row, id] of ids.entries())
      for (let j = 0; j < 8; j++) {
        let want = of("wte.weight")[8 * Math.min(id, 4) + j] + of("wpe.weight")[8 * row + j];
        for (let p = 0; p < 2; p++)
          if (id > 4) want += of("patch.weight")[2 * j + p] * rows[2 * (id - 5) + p];
        expect(x.data[8 * row + j]).toBeCloseTo(want, 12);
      }
  });
  test("from the cache as in the whole text; a twin reads the same pictures; other ids are refused", () => {
    for (const k of [loops(), simd()]) {
      const gpt = make(k as never);
      const twin = twinOf(gpt);
      for (const { name, data } of twin.parameters.list)
        data.set(gpt.parameters.get(name)?.data ?? []);
      const [tokens, at] = [input(k, [1, 5], ids), input(k, [1, 5], positions)];
      for (const model of [gpt, twin]) {
        const whole = new Tape(k, { grads: false }).run(() =>
          model.logits(model.hidden(tokens, at)),
        );
        const decoder = new Decoder(model, 1);
        for (const id of ids) decoder.push(0, id);
        decoder.run();
        expect(Array.from(decoder.logits)).toEqual(Array.from(whole.data.subarray(20)));
        expect(() => decoder.push(0, 8)).toThrow(RangeError);
        decoder.free();
      }
    }
  });
});
