/** Actions in an environment's own form: a dictionary or tuple of spaces acts as one flat space of choices or numbers. */
import { SettingError } from "../core/errors.ts";
import { box, type Dict, multiDiscrete, type Space } from "./space.ts";

type Flat = Exclude<Space, Dict>;

export interface ActionForm {
  /** The space that a policy acts in. */
  readonly space: Flat;
  /** Returns the action at actions[at …] as the environment takes it: a number, a list, or values by name. */
  readonly value: (actions: ArrayLike<number>, at: number) => unknown;
}

/** Returns the form of an action space. Throws SettingError for a dictionary that mixes choices and numbers. */
export function actionForm(space: Space): ActionForm {
  if (space.kind === "discrete") return { space, value: (actions, at) => actions[at] };
  if (space.kind !== "dict")
    return {
      space,
      value: (actions, at) => Array.from({ length: space.size }, (_, i) => actions[at + i]),
    };
  const parts = space.parts.map(({ name, space: part }) => ({ name, form: actionForm(part) }));
  const { isTuple = false } = space;
  return {
    space: joined(parts),
    value(actions, at) {
      const values = parts.map(({ name, form }) => {
        const { space: part } = form;
        const own = Array.from({ length: part.size }, (_, i) => startOf(part, i) + actions[at + i]);
        at += form.space.size;
        return [name, form.value(own, 0)] as const;
      });
      return isTuple ? values.map(([, value]) => value) : Object.fromEntries(values);
    },
  };
}

function joined(parts: readonly { readonly name: string; readonly form: ActionForm }[]): Flat {
  const spaces = parts.map(({ form }) => form.space);
  const names = parts.flatMap(({ name, form }) => namesOf(name, form.space));
  if (spaces.every((space) => space.kind === "box"))
    return box({
      low: spaces.flatMap((space) => Array.from(space.low)),
      high: spaces.flatMap((space) => Array.from(space.high)),
      names,
    });
  const choices = spaces.flatMap(choicesOf);
  if (spaces.some((space) => space.kind === "box"))
    throw new SettingError(
      "actionSpace: expected a Dict or Tuple of choices alone, or of boxes alone, got both",
    );
  let end = 0;
  return multiDiscrete(
    choices.map((n) => {
      end += n;
      return names.slice(end - n, end);
    }),
  );
}

function choicesOf(space: Flat): readonly number[] {
  if (space.kind === "discrete") return [space.n];
  return space.kind === "multiDiscrete" ? space.choices : new Array<number>(space.size).fill(2);
}

/** The number of the first option of the i-th choice; in the joined space all begin at 0. */
function startOf(space: Flat, i: number): number {
  if (space.kind === "discrete") return space.start;
  return space.kind === "multiDiscrete" ? space.start[i] : 0;
}

/** One name per number of a box, or per choice. */
function namesOf(name: string, space: Flat): string[] {
  if (space.kind === "box")
    return Array.from({ length: space.size }, (_, i) =>
      space.size === 1 && space.names === null ? name : `${name} ${space.names?.[i] ?? i}`,
    );
  const many = choicesOf(space).flatMap((n, i) =>
    Array.from({ length: n }, (_, k) => {
      const option = startOf(space, i) + k;
      return space.size > 1 ? `${i} ${option}` : String(option);
    }),
  );
  const own = space.kind === "multiBinary" ? null : space.names;
  return many.map((label, i) => `${name} ${own?.[i] ?? label}`);
}
