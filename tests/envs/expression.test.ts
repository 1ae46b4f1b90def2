/** Expressions over names: values by hand, any expression against its own tree, and messages that point. */
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { exp } from "../../src/core/math.ts";
import { compile } from "../../src/envs/mujoco/expression.ts";

const values: Readonly<Record<string, number>> = { x: 3, y: -0.5, height: 1.25, qpos0: 7 };
const names = (name: string) => (Object.hasOwn(values, name) ? () => values[name] : null);
const known = "x, y, height, qpos0";
const computed = (text: string): number => compile(text, "reward", names, known)();
const refusal = (text: string): string => {
  try {
    compile(text, "reward", names, known);
  } catch (error) {
    expect((error as Error).name).toBe("SettingError");
    return (error as Error).message;
  }
  return "none";
};

test.each([
  ["1 + 2 * 3", 7],
  ["(1 + 2) * 3", 9],
  ["10 - 4 - 3", 3],
  ["16 / 4 / 2", 2],
  ["-x + 1", -2],
  ["--x", 3],
  ["2 - -x", 5],
  ["2e-1 * .5 + 1.", 1.1],
  ["1e3", 1000],
  ["x < 4", 1],
  ["x + 1 <= 3", 0],
  ["x == 3", 1],
  ["x != 3", 0],
  ["1 < 0 || 2 > 1 && 0 > 1", 0],
  ["(0 || 5) + (2 && 3)", 2],
  ["!x + !0", 1],
  ["abs(y) + sqrt(16)", 4.5],
  ["max(x, y, 9, 2) - min(x, y)", 9.5],
  ["min(x)", 3],
  ["exp(y)", exp(-0.5)],
  ["sin(0) + cos(0)", 1],
  ["height*qpos0", 8.75],
  ["  x\n", 3],
])("%s is %d", (text, value) => {
  expect(computed(text)).toBe(value);
});

test("&& and || look at the right side only where it counts", () => {
  let asked = 0;
  const counted = compile("0 && b || 1 || b", "done", () => () => ++asked, "b");
  expect([counted(), asked]).toEqual([1, 0]);
});

test.each([
  ["", "reward: column 1: expected a number, a name or (, got the end"],
  ["x +", "reward: column 4: expected a number, a name or (, got the end"],
  ["x + * y", 'reward: column 5: expected a number, a name or (, got "*"'],
  ["(x", "reward: column 3: expected ), got the end"],
  ["x y", 'reward: column 3: expected an operator or the end, got "y"'],
  ["x + speed", `reward: column 5: expected one of ${known}, got "speed"`],
  ["x % 2", 'reward: column 3: expected a number, a name or an operator, got "%"'],
  ["x = 2", 'reward: column 3: expected a number, a name or an operator, got "="'],
  ["0 < x < 1", 'reward: column 7: expected one comparison; join two by &&, got "<"'],
  ["abs(x, y)", 'reward: column 6: expected ), got ","'],
  ["max()", 'reward: column 5: expected a number, a name or (, got ")"'],
  ["max(x", "reward: column 6: expected , or ), got the end"],
  ["abs", `reward: column 1: expected one of ${known}, got "abs"`],
  ["constructor", `reward: column 1: expected one of ${known}, got "constructor"`],
  ["constructor(x)", `reward: column 1: expected one of ${known}, got "constructor"`],
  ["x + \u202ey", 'reward: column 5: expected a number, a name or an operator, got "\\u{202e}"'],
])("%j is refused: %s", (text, message) => {
  expect(refusal(text)).toBe(message);
});

test("texts that are too long or too deep are refused, and none overflows the stack", () => {
  expect(refusal("1".repeat(4001))).toBe("reward: expected at most 4000 characters, got 4001");
  for (const deep of ["(", "-", "!", "abs("])
    expect(refusal(deep.repeat(900))).toMatch(/expected at most 100 brackets within each other/);
  expect(computed(`${"(".repeat(50)}x${")".repeat(50)}`)).toBe(3);
  expect(computed(Array(1500).fill("1").join("+"))).toBe(1500);
});

interface Tree {
  readonly text: string;
  readonly value: number;
}
const operators: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "<": (a, b) => (a < b ? 1 : 0),
  ">=": (a, b) => (a >= b ? 1 : 0),
  "&&": (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  "||": (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
};
const leaf: fc.Arbitrary<Tree> = fc.oneof(
  fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => ({ text: String(value), value })),
  fc.constantFrom(...Object.keys(values)).map((name) => ({ text: name, value: values[name] })),
);
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc
      .tuple(tie("tree"), fc.constantFrom(...Object.keys(operators)), tie("tree"))
      .map(([a, operator, b]) => ({
        text: `(${a.text} ${operator} ${b.text})`,
        value: operators[operator](a.value, b.value),
      })),
    tie("tree").map(({ text, value }) => ({ text: `-${text}`, value: -value })),
    fc.tuple(tie("tree"), tie("tree")).map(([a, b]) => ({
      text: `min(${a.text},${b.text})`,
      value: Math.min(a.value, b.value),
    })),
  ),
}));

describe("any expression", () => {
  property.prop([tree])("has the value of its tree", ({ text, value }) => {
    fc.pre(text.length < 3000);
    expect(computed(text)).toBe(value);
  });

  property.prop([
    fc.array(leaf, { minLength: 2, maxLength: 12 }),
    fc.array(fc.constantFrom("+", "-", "*"), { minLength: 11, maxLength: 11 }),
  ])("binds * before + and -, and goes from left to right", (leaves, signs) => {
    const text = leaves.map((l, i) => (i === 0 ? l.text : `${signs[i - 1]}${l.text}`)).join("");
    let [sum, sign, product] = [0, 1, leaves[0].value];
    let first = true;
    const add = () => {
      sum = first ? product : sign > 0 ? sum + product : sum - product;
      first = false;
    };
    for (let i = 1; i < leaves.length; i++) {
      if (signs[i - 1] === "*") product *= leaves[i].value;
      else {
        add();
        sign = signs[i - 1] === "+" ? 1 : -1;
        product = leaves[i].value;
      }
    }
    add();
    expect(computed(text)).toBe(sum);
  });

  property.prop([fc.string({ maxLength: 60 })])(
    "or a text that is none: a number or one line that points",
    (text) => {
      const message = refusal(text);
      if (message !== "none") expect(message).toMatch(/^reward: column \d+: expected [^\n]+$/);
    },
  );
});
