/**
 * Exports a GPT as one readable JavaScript module without dependencies, like policy-js.ts for policies. It
 * generates tokens one by one with a key/value cache; with a tokenizer, also text.
 */
import { UsageError } from "../core/errors.ts";
import type { Dtype } from "../io/quantize.ts";
import type { Gpt } from "../nn/gpt.ts";
import { gpt2Words } from "../text/bpe.ts";
import type { SavedTokenizer, Tokenizer } from "../text/tokenizer.ts";
import { decoders, weightsSource } from "./weights-js.ts";

export interface GptModuleOptions {
  readonly title?: string;
  /** For `complete`; without one the module takes and returns tokens only. */
  readonly tokenizer?: Tokenizer;
  /** The token that begins every text, and the tokens that end one. */
  readonly begin?: number;
  readonly stop?: readonly number[];
  /** The most tokens to generate; by default as many as fit the context. */
  readonly most?: number;
  /** The weights' dtype. Default "f32". */
  readonly dtype?: Dtype;
}

/** Returns the source of the module and of its types. Throws UsageError for a tokenizer from a tokenizer.json. */
export function gptModule(
  gpt: Gpt,
  { title = "a GPT", tokenizer, begin, stop = [], most, dtype = "f32" }: GptModuleOptions = {},
): { readonly js: string; readonly types: string } {
  const { vocab, context, layers, heads, width, tied, eps } = gpt.options;
  const used = gpt.parameters.list.filter(({ name }) => !name.startsWith("value."));
  const js = [
    `/**`,
    ` * ${title}: a language model trained by pigrad. It needs nothing but JavaScript.`,
    ` *`,
    ` *   generate(tokens)                                 the likeliest tokens that follow, one by one`,
    ` *   generate(tokens, { random: Math.random })         sampled; also temperature, topK, stop and most`,
    ...(tokenizer
      ? [` *   complete(text, options)                          text that follows text`]
      : []),
    ` */`,
    decoders[dtype],
    `const weights = {`,
    ...used.map(({ name, shape, data }) => {
      const outputs = shape.length > 1 ? shape[0] : 0;
      return `  "${name}": ${weightsSource(data, outputs, dtype)},`;
    }),
    `};`,
    `const [vocab, context, layers, heads, width] = [${[vocab, context, layers, heads, width]}];`,
    `const drawn = ${Math.min(vocab, tokenizer?.vocab ?? vocab)}; // ids from here on pad the vocabulary`,
    `const eps = ${eps}; // of layer norms`,
    `const head = weights["${tied ? "wte" : "head"}.weight"];`,
    `const stops = [${stop}];`,
    `const longest = ${most ?? "context"};`,
    inference,
    ...(tokenizer ? [textFunctions(tokenizer.save()), completion(begin)] : []),
  ].join("\n");
  return { js, types: typesOf(title, tokenizer !== undefined) };
}

const inference = `
/** w·x + b, w [outputs, inputs] */
function dense(x, w, b) {
  const y = new Float32Array(w.length / x.length);
  for (let j = 0; j < y.length; j++) {
    let sum = b ? b[j] : 0;
    for (let i = 0; i < x.length; i++) sum += x[i] * w[j * x.length + i];
    y[j] = sum;
  }
  return y;
}
const linear = (x, name) => dense(x, weights[name + ".weight"], weights[name + ".bias"]);
const add = (x, y) => x.map((v, i) => v + y[i]);
function norm(x, name) {
  const mean = x.reduce((sum, v) => sum + v, 0) / width;
  const scale = 1 / Math.sqrt(x.reduce((sum, v) => sum + (v - mean) * (v - mean), 0) / width + eps);
  const [w, b] = [weights[name + ".weight"], weights[name + ".bias"]];
  return x.map((v, i) => (v - mean) * scale * w[i] + b[i]);
}
const gelu = (v) => v / (1 + Math.exp(-2 * 0.7978845608028654 * (v + 0.044715 * v * v * v)));

/** Attends with one query to all positions in the cache, each qkv [3·width]. */
function attend(qkv, kept) {
  const y = new Float32Array(width);
  const size = width / heads;
  for (let at = 0; at < width; at += size) {
    const scores = kept.map((past) => {
      let dot = 0;
      for (let i = at; i < at + size; i++) dot += qkv[i] * past[width + i];
      return dot / Math.sqrt(size);
    });
    const most = scores.reduce((a, b) => Math.max(a, b));
    const chances = scores.map((s) => Math.exp(s - most));
    const total = chances.reduce((a, b) => a + b);
    for (let i = at; i < at + size; i++) {
      let sum = 0;
      for (let t = 0; t < kept.length; t++) sum += chances[t] * kept[t][2 * width + i];
      y[i] = sum / total;
    }
  }
  return y;
}

/** Returns the logits after one more token; kept[layer] has the positions before, and gets this one. */
function step(token, kept) {
  if (!(Number.isInteger(token) && token >= 0 && token < vocab)) throw new RangeError(\`generate: expected tokens below \${vocab}, got \${token}\`);
  const position = kept[0].length;
  const row = (table, i) => weights[table + ".weight"].subarray(i * width, (i + 1) * width);
  let x = add(row("wte", token), row("wpe", position));
  for (let l = 0; l < layers; l++) {
    const qkv = linear(norm(x, \`h.\${l}.ln1\`), \`h.\${l}.attn.qkv\`);
    kept[l].push(qkv);
    x = add(x, linear(attend(qkv, kept[l]), \`h.\${l}.attn.proj\`));
    x = add(x, linear(linear(norm(x, \`h.\${l}.ln2\`), \`h.\${l}.mlp.fc\`).map(gelu), \`h.\${l}.mlp.proj\`));
  }
  return dense(norm(x, "lnf"), head).subarray(0, drawn);
}

/** Draws one of the topK likeliest tokens (0: all), or takes the likeliest. */
function pick(logits, random, temperature, topK) {
  const best = logits.reduce((best, v, i) => (v > logits[best] ? i : best), 0);
  if (!random) return best;
  const least = topK > 0 && topK < drawn ? logits.slice().sort()[drawn - topK] : -Infinity;
  const chances = logits.map((v) => (v < least ? 0 : Math.exp((v - logits[best]) / temperature)));
  let left = random() * chances.reduce((a, b) => a + b);
  for (let i = 0; i < drawn; i++) {
    if (chances[i] > 0 && left < chances[i]) return i;
    left -= chances[i];
  }
  return best;
}

/** Continues the tokens: up to and including one of \`stop\`, to \`most\` tokens, or to a full context. */
export function* generate(tokens, { random, temperature = 1, topK = 0, stop = stops, most = longest } = {}) {
  if (tokens.length < 1 || tokens.length > context) throw new RangeError(\`generate: expected 1 to \${context} tokens, got \${tokens.length}\`);
  const kept = Array.from({ length: layers }, () => []);
  let logits;
  for (const token of tokens) logits = step(token, kept);
  for (let made = 1; made <= most; made++) {
    const token = pick(logits, random, temperature, topK);
    yield token;
    if (stop.includes(token) || kept[0].length === context) return;
    logits = step(token, kept);
  }
}
`;

/** Returns the source of a tokenizer's `encode` and `decode`. */
function textFunctions(saved: SavedTokenizer): string {
  if (saved.kind === "file")
    throw new UsageError(
      "gptModule: expected one of pigrad's own tokenizers, got one of a tokenizer.json",
    );
  if (saved.kind === "characters") return symbolFunctions([...saved.characters]);
  if (saved.kind === "symbols") return symbolFunctions(saved.symbols);
  return saved.kind === "bpe"
    ? byteFunctions(saved.merges, saved.split === "gpt2")
    : byteFunctions([], false);
}

const symbolFunctions = (
  pieces: readonly string[],
): string => `const pieces = ${JSON.stringify(pieces)};
const longestPiece = pieces.reduce((n, piece) => Math.max(n, piece.length), 0);
/** Takes the longest symbol that matches, repeatedly. */
export function encode(text) {
  const ids = [];
  for (let at = 0; at < text.length; at += pieces[ids[ids.length - 1]].length) {
    let id = -1;
    for (let n = Math.min(longestPiece, text.length - at); n > 0 && id < 0; n--) id = pieces.indexOf(text.slice(at, at + n));
    if (id < 0) throw new RangeError(\`encode: no token for \${JSON.stringify(text.slice(at, at + 8))}\`);
    ids.push(id);
  }
  return ids;
}
export const decode = (ids) => ids.map((id) => pieces[id] ?? "").join("");
`;

const byteFunctions = (
  merges: readonly (readonly [number, number])[],
  split: boolean,
): string => `const merges = ${JSON.stringify(merges)};
const expansion = Array.from({ length: 256 }, (_, byte) => [byte]);
for (const [a, b] of merges) expansion.push([...expansion[a], ...expansion[b]]);
function bytes(text) {
  const made = [];
  for (const character of text) {
    const c = character.codePointAt(0);
    const n = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    made.push([0, 0xc0, 0xe0, 0xf0][n] | (c >> (6 * n)));
    for (let i = n - 1; i >= 0; i--) made.push(0x80 | ((c >> (6 * i)) & 63));
  }
  return made;
}
/** Merges byte pairs, the earliest learned first. */
export function encode(text) {
  const words = ${split ? `text.match(${gpt2Words}) ?? []` : `text === "" ? [] : [text]`};
  return words.flatMap((word) => {
    let ids = bytes(word);
    merges.forEach(([a, b], m) => {
      for (let i = 0; i + 1 < ids.length; i++)
        if (ids[i] === a && ids[i + 1] === b) ids.splice(i, 2, 256 + m);
    });
    return ids;
  });
}
/** Decodes UTF-8; bytes that are not well-formed become U+FFFD. */
export function decode(ids) {
  const hex = ids.flatMap((id) => expansion[id] ?? []).map((byte) => "%" + (256 + byte).toString(16).slice(1)).join("");
  return hex.replace(/%[0-7].|%[cd].%[89ab].|%e.(?:%[89ab].){2}|%f.(?:%[89ab].){3}|%../g, (one) => {
    try {
      return decodeURIComponent(one);
    } catch {
      return "\\ufffd";
    }
  });
}
`;

const completion = (
  begin: number | undefined,
): string => `/** Returns text that continues \`text\`. */
export function complete(text, options = {}) {
  const made = [...generate([${begin === undefined ? "" : `${begin}, `}...encode(text)], options)];
  return decode((options.stop ?? stops).includes(made[made.length - 1]) ? made.slice(0, -1) : made);
}
`;

const typesOf = (title: string, withText: boolean): string => `/** ${title} */
export interface GenerateOptions {
  /** Returns uniform numbers in [0, 1), to draw tokens; without it the likeliest is taken. */
  readonly random?: () => number;
  readonly temperature?: number;
  /** The number of likeliest tokens to draw from; 0 for all. */
  readonly topK?: number;
  /** Tokens that end a text, and the most tokens to generate. */
  readonly stop?: readonly number[];
  readonly most?: number;
}
export function generate(tokens: readonly number[], options?: GenerateOptions): Generator<number, void>;
${
  withText
    ? `export function encode(text: string): number[];
export function decode(ids: readonly number[]): string;
export function complete(text: string, options?: GenerateOptions): string;
`
    : ""
}`;
