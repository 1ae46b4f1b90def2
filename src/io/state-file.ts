/**
 * Serializes a state as one safetensors file. Each list is a tensor, named by its path; Float32Array keeps its
 * type, everything else is float64, so that a state is restored bit for bit.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { isNumbers, type State } from "../core/state.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./safetensors.ts";

/** Returns the bytes of a state, with text metadata. */
export function encodeState(
  state: State,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const tensors: NamedTensor[] = [];
  const walk = (name: string, part: State): void => {
    if (part === null) return;
    if (typeof part === "number") tensors.push({ name, shape: [], data: Float64Array.of(part) });
    else if (isNumbers(part)) {
      const data = part instanceof Float32Array ? part : Float64Array.from(part);
      tensors.push({ name, shape: [data.length], data });
    } else {
      for (const [key, value] of Object.entries(part))
        walk(name === "" ? key : `${name}/${key}`, value);
    }
  };
  walk("", state);
  return encodeSafetensors(tensors, metadata);
}

const deepest = 32; // parts of a name

/** Reads a saved state; lists are Float32Array or number[]. */
export function decodeState(file: Uint8Array): {
  state: State;
  metadata: ReadonlyMap<string, string>;
} {
  const { tensors, others, metadata } = decodeSafetensors(file);
  for (const [name, dtype] of others)
    throw new FormatError(`state: expected floating-point numbers as "${name}", got ${dtype}`);
  const root = new Map<string, unknown>();
  for (const [name, { shape, data }] of tensors) {
    const path = name.split("/", deepest + 1);
    if (path.length > deepest)
      throw new FormatError(`state: ${brief(name)} has more than ${deepest} parts`);
    let part = root;
    for (const key of path.slice(0, -1)) {
      const next = part.get(key) ?? new Map<string, unknown>();
      if (!(next instanceof Map)) throw new FormatError(`state: ${brief(name)} lies inside a list`);
      part.set(key, next);
      part = next;
    }
    const leaf = data instanceof Float32Array ? data : Array.from(data);
    part.set(path[path.length - 1], shape.length === 0 ? data[0] : leaf);
  }
  return { state: plain(root) as State, metadata };
}

/** Converts maps to objects, or to lists where the keys are 0, 1, 2, … */
function plain(part: unknown): unknown {
  if (!(part instanceof Map)) return part;
  const list = Array.from({ length: part.size }, (_, i) => part.get(String(i)));
  if (part.size > 0 && !list.includes(undefined)) return list.map(plain);
  return Object.fromEntries([...part].map(([key, value]) => [key, plain(value)]));
}
