/** pigrad init TEMPLATE: a small project that works: a task or an estimator, its test, and the commands to train it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { SettingError } from "../core/errors.ts";
import { unknownName } from "../core/settings.ts";
import { makeFolder, writeAtomically } from "../node/files.ts";
import { parseOptions } from "./parse.ts";
import { say } from "./stdout.ts";
import { packageFile, version } from "./version.ts";

export const templateNames = ["environment", "text", "algorithm"] as const;

export const initHelp = `  pigrad init ${templateNames.join("|")} [DIR]
      write a small project of your own into an empty folder (default my-TEMPLATE): a file that trains,
      a test that node runs, and a README with the commands`;

export function initCommand(args: string[]): void {
  const { positionals } = parseOptions(args, {});
  const [template, folder = `my-${template}`, ...more] = positionals;
  const known = templateNames.some((name) => name === template);
  if (template !== undefined && !known) throw unknownName("template", template, templateNames);
  if (template === undefined || more.length > 0)
    throw new SettingError(
      `expected one of ${templateNames.join(", ")} and a folder, got ${positionals.join(" ") || "none"}`,
    );
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new SettingError(`${folder}: expected an empty folder, or none; it has files`);
  makeFolder(folder);
  const from = packageFile(`templates/${template}/`);
  for (const name of readdirSync(from)) {
    const text = readFileSync(new URL(name, from), "utf8");
    writeAtomically(join(folder, name), name === "package.json" ? manifest(text, folder) : text);
    say(`${join(folder, name)}\n`);
  }
  say(`next: cd ${folder} && npm install && npm test\n`);
}

/** Returns a template's package.json with the folder's name and this version of pigrad. */
function manifest(text: string, folder: string): string {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const template = JSON.parse(text);
  const own = {
    ...template,
    name: name || template.name,
    dependencies: { pigrad: `^${version()}` },
  };
  return `${JSON.stringify(own, null, 2)}\n`;
}
