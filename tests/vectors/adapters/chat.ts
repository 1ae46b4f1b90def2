/** Tokenizers of model folders, chat templates, and answers of a model to messages. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../../src/core/errors.ts";
import { Random } from "../../../src/core/random.ts";
import { loadModel } from "../../../src/models/load.ts";
import { loadTokenizer } from "../../../src/models/tokenizer.ts";
import { generate } from "../../../src/nn/decode.ts";
import { loadJinja } from "../../../src/node/chat-template.ts";
import { modelFolder } from "../../../src/node/model-folder.ts";
import { ChatTemplate } from "../../../src/text/chat-template.ts";
import { close } from "../compare.ts";
import type { WholeCase } from "../types.ts";
import { eachBackend } from "./hub.ts";

// biome-ignore lint/suspicious/noExplicitAny: cases have whatever form the file gives
type Any = any;

const jinja = await loadJinja();
const loaded = new Map<string, ReturnType<typeof loadTokenizer>>();
function tokenizerIn(folder: string) {
  const known = loaded.get(folder) ?? loadTokenizer(modelFolder(folder));
  loaded.set(folder, known);
  return known;
}

const differs = (got: unknown, want: unknown, what: string): string | null => {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  return a === b ? null : `${what}: want ${b}, got ${a}`;
};

const runTokenizer: WholeCase = (c: Any, { folder }) => {
  const { tokenizer } = tokenizerIn(join(folder, c.folder));
  const { ids, idsWithSpecial, decoded, decodedWithSpecial } = c.expected;
  return (
    differs(tokenizer.encode(c.text, { special: true }), ids, "ids") ??
    differs(tokenizer.encode(c.text, { special: true, around: true }), idsWithSpecial, "around") ??
    differs(tokenizer.decode(ids), decoded, "decoded") ??
    differs(tokenizer.decode(ids, { special: true }), decodedWithSpecial, "decoded with special")
  );
};

let templates: Any = null;
const runTemplate: WholeCase = (c: Any, { folder }) => {
  templates ??= JSON.parse(readFileSync(join(folder, "chat.json"), "utf8")).templates;
  const source = { text: templates[c.template], where: "chat.json" };
  const template = new ChatTemplate(new Map([["default", source]]), jinja);
  const { messages, ...variables } = c.inputs;
  const { text, error, peerText } = c.expected;
  try {
    const got = template.render(messages, variables);
    if (error !== undefined) return `want the error ${error}`;
    return got === (peerText ?? c.peerText) ? null : differs(got, text, "text");
  } catch (thrown) {
    if (!(thrown instanceof FormatError) || error === undefined) throw thrown;
    return differs(thrown.message, `chat.json: ${error}`, "error");
  }
};

const runAnswer: WholeCase = (c: Any, { folder }) =>
  eachBackend((k) => {
    const at = join(folder, c.folder);
    const { model, config } = loadModel(k, modelFolder(at));
    const { tokenizer, templates: sources, tokens } = tokenizerIn(at);
    const template = new ChatTemplate(sources, jinja, tokens);
    const { messages, addGenerationPrompt, maxNewTokens } = c.inputs;
    const prompt = template.render(messages, { add_generation_prompt: addGenerationPrompt });
    const ids = tokenizer.encode(prompt, { special: true });
    const answer = (stop: readonly number[], want: Any): string | null => {
      const [got, logProbs]: number[][] = [[], []];
      for (const step of generate(model, ids, new Random(1), { greedy: true, stop })) {
        got.push(step.token); // the step itself is written over by the next
        logProbs.push(step.logProb);
        if (got.length === maxNewTokens) break;
      }
      const shown = got.filter((token) => !stop.includes(token));
      return (
        differs(got, want.tokens, "tokens") ??
        differs(tokenizer.decode(shown), want.text, "text") ??
        (want.logProbs === undefined ? null : close(logProbs, want.logProbs, c.tol))
      );
    };
    const { expected } = c;
    return (
      differs(prompt, expected.prompt, "prompt") ??
      differs(ids, expected.promptIds, "ids") ??
      answer(config.stop, expected) ??
      answer([], expected.ignoringStop)
    );
  });

export const chat: Record<string, WholeCase> = {
  tokenizer: runTokenizer,
  chatTemplate: runTemplate,
  chatGreedy: runAnswer,
};
