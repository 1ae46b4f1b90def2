// @module-tag deep
/** pigrad init: every template as a person would use it, with pigrad linked in place of installed. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { templateNames } from "../../src/cli/init.ts";
import { node, pigrad, temporary, tsx } from "../support/pigrad.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const at = temporary();
const { version, files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const run = (cwd: string, args: readonly string[]) =>
  promisify(execFile)(process.execPath, args, { cwd, timeout: 120_000 });

beforeAll(() => {
  const pack = at("node_modules", "pigrad");
  mkdirSync(pack, { recursive: true });
  writeFileSync(join(pack, "package.json"), '{ "type": "module", "exports": "./index.js" }');
  const source = JSON.stringify(join(root, "src/index.ts"));
  writeFileSync(join(pack, "index.js"), `export * from ${source};\n`);
});

/** Runs a script of a template's package.json, with more arguments. */
async function script(folder: string, name: string, ...more: string[]): Promise<string> {
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const [program, ...args] = [...scripts[name].split(" "), ...more];
  const command = program === "pigrad" ? node : tsx;
  expect(["pigrad", "node"]).toContain(program);
  const { stdout, stderr } = await run(folder, [...command, ...args]);
  expect(stderr, `${folder} ${name}`).toBe("");
  return stdout;
}

describe.each(templateNames)("the template %s", (template) => {
  const folder = at(`My ${template}`);

  test("is written whole, by the folder's name and with this version", async () => {
    const { stdout, stderr } = await pigrad("init", template, folder);
    expect(stderr).toBe("");
    const names = readdirSync(join(root, "templates", template));
    expect(readdirSync(folder).sort()).toEqual(names.sort());
    for (const name of names) expect(stdout).toContain(join(folder, name));
    const { name, dependencies, type } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    );
    expect([name, type]).toEqual([`my-${template}`, "module"]);
    expect(dependencies).toEqual({ pigrad: `^${version}` });
    expect(readFileSync(join(folder, "README.md"), "utf8").split("\n").length).toBeLessThan(12);
  });

  test("passes its check and its test, and trains", {
    timeout: 300_000,
    tags: template === "text" ? [] : ["long"],
  }, async () => {
    const checked = await script(folder, "check");
    expect(checked).toMatch(template === "algorithm" ? /ranks .*\d/ : /all is well/);
    expect(await script(folder, "test")).toMatch(/^# pass [1-9]\d*\n# fail 0$/m);
    const less = template === "text" ? ["--set", "sftUpdates=20"] : [];
    const trained = await script(folder, "train", "--steps", "1000", ...less);
    expect(trained).toContain("saved to runs/first");
    const next = template === "text" ? ["sample"] : ["play", "--episodes", "1"];
    const { stderr } = await run(folder, [...node, ...next, "runs/first"]);
    expect(stderr).toBe("");
  });
});

test("the templates' types fit pigrad's", { timeout: 120_000 }, async () => {
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      allowJs: true,
      checkJs: true,
      typeRoots: [join(root, "node_modules/@types")],
      paths: { pigrad: [join(root, "src/index.ts")] },
    },
    include: [join(root, "templates/*/*.js")],
  };
  writeFileSync(at("tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules/@typescript/native/bin/tsc");
  const said = await run(root, [tsc, "-p", at("tsconfig.json")]).catch((error) => error);
  expect(said.stdout).toBe("");
});

test("the package has the templates", () => {
  expect(files).toContain("templates");
  expect(readdirSync(join(root, "templates")).sort()).toEqual([...templateNames].sort());
});

test.each([
  [["init"], /expected one of environment, text, algorithm and a folder, got none/],
  [["init", "text", "a", "b"], /got text a b/],
  [["init", "enviroment", at("x")], /did you mean "environment"\?/],
  [["init", "text", at("node_modules")], /expected an empty folder, or none; it has files/],
])("%j is refused in one line", async (args, message) => {
  const { stderr, status } = await pigrad(...args);
  expect(stderr).toMatch(message);
  expect([stderr.trimEnd().split("\n").length, status]).toEqual([1, 2]);
});
