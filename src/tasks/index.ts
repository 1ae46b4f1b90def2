/** Every task that has a name. */
import { environmentTasks } from "./environments.ts";
import { mujocoTasks } from "./mujoco.ts";
import type { Task } from "./task.ts";
import { languageTasks } from "./text/index.ts";

export const tasks = { ...environmentTasks, ...mujocoTasks, ...languageTasks } satisfies Readonly<
  Record<string, Task>
>;
export type TaskName = keyof typeof tasks;
