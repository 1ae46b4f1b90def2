/** The post-processors of a tokenizer.json: which special tokens stand around a text. */
import { brief } from "../../core/printable.ts";
import { checkFields, isId, isObject, type Json, type Maker, stepsOf, wrong } from "./fields.ts";

type Ids = readonly number[];
export type PostProcess = (ids: Ids) => Ids;

const flags = ["trim_offsets", "add_prefix_space"]; // of places in the text, which nothing here gives
const kinds: Readonly<Record<string, Maker<PostProcess>>> = {
  ByteLevel: { fields: [...flags, "use_regex"], make: () => (ids) => ids },
  TemplateProcessing: { fields: ["single", "pair", "special_tokens"], make: template },
  BertProcessing: { fields: ["sep", "cls"], make: between },
  RobertaProcessing: { fields: ["sep", "cls", ...flags], make: between },
};

/** Returns the text between cls and sep. */
function between(object: Json, where: string): PostProcess {
  const [before, after] = ["cls", "sep"].map((name): number => {
    const pair = object[name];
    if (Array.isArray(pair) && pair.length === 2 && isId(pair[1])) return pair[1];
    throw wrong(`${where}: expected ${name} to be a token and its id, got ${brief(pair)}`);
  });
  return (ids) => [before, ...ids, after];
}

/** Returns what `single` lists in turn: special tokens, and the text. */
function template(object: Json, where: string): PostProcess {
  const { single, special_tokens: specials } = object;
  if (!Array.isArray(single)) throw wrong(`${where}: expected single to be a list`);
  const parts = single.map((part, i): Ids | "text" => {
    const [kind, value] = isObject(part) ? (Object.entries(part)[0] ?? []) : [];
    const id = isObject(value) ? value.id : undefined;
    if (isObject(value)) checkFields(`${where}.single[${i}].`, value, ["id", "type_id"]);
    if (kind === "Sequence" && id === "A") return "text";
    if (kind === "SpecialToken" && typeof id === "string") return idsOf(specials, id, where);
    throw wrong(`${where}: expected a SpecialToken or the Sequence A in single[${i}]`);
  });
  if (parts.filter((part) => part === "text").length !== 1)
    throw wrong(`${where}: expected the Sequence A once in single`);
  return (ids) => parts.flatMap((part) => (part === "text" ? ids : part));
}

function idsOf(specials: unknown, name: string, where: string): Ids {
  const entry = isObject(specials) && Object.hasOwn(specials, name) ? specials[name] : null;
  const ids = isObject(entry) ? entry.ids : null;
  if (Array.isArray(ids) && ids.every(isId)) return ids;
  throw wrong(`${where}: expected special_tokens to have ids of ${brief(name)}`);
}

/** Returns the function of a post_processor field. Throws FormatError that names what is not supported. */
export function postProcessorOf(given: unknown): PostProcess {
  const steps = stepsOf(given, { where: "post_processor", list: "processors", kinds });
  return (ids) => steps.reduce((made, step) => step(made), ids);
}
