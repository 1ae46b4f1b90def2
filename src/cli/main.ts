#!/usr/bin/env node
/** The command line: one command a file. Exit codes: 0 done, 1 failed, 2 wrong input. */
import { FormatError, NumericError, SettingError } from "../core/errors.ts";
import { tieNegatives } from "./args.ts";
import { compareCommand, compareHelp } from "./compare.ts";
import { dataCommand, dataHelp } from "./data.ts";
import { emitWasmCommand, emitWasmHelp } from "./emit-wasm.ts";
import { evalCommand, evalHelp } from "./eval.ts";
import { exportCommand, exportHelp } from "./export.ts";
import { labCommand, labHelp } from "./lab.ts";
import { listCommand, listHelp } from "./list.ts";
import { plotCommand, plotHelp } from "./plot.ts";
import { reportCommand, reportHelp } from "./report.ts";
import { sampleCommand, sampleHelp } from "./sample.ts";
import { sweepCommand, sweepHelp } from "./sweep.ts";
import { trainCommand, trainHelp } from "./train.ts";

const help = `pigrad: policy-gradient reinforcement learning from scratch

usage:
${trainHelp}
${evalHelp}
${sampleHelp}
${dataHelp}
${sweepHelp}
${compareHelp}
${reportHelp}
${plotHelp}
${listHelp}
${labHelp}
${exportHelp}
${emitWasmHelp}
`;

const commands: Readonly<Record<string, (args: string[]) => Promise<void> | void>> = {
  train: trainCommand,
  eval: evalCommand,
  sweep: sweepCommand,
  compare: compareCommand,
  report: reportCommand,
  plot: plotCommand,
  list: listCommand,
  lab: labCommand,
  export: exportCommand,
  "emit-wasm": emitWasmCommand,
  sample: sampleCommand,
  data: dataCommand,
};

async function main([name, ...args]: string[]): Promise<void> {
  if (
    name === undefined ||
    name === "help" ||
    [name, ...args].includes("--help") ||
    name === "-h"
  ) {
    process.stdout.write(help);
    if (name === undefined) process.exitCode = 2;
    return;
  }
  if (!Object.hasOwn(commands, name)) {
    throw new SettingError(
      `unknown command "${name}"; allowed: ${Object.keys(commands).join(", ")}`,
    );
  }
  await commands[name](tieNegatives(args));
}

/** Input that the person at the keyboard can mend, as against a fault of the program. */
function isWrongInput(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  const system = [
    "ENOSPC",
    "EACCES",
    "EROFS",
    "ENOTDIR",
    "EEXIST",
    "EISDIR",
    "EPERM",
    "EDQUOT",
    "EFBIG",
    "EADDRINUSE",
  ];
  return (
    error instanceof SettingError ||
    error instanceof FormatError ||
    code.startsWith("ERR_PARSE_ARGS") ||
    system.includes(code)
  );
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0); // the reader has gone, as in `pigrad list | head`
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  const wrong = isWrongInput(error);
  const { message = String(error), stack } = error as Error;
  const said = error instanceof NumericError ? message : (stack ?? message); // a fault shows where it is
  process.stderr.write(wrong ? `pigrad: ${message.split("\n")[0]}\n` : `pigrad: failed: ${said}\n`);
  process.exitCode = wrong ? 2 : 1;
}
