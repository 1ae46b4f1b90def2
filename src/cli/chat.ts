/** pigrad chat RUN: a conversation with a trained language model. */
import { createInterface } from "node:readline";
import { setImmediate as breathe } from "node:timers/promises";
import { FormatError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { Random } from "../core/random.ts";
import { completing } from "../tasks/text/completing.ts";
import { only, wholeNumber } from "./args.ts";
import { Conversation } from "./conversation.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { openLanguageRun } from "./sample.ts";
import { samplingOf, samplingOptions } from "./sampling-options.ts";
import { say } from "./stdout.ts";

export const chatHelp = `  pigrad chat RUN [--seed N] [--greedy] [--temperature T] [--top-k K] [--top-p P]
               [--best] [--trust-data]
      talk with a run of a text task: each line of stdin is answered, and the conversation is the
      context; its oldest lines go when it outgrows that. /reset begins again, /quit ends`;

const options = {
  ...ownOptions,
  ...samplingOptions,
  best: { type: "boolean" },
  "trust-data": { type: "boolean" },
} as const;

export async function chatCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, options);
  const run = only("run folder", positionals);
  await loadRunFiles([run], values);
  const random = new Random(wholeNumber("seed", values.seed, 0) ?? 1);
  const sampling = samplingOf(values);
  const session = openLanguageRun(run, values);
  const conversation = new Conversation(session);
  const answer = async (isOpen: () => boolean): Promise<void> => {
    const pieces = completing(session, conversation.tokens(), random, sampling);
    let step = pieces.next();
    for (; !step.done; step = pieces.next()) {
      say(step.value);
      await breathe(); // Ctrl-C is heard between tokens
      if (!isOpen()) break;
    }
    say("\n");
    if (step.done) conversation.answer(step.value.tokens);
    else pieces.return({ tokens: [], slid: 0 });
  };
  await talk(conversation, answer);
}

/** Answers lines until there are no more. */
async function talk(
  conversation: Conversation,
  answer: (isOpen: () => boolean) => Promise<void>,
): Promise<void> {
  const { stdin: input, stdout: output } = process;
  const isTerminal = input.isTTY === true && output.isTTY === true;
  const reader = createInterface(isTerminal ? { input, output, prompt: "> " } : { input });
  let open = true;
  reader.once("close", () => {
    open = false;
  });
  if (isTerminal) reader.prompt();
  try {
    for await (const line of reader) {
      if (line === "/quit") break;
      if (line === "/reset") conversation.reset();
      else if (heard(conversation, line)) await answer(() => open || !isTerminal);
      if (isTerminal && open) reader.prompt();
    }
  } finally {
    reader.close();
  }
}

/** Adds a line to the conversation. Returns false, and says why, if the model has no tokens for it. */
function heard(conversation: Conversation, line: string): boolean {
  try {
    conversation.say(line);
    return true;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    process.stderr.write(`pigrad: ${printable(error.message)}\n`);
    return false;
  }
}
