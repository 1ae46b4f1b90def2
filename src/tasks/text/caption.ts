/**
 * Pictures into words: "small red circle left of large blue square". A picture stands in the prompt as patches. Most
 * captions to learn from are of sloppy writers, who call every color red or blue, all things large, and mix left with
 * right; so supervised learning is sloppy too, and only a reward that checks facts, or likeness to careful captions
 * (CIDEr-D), teaches what is there. Held out are combinations of colors and shapes.
 */
import { choice, integer, real, text, type Values } from "../../core/settings.ts";
import { Cider } from "../../text/cider.ts";
import { type Example, hash, mapSides, split } from "../../text/corpus.ts";
import type { Reward } from "../../text/rewards.ts";
import { symbols } from "../../text/symbols.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import {
  colors,
  draw,
  patchesPerPicture,
  patchPixels,
  relations,
  type Scene,
  seeing,
  shapes,
  sizes,
  type Thing,
} from "./pictures.ts";

export const captionSettings = {
  pictures: integer(20_000, "pictures in all", { min: 100, max: 50_000 }),
  sloppy: real(0.7, "share of captions whose writer is sloppy", { min: 0, max: 1 }),
  judge: choice("facts", ["facts", "cider"], "what is rewarded"),
  folder: text("", "folder of own pictures (PNG, PGM, PPM); none: drawn ones"),
  captions: text("", "their captions: a file of lines of JSON, each with file and caption"),
};

const words = [...sizes, ...Object.keys(colors), ...shapes, ...relations];
const opposite: Readonly<Record<string, string>> = {
  "left of": "right of",
  "right of": "left of",
  above: "below",
  below: "above",
};

/** The facts of a scene, in the order of its caption. */
const factsOf = ({ first, relation, second }: Scene): string[] => [
  ...[first.size, first.color, first.shape, relation],
  ...[second.size, second.color, second.shape],
];
/** The same scene told from the other thing. */
const turned = ([a, b, c, relation, ...others]: readonly string[]): string[] => [
  ...[...others, opposite[relation] ?? relation],
  ...[a, b, c],
];
const textOf = (facts: readonly string[]): string => facts.map((fact) => ` ${fact}`).join("");

const sloppyThing = ({ color, shape }: Thing): Thing => ({
  size: "large",
  color: color === "red" || color === "green" ? "red" : "blue",
  shape,
});
/** What a sloppy writer sees. */
const sloppily = ({ first, relation, second }: Scene): Scene => ({
  first: sloppyThing(first),
  second: sloppyThing(second),
  relation: relation === "right of" ? "left of" : relation,
});

function sceneOf(i: number): Scene {
  const pick = <T>(what: string, list: readonly T[]): T =>
    list[hash(`${what} of picture ${i}`) % list.length];
  const thing = (which: string): Thing => ({
    size: pick(`${which} size`, sizes),
    color: pick(`${which} color`, Object.keys(colors) as Thing["color"][]),
    shape: pick(`${which} shape`, shapes),
  });
  return { first: thing("first"), second: thing("second"), relation: pick("relation", relations) };
}

/** Share of the facts that a caption has right, told from either thing; less where words are missing or too many. */
function factsRight(facts: readonly string[], said: readonly string[]): number {
  const right = (wanted: readonly string[]): number =>
    wanted.filter((fact, i) => said[i] === fact).length / Math.max(facts.length, said.length);
  return Math.max(right(facts), right(turned(facts)));
}

export function caption({
  pictures,
  sloppy,
  judge,
}: Pick<Values<typeof captionSettings>, "pictures" | "sloppy" | "judge">): TextTask {
  const scenes = Array.from({ length: pictures }, (_, i) => sceneOf(i));
  const rows = new Float32Array(pictures * patchesPerPicture * patchPixels);
  const size = patchesPerPicture * patchPixels;
  for (const [i, scene] of scenes.entries())
    draw(rows.subarray(i * size, (i + 1) * size), scene, String(i));
  const plain = symbols([...words.map((word) => ` ${word}`)], [endToken]);
  const numberOf = (prompt: string): number => Number(prompt.slice(prompt.indexOf(" ") + 1));
  const sides = split(
    scenes.map((_, i) => `picture ${i}`),
    0.1,
    (prompt) => {
      const { first, second } = scenes[numberOf(prompt)];
      return [first, second]
        .map(({ color, shape }) => `${color} ${shape}`)
        .sort()
        .join(", ");
    },
  );
  const factsFor = (prompt: string): string[] => factsOf(scenes[numberOf(prompt)]);
  const said = (completion: string): string[] =>
    plain.encode(completion).map((id) => plain.decode([id]).slice(1));
  const careful = (prompt: string): string[][] => [factsFor(prompt), turned(factsFor(prompt))];
  const likeness = new Cider(sides.train.map((prompt) => careful(prompt).map(spread)));
  const facts: Reward = (prompt, completion) => factsRight(factsFor(prompt), said(completion));
  const cider: Reward = (prompt, completion) =>
    likeness.score(spread(said(completion)), careful(prompt).map(spread)) / 10;
  const exampleOf = (prompt: string): Example => {
    const scene = scenes[numberOf(prompt)];
    const isSloppy = hash(`writer of ${prompt}`) / 2 ** 32 < sloppy;
    return { prompt, completion: textOf(factsOf(isSloppy ? sloppily(scene) : scene)) };
  };
  return {
    tokenizer: seeing(plain, numberOf),
    pictures: { pixels: patchPixels, rows },
    examples: mapSides(sides, exampleOf),
    prompts: sides,
    reward: judge === "facts" ? facts : cider,
    measures: { facts, cider, exact: (...sample) => Number(facts(...sample) === 1) },
    completionLength: 8,
  };
}

/** The single words of facts: "left of" has two. */
const spread = (facts: readonly string[]): string[] => facts.flatMap((fact) => fact.split(" "));
