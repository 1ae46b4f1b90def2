/** Policies as JavaScript modules, run by importing them, against the policies they were made from. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { policyModule } from "../../src/export/policy-js.ts";
import { base64 } from "../../src/export/weights-js.ts";
import { exportedPolicies } from "./exported.ts";

interface Module {
  act(observation: ArrayLike<number>, options?: object): number | number[];
  start?(): Float32Array;
}
const folder = mkdtempSync(join(tmpdir(), "pigrad-"));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
function load(js: string): Promise<Module> {
  const file = join(folder, `policy${count++}.mjs`);
  writeFileSync(file, js);
  return import(pathToFileURL(file).href);
}

describe("a policy as a module", () => {
  for (const { name, plan, observe, act } of exportedPolicies()) {
    test(`${name}: acts as the policy does`, async () => {
      const module = await load(policyModule(plan).js);
      const state = module.start?.();
      const observation = new Float32Array(plan.observation.reduce((a, b) => a * b, 1));
      for (let i = 0; i < 200; i++) {
        observe(observation);
        const want = act(observation);
        const got = [module.act(observation, { state })].flat();
        expect(got.length).toBe(want.length);
        got.forEach((a, j) => {
          expect(Math.abs(a - want[j])).toBeLessThan(1e-5);
        });
      }
    });
  }

  test("numbers its choices from the space's start on", async () => {
    const { plan, observe, act } = exportedPolicies()[0];
    const module = await load(
      policyModule({ ...plan, head: { kind: "categorical", choices: [4], start: -2 } }).js,
    );
    const observation = new Float32Array(5);
    for (let i = 0; i < 50; i++) {
      observe(observation);
      expect(module.act(observation)).toBe(act(observation)[0] - 2);
    }
  });

  test("keeps to the mask, drawing or not, and wants one that allows something", async () => {
    const { plan, observe, act } = exportedPolicies()[0];
    const module = await load(policyModule(plan).js);
    const observation = new Float32Array(5);
    const random = new Random(1);
    const uniform = (): number => random.uniform();
    for (let i = 0; i < 200; i++) {
      observe(observation);
      const mask = [0, 1, 2, 3].map(() => random.below(2));
      mask[random.below(4)] = 1;
      expect([module.act(observation, { mask })]).toEqual(act(observation, mask));
      expect(mask[module.act(observation, { mask, random: uniform }) as number]).toBe(1);
    }
    expect(() => module.act(observation, { mask: [0, 0, 0, 0] })).toThrow(/allowed choice/);
    expect(() => module.act([1, 2])).toThrow("act: expected 5 numbers, got 2");
  });

  test("draws actions as often as the policy does", async () => {
    const { plan, observe, actor, act } = exportedPolicies()[0];
    const module = await load(policyModule(plan).js);
    const observation = new Float32Array(5);
    observe(observation);
    act(observation);
    const random = new Random(2);
    const n = 20_000;
    const [ours, theirs] = [new Float64Array(4), new Float64Array(4)];
    for (let i = 0; i < n; i++) {
      actor.act(random);
      ours[actor.action[0]]++;
      theirs[module.act(observation, { random: () => random.uniform() }) as number]++;
    }
    ours.forEach((count, a) => {
      expect(Math.abs(count - theirs[a])).toBeLessThan(4 * Math.sqrt(n / 2));
    });
  });

  test("says its types, and names nothing outside the language", () => {
    for (const { plan } of exportedPolicies()) {
      const { js, types } = policyModule(plan);
      expect(types).toContain("export function act(observation: ArrayLike<number>");
      expect(js.replaceAll(/floats\("[^"]*"\)/g, "")).not.toMatch(
        /import |require|eval|Function\(|console|atob/,
      );
    }
  });
});

test("types, field by field", () => {
  const named = (name: string) => exportedPolicies().find((one) => one.name === name)?.plan;
  const types = (name: string, more = {}): string =>
    policyModule({ ...(named(name) as NonNullable<ReturnType<typeof named>>), ...more }).types;
  const random = `  /** Returns uniform numbers in [0, 1), to draw an action; without it the likeliest is taken. */
  readonly random?: () => number;
`;
  const mask = (sign: string): string => `  /** 1 where a choice is allowed. */
  readonly mask${sign}: ArrayLike<number>;
`;
  const state = `  /** The state from start(), which act writes to. */
  readonly state: Float32Array;
`;
  const text = (title: string, fields: string, rest: string): string =>
    `/** ${title} */\nexport interface ActOptions {\n${random}${fields}}\n${rest}`;
  const act = (sign: string, action: string): string =>
    `export function act(observation: ArrayLike<number>, options${sign}: ActOptions): ${action};\n`;
  expect(types("mlp, tanh")).toBe(text("mlp, tanh", mask("?"), act("?", "number")));
  expect(types("mlp, tanh", { masked: true })).toBe(text("mlp, tanh", mask(""), act("", "number")));
  expect(types("mlp, relu, shared")).toBe(
    text("mlp, relu, shared", mask("?"), act("?", "number[]")),
  );
  expect(types("gaussian")).toBe(text("gaussian", "", act("?", "number[]")));
  expect(types("no hidden layer")).toBe(text("no hidden layer", "", act("?", "number[]")));
  const start = "export function start(): Float32Array;\n";
  expect(types("lstm")).toBe(text("lstm", mask("?") + state, start + act("", "number")));
});

test("names: the actions as a list, the observation in a comment that they cannot end", async () => {
  const found = exportedPolicies().find(({ name }) => name === "mlp, tanh");
  const { plan, observe, act } = found as NonNullable<typeof found>;
  const names = {
    observation: ["*/ throw 1; /*", "b", "c", "d", "e"],
    action: ["l", "r", "u", "d"],
  };
  const { js, types } = policyModule({ ...plan, names });
  const module = await load(js);
  expect((module as unknown as { actions: string[] }).actions).toEqual(names.action);
  expect(types).toContain(`export declare const actions: readonly ["l","r","u","d"];`);
  expect(js).toContain(`"b","c","d","e"]`);
  const observation = new Float32Array(5);
  observe(observation);
  expect([module.act(observation)]).toEqual(act(observation));
  expect(policyModule({ ...plan, names: { observation: null, action: null } })).toEqual(
    policyModule(plan),
  );
});

test("drawn continuous actions have the policy's mean and deviation", async () => {
  const found = exportedPolicies().find(({ name }) => name === "gaussian");
  const { plan, observe, act } = found as NonNullable<typeof found>;
  if (!("logStd" in plan.head)) throw new Error("a head with deviations");
  const wide = {
    ...plan.head,
    low: [-50, -50],
    high: [50, 50],
    logStd: Float64Array.of(0.3, -0.7),
  };
  const module = await load(policyModule({ ...plan, head: wide as never }).js);
  const observation = new Float32Array(5);
  observe(observation);
  act(observation);
  const mean = module.act(observation) as number[];
  const random = new Random(4);
  const n = 4000;
  const drawn = Array.from(
    { length: n },
    () => module.act(observation, { random: () => random.uniform() }) as number[],
  );
  for (const j of [0, 1]) {
    const deviation = Math.exp([0.3, -0.7][j]);
    const own = drawn.reduce((sum, a) => sum + a[j], 0) / n;
    const squares = drawn.reduce((sum, a) => sum + (a[j] - own) ** 2, 0) / n;
    expect(Math.abs(own - mean[j])).toBeLessThan((5 * deviation) / Math.sqrt(n));
    expect(Math.abs(Math.sqrt(squares) / deviation - 1)).toBeLessThan(0.08);
  }
});

describe("a module refuses what would be wrong in silence", () => {
  const named = (start: string) => {
    const found = exportedPolicies().find(({ name }) => name === start);
    if (found === undefined) throw new Error(`no policy ${start}`);
    return found;
  };
  test("a mask of true and false is kept to like one of 1 and 0; NaN allows nothing", async () => {
    const { plan } = named("mlp, tanh");
    const { act } = await load(policyModule(plan).js);
    for (let only = 0; only < 4; only++) {
      const mask = [0, 1, 2, 3].map((i) => i === only);
      expect(act(new Float32Array(5), { mask })).toBe(only);
      expect(act(new Float32Array(5), { mask, random: () => 0.999 })).toBe(only);
    }
    expect(() => act(new Float32Array(5), { mask: Array(4).fill(Number.NaN) })).toThrow(
      "act: expected an allowed choice",
    );
  });
  test("a state of another size, which would make every number NaN", async () => {
    const { plan } = named("lstm");
    const { act, start } = await load(policyModule(plan).js);
    const size = start?.().length ?? 0;
    for (const state of [
      undefined,
      null,
      [],
      new Float32Array(size - 2),
      new Float32Array(size + 2),
    ])
      expect(() => act(new Float32Array(5), { state })).toThrow(
        "act: expected the state that start() gave",
      );
    expect(act(new Float32Array(5), { state: start?.() })).toBeTypeOf("number");
  });
});

test("base64 is the built-in's, whatever the length", () => {
  const random = new Random(3);
  for (let n = 0; n < 8; n++) {
    const x = new Float32Array(n);
    random.fillNormal(x);
    expect(base64(x)).toBe(Buffer.from(x.buffer).toString("base64"));
  }
});

describe("what a module refuses", () => {
  test("NaN and infinite observations", async () => {
    const { plan } = exportedPolicies()[0];
    const module = await load(policyModule(plan).js);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const observation = new Float32Array(5);
      observation[3] = bad;
      expect(() => module.act(observation)).toThrow("act: expected finite numbers");
    }
  });
  test("a forgotten mask where it was trained with masks, and one of another length anywhere", async () => {
    const { plan } = exportedPolicies()[0];
    const masked = await load(policyModule({ ...plan, masked: true }).js);
    const observation = new Float32Array(5);
    expect(() => masked.act(observation)).toThrow("act: expected a mask, as it was trained with");
    expect(masked.act(observation, { mask: [0, 0, 1, 0] })).toBe(2);
    for (const module of [masked, await load(policyModule(plan).js)])
      expect(() => module.act(observation, { mask: [1, 1] })).toThrow("act: expected a mask of 4");
    expect(policyModule({ ...plan, masked: true }).types).toContain("readonly mask: ArrayLike");
  });
  test("a recurrent policy without its state", async () => {
    const recurrent = exportedPolicies().find((one) =>
      one.plan.layers.some(({ kind }) => kind === "lstm"),
    );
    const { plan } = recurrent as NonNullable<typeof recurrent>;
    const module = await load(policyModule(plan).js);
    const size = plan.observation.reduce((a, b) => a * b, 1);
    expect(() => module.act(new Float32Array(size))).toThrow(
      "act: expected the state that start() gave",
    );
    const state = module.start?.() as Float32Array;
    module.act(new Float32Array(size).fill(1), { state });
    expect(state.some((x) => x !== 0)).toBe(true);
  });
});
