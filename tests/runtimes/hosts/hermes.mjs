/** Hermes 0.12, which knows neither classes nor modules: the program lowered by Babel. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, program] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { transformSync } = require("@babel/core");
const lowered = transformSync(readFileSync(program, "utf8"), {
  presets: [[require.resolve("@babel/preset-env"), { targets: { ie: "11" }, modules: false }]],
  configFile: false,
  babelrc: false,
  compact: true,
});
const file = `${folder}/lowered.tmp.js`;
writeFileSync(file, lowered.code);
const binary = `${folder}/node_modules/hermes-engine-cli/linux64-bin/hermes`;
const { status, stdout, stderr } = spawnSync(binary, ["-w", file], { encoding: "utf8" });
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = status ?? 1;
