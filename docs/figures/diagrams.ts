/** How things lie and move: a tape's slots, a rollout's columns, credit on tokens. Drawn from a real tape, a real scan, a listing. */
import * as pg from "pigrad";
import { credits, signed } from "../examples/book/07-groups.ts";
import { at, picture, textAt, withMinus } from "./svg.ts";

const box = (x: number, y: number, width: number, name: string): string =>
  `<rect class="${name}" x="${at(x)}" y="${at(y)}" width="${at(width)}" height="34" rx="5"/>`;

/** Three runs of a tape: slots that are recorded, and slots whose buffers are used again. */
export function replay(): string {
  const backend = pg.loops(Float64Array);
  const x = pg.variable(backend, [1, 3], [0.1, 0.2, 0.3]);
  const reward = pg.input(backend, [1, 3], [1, 0, 3]);
  const tape = new pg.Tape(backend);
  const gain = (): pg.Tensor => pg.sum(pg.mul(pg.softmax(x), reward));
  const squared = (): pg.Tensor => pg.sum(pg.square(pg.softmax(x)));
  const runs: [string, readonly string[], () => pg.Tensor][] = [
    ["step 1", ["softmax", "product", "sum"], gain],
    ["step 2", ["softmax", "product", "sum"], gain],
    ["another formula", ["softmax", "square", "sum"], squared],
  ];
  const parts: string[] = [];
  for (const [row, [title, ops, body]] of runs.entries()) {
    const before = tape.recorded;
    tape.run(body);
    const fresh = tape.recorded - before; // the tail from the first slot that differs
    const y = 44 + 62 * row;
    parts.push(textAt(16, y + 22, title, 'class="title"'));
    for (const [slot, op] of ops.entries()) {
      const left = 150 + 150 * slot;
      const isFresh = slot >= ops.length - fresh;
      parts.push(
        box(left, y, 130, "box"),
        textAt(left + 10, y + 22, `${slot}: ${op}`, isFresh ? 'class="f2"' : 'class="f3"'),
      );
    }
    const said = fresh === 0 ? "all replayed" : `${fresh} recorded`;
    parts.push(textAt(612, y + 22, said, 'class="soft"'));
  }
  const key = textAt(150, 24, "recorded: new buffers", 'class="f2"');
  return picture(
    720,
    230,
    "Slots of a tape in three runs",
    [key, textAt(330, 24, "replayed: the same buffers, new numbers", 'class="f3"'), ...parts].join(
      "\n",
    ),
  );
}

/** Columns of a rollout, [steps, envs], as they lie in memory, with generalized advantages on them. */
export function columns(): string {
  const [steps, envs] = [5, 4];
  const n = steps * envs;
  const fill = (value: number): Float64Array => new Float64Array(n).fill(value);
  const [reward, value, nextValue] = [fill(1), fill(2), fill(2)];
  const [terminated, truncated, advantage] = [fill(0), fill(0), fill(0)];
  terminated[2 * envs + 1] = 1; // step 2 of environment 1
  truncated[3 * envs + 2] = 1;
  const data = { envs, reward, value, nextValue, terminated, truncated };
  pg.gae(advantage, data, 0.9, 0.5);
  const parts: string[] = [];
  for (let env = 0; env < envs; env++)
    parts.push(textAt(150 + 120 * env, 24, `environment ${env}`, 'class="soft"'));
  for (let i = 0; i < n; i++) {
    const [step, env] = [Math.floor(i / envs), i % envs];
    const [x, y] = [130 + 120 * env, 36 + 46 * step];
    if (env === 0) parts.push(textAt(16, y + 22, `step ${step}`, 'class="soft"'));
    const end = terminated[i] === 1 ? "f2" : truncated[i] === 1 ? "f4" : "";
    parts.push(box(x, y, 104, "box"));
    parts.push(textAt(x + 8, y + 22, `${i}`, 'class="soft"'));
    parts.push(textAt(x + 44, y + 22, withMinus(advantage[i].toFixed(3)), `class="${end}"`));
    const goesOn = step < steps - 1 && end === "";
    if (goesOn) parts.push(`<path class="edge" d="M${x + 52} ${y + 46}v-11m-4 5l4 -5l4 5"/>`);
  }
  parts.push(
    textAt(130, 286, "terminated", 'class="f2"'),
    textAt(230, 286, "truncated", 'class="f4"'),
  );
  parts.push(textAt(330, 286, "boxes: number, Â; arrows: next Â is used", 'class="soft"'));
  return picture(630, 300, "A rollout's columns, [steps, envs], with advantages", parts.join("\n"));
}

/** Digits of answers with their credit, of the group's estimate and exact: a bar up or down from the middle. */
export function credit(): string {
  const parts: string[] = [];
  const panels = ["GRPO: the same for all digits", "exact: what each digit changed"];
  for (const [i, title] of panels.entries())
    parts.push(textAt(80 + 310 * i, 24, title, 'class="title"'));
  for (const [row, { answer, group, exact }] of credits.entries()) {
    const y = 42 + 60 * row;
    parts.push(textAt(16, y + 27, row === 0 ? "right" : "wrong", 'class="soft"'));
    for (const [panel, values] of [[group, group], exact].entries())
      for (const [place, value] of values.entries()) {
        const x = 80 + 310 * panel + 130 * place;
        const height = 15 * Math.abs(value);
        const bar = `x="${x + 34}" y="${at(value < 0 ? y + 22 : y + 22 - height)}" width="22" height="${at(height)}"`;
        parts.push(
          textAt(x, y + 27, answer[place], 'class="mono title"'),
          `<path class="edge" d="M${x + 28} ${y + 22}h34"/>`,
          `<rect class="${value < 0 ? "f2" : "f3"}" ${bar}/>`,
          textAt(x + 70, y + 27, withMinus(signed(value)), 'class="soft"'),
        );
      }
  }
  return picture(690, 270, "Credit of each digit of four answers to 3 + 4", parts.join("\n"));
}
