/**
 * The command line, one file per command. Exit codes: 0 done, 1 failed, 2 wrong input, 3 a training stopped
 * because stdout could no longer be written.
 */
import {
  FormatError,
  MemoryError,
  NumericError,
  OwnCodeError,
  SettingError,
  type UnknownNameError,
} from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { unknownName } from "../core/settings.ts";
import { messageOf } from "../core/thrown.ts";
import { sources } from "../node/corpora.ts";
import { isSystemError, systemText } from "../node/system-error.ts";
import { labProblems } from "../oracle/lab.ts";
import { tasks } from "../tasks/index.ts";
import { tieNegatives } from "./args.ts";
import { chatCommand, chatHelp } from "./chat.ts";
import { checkCommand, checkHelp } from "./check.ts";
import type { Command } from "./command.ts";
import { compareCommand, compareHelp } from "./compare.ts";
import { completionCommand, completionHelp, shellNames } from "./completion.ts";
import { dataCommand, dataHelp } from "./data.ts";
import { eloCommand, eloHelp } from "./elo.ts";
import { emitWasmCommand, emitWasmHelp } from "./emit-wasm.ts";
import { evalCommand, evalHelp } from "./eval.ts";
import { explainCommand, explainHelp } from "./explain.ts";
import { exportCommand, exportHelp } from "./export.ts";
import { initCommand, initHelp, templateNames } from "./init.ts";
import { labCommand, labHelp } from "./lab.ts";
import { listCommand, listHelp, listNames } from "./list.ts";
import { didYouMean } from "./nearest.ts";
import { playCommand, playHelp } from "./play.ts";
import { plotCommand, plotHelp } from "./plot.ts";
import { reportCommand, reportHelp } from "./report.ts";
import { sampleCommand, sampleHelp } from "./sample.ts";
import { say } from "./stdout.ts";
import { sweepCommand, sweepHelp } from "./sweep.ts";
import { trainCommand, trainHelp } from "./train.ts";
import { version } from "./version.ts";
import { workerCommand, workerHelp } from "./worker.ts";

const taskNames = Object.keys(tasks);
/** Every command, by name. */
export const commands: Readonly<Record<string, Command>> = {
  train: {
    run: trainCommand,
    help: trainHelp,
    example: "pigrad train cartpole --steps 50000 --set gamma=0.98 --out runs/cart",
    words: taskNames,
  },
  init: {
    run: initCommand,
    help: initHelp,
    example: "pigrad init environment my-game",
    words: templateNames,
  },
  check: {
    run: checkCommand,
    help: checkHelp,
    example: "pigrad check ./gems.ts",
    words: taskNames,
  },
  eval: { run: evalCommand, help: evalHelp, example: "pigrad eval runs/cart --episodes 20" },
  play: {
    run: playCommand,
    help: playHelp,
    example: "pigrad play runs/cart --speed 30",
    words: taskNames,
  },
  elo: { run: eloCommand, help: eloHelp, example: "pigrad elo runs/four --games 100" },
  sample: {
    run: sampleCommand,
    help: sampleHelp,
    example: 'pigrad sample runs/arith --prompt "27+46=" --greedy',
  },
  chat: { run: chatCommand, help: chatHelp, example: "pigrad chat runs/tuned --temperature 0.7" },
  data: {
    run: dataCommand,
    help: dataHelp,
    example: "pigrad data g2p --out data",
    words: Object.keys(sources),
  },
  sweep: {
    run: sweepCommand,
    help: sweepHelp,
    example: "pigrad sweep cartpole --seeds 3 --set learningRate=0.001,0.003",
    words: taskNames,
  },
  worker: {
    run: workerCommand,
    help: workerHelp,
    example: "pigrad worker nats://10.0.0.5:4222 --threads 8",
  },
  compare: { run: compareCommand, help: compareHelp, example: "pigrad compare runs/a runs/b" },
  report: {
    run: reportCommand,
    help: reportHelp,
    example: "pigrad report runs/cart --out report.html",
  },
  explain: {
    run: explainCommand,
    help: explainHelp,
    example: "pigrad explain runs/cart --tree",
  },
  plot: { run: plotCommand, help: plotHelp, example: "pigrad plot runs/cart --svg curve.svg" },
  list: { run: listCommand, help: listHelp, example: "pigrad list cartpole", words: listNames },
  lab: {
    run: labCommand,
    help: labHelp,
    example: "pigrad lab bandit --out lab",
    words: Object.keys(labProblems),
  },
  export: {
    run: exportCommand,
    help: exportHelp,
    example: "pigrad export runs/cart --format js --out policy.mjs",
  },
  "emit-wasm": {
    run: emitWasmCommand,
    help: emitWasmHelp,
    example: "pigrad emit-wasm --out pigrad.wasm",
  },
  completion: {
    run: (args) => completionCommand(args, commands),
    help: completionHelp,
    example: "source <(pigrad completion bash)",
    words: shellNames,
  },
};

const help = (): string => `pigrad: policy-gradient reinforcement learning from scratch

usage:
${Object.values(commands)
  .map((command) => command.help)
  .join("\n")}
  pigrad COMMAND --help    one command's help, with an example
  pigrad --version
`;
const helpOf = (command: Command): string =>
  `usage:\n${command.help}\n\nexample:\n  ${command.example}\n`;

async function dispatch([name, ...args]: string[]): Promise<void> {
  if (name === "--version" || name === "-v") return say(`${version()}\n`);
  const wantsHelp = name === "help" || name === "--help" || name === "-h";
  const commandName = wantsHelp ? args[0] : name;
  if (commandName === undefined) {
    say(help());
    if (!wantsHelp) process.exitCode = 2;
    return;
  }
  if (!Object.hasOwn(commands, commandName))
    throw unknownName("command", commandName, Object.keys(commands));
  const command = commands[commandName];
  if (wantsHelp || args.includes("--help") || args.includes("-h")) say(helpOf(command));
  else await command.run(tieNegatives(args));
}

/** Returns true for an error that the user can fix; any other is a fault of the program. */
const isWrongInput = (error: unknown): boolean =>
  error instanceof SettingError ||
  error instanceof FormatError ||
  error instanceof MemoryError ||
  error instanceof OwnCodeError ||
  isSystemError(error);

/** Runs the command that the arguments name. Sets the process's exit code unless it is 0. */
export async function pigrad(args: readonly string[]): Promise<void> {
  try {
    await dispatch([...args]);
  } catch (error) {
    const wrong = isWrongInput(error);
    const stack = error instanceof Error ? error.stack : undefined; // a fault of the program shows its place
    const details = error instanceof NumericError ? error.message : (stack ?? messageOf(error));
    const { given, known } = (error ?? {}) as Partial<UnknownNameError>;
    const hint =
      wrong && given !== undefined && known !== undefined ? didYouMean(given, known) : "";
    const message = isSystemError(error) ? systemText(error) : messageOf(error).split("\n")[0];
    const text = wrong ? `${message}${hint}` : `failed: ${details}`;
    process.stderr.write(`pigrad: ${printable(text)}\n`);
    process.exitCode = wrong ? 2 : 1;
  }
}
