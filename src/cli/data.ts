/** pigrad data TASK: fetch a real corpus for a text task from the npm registry. */
import { fetchCorpus, sources } from "../node/corpora.ts";
import { only } from "./args.ts";
import { parseOptions } from "./parse.ts";
import { say } from "./stdout.ts";

export const dataHelp = `  pigrad data TASK [--out DIR]
      fetch a text task's real corpus (${Object.keys(sources).join(", ")}) into files (default: data/)`;

export async function dataCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, { out: { type: "string" } });
  const task = only("task", positionals);
  const files = await fetchCorpus(task, values.out ?? "data");
  const sets = Object.entries(files).map(([setting, file]) => `--set ${setting}=${file}`);
  say(`${sources[task].about}\npigrad train ${task} ${sets.join(" ")}\n`);
}
