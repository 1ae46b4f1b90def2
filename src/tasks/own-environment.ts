/** The user's own environments as tasks: wraps a definition in a `Dynamics` whose errors name the file. */
import { checkFields, listOfTexts } from "../core/definition.ts";
import { OwnCodeError, SettingError } from "../core/errors.ts";
import { messageOf } from "../core/thrown.ts";
import { Dynamics } from "../envs/env.ts";
import { fromGymnasium, type GymnasiumEnv } from "../envs/gymnasium.ts";
import { flatSize, type Space } from "../envs/space.ts";

/** An environment, or a function or class that makes one from the task's settings. */
export type EnvironmentSource =
  | ((values: never) => Dynamics | GymnasiumEnv)
  | (new (
      values: never,
    ) => Dynamics | GymnasiumEnv);

/** Names for people, where the spaces have none. */
export interface SpaceNames {
  /** One per number of an observation. */
  readonly observation?: readonly string[];
  /** One per choice, or per number of an action. */
  readonly action?: readonly string[];
}

const isClass = (f: object): boolean => /^class\b/.test(Function.prototype.toString.call(f));

/** Another copy of pigrad may have made it, so its class does not tell. */
const isDynamics = (env: object): env is Dynamics =>
  env instanceof Dynamics || ["observe", "act", "start"].every((name) => name in env);

const madeBefore = new WeakSet<object>();
/** Numbers of an observation and choices or numbers of an action, by the settings that environments were made with. */
const sizesFor = new WeakMap<object, readonly [observation: number, action: number]>();

/** Throws SettingError for an environment of another size than the first with the same settings. */
function checkSizes({ observationSpace, actionSpace }: Dynamics, values: object, where: string) {
  const sizes = [observationSpace.size, flatSize(actionSpace)] as const;
  const first = sizesFor.get(values) ?? sizes;
  sizesFor.set(values, first);
  for (const [i, what] of ["observations", "actions"].entries())
    if (sizes[i] !== first[i])
      throw new SettingError(
        `${where}: expected environments alike, got ${what} of size ${first[i]} in the first and ${sizes[i]} in a later one`,
      );
}

/** Makes one environment. Throws OwnCodeError, which names `where`, for whatever goes wrong. */
export function makeOwn(
  source: EnvironmentSource,
  values: unknown,
  names: SpaceNames | undefined,
  where: string,
): Dynamics {
  const made = guarded(where, () => {
    const call = source as unknown as (new (
      values: unknown,
    ) => object) &
      ((values: unknown) => object);
    return isClass(source) ? new call(values) : call(values);
  });
  if (typeof made !== "object" || made === null)
    throw new SettingError(
      `${where}: expected environment to return an object, got ${typeof made}`,
    );
  if (madeBefore.has(made))
    throw new SettingError(
      `${where}: expected environment to make a new object at each call, got one of before`,
    );
  madeBefore.add(made);
  if (names !== undefined)
    checkFields(names, { observation: listOfTexts, action: listOfTexts }, `${where}: names`);
  const env = isDynamics(made) ? made : guarded(where, () => fromGymnasium(made as GymnasiumEnv));
  checkSizes(env, values as object, where);
  nameSpace(env, "observationSpace", names?.observation, where);
  nameSpace(env, "actionSpace", names?.action, where);
  const { start, act } = env;
  const namingFile = (error: unknown): never => {
    throw ownError(where, error);
  };
  env.start = () => {
    guarded(where, () => start.call(env));
    env.pending &&= env.pending.catch(namingFile);
  };
  env.act = (actions, at) => {
    try {
      act.call(env, actions, at);
    } catch (error) {
      namingFile(error);
    }
    env.pending &&= env.pending.catch(namingFile);
  };
  return env;
}

/** Returns an error of code that is not ours as an OwnCodeError that names `where`. */
export const ownError = (where: string, error: unknown): OwnCodeError =>
  error instanceof OwnCodeError
    ? error
    : new OwnCodeError(`${where}: ${messageOf(error)}`, { cause: error });

/** Runs code that is not ours; an error of it becomes an OwnCodeError that names `where`. */
export function guarded<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw ownError(where, error);
  }
}

function nameSpace(
  env: Dynamics,
  which: "observationSpace" | "actionSpace",
  names: readonly string[] | undefined,
  where: string,
): void {
  const space: Space = env[which];
  if (names === undefined || space.names !== null) return;
  const count = which === "actionSpace" || space.kind === "discrete" ? flatSize(space) : space.size;
  if (names.length !== count)
    throw new SettingError(`${where}: expected ${count} names for ${which}, got ${names.length}`);
  Object.defineProperty(env, which, { value: { ...space, names } });
}
