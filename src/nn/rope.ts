/** Angles of rotary position embeddings, with the scalings that Llama's configs name. */
import { SettingError } from "../core/errors.ts";
import { cos, pow, sin } from "../core/math.ts";

/** Frequencies as in Su et al. 2021, or scaled for contexts longer than those trained on. */
export type RopeScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalContext: number;
    };
export interface Rope {
  /** The base of the frequencies, rope_theta. */
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/** Returns the angle per position of each of a head's D/2 pairs: theta^(−2j/D), scaled. */
export function frequencies(D: number, { theta, scaling }: Rope): Float64Array {
  return Float64Array.from({ length: D / 2 }, (_, j) =>
    scaled(1 / pow(theta, (2 * j) / D), scaling),
  );
}

/**
 * Llama 3.1's rule, as in transformers' modeling_rope_utils: wavelengths below originalContext/highFreqFactor stay,
 * those above originalContext/lowFreqFactor are divided by the factor, and those between are interpolated.
 */
function scaled(frequency: number, scaling: RopeScaling): number {
  if (scaling.type === "default") return frequency;
  if (scaling.type === "linear") return frequency / scaling.factor;
  const { factor, lowFreqFactor: low, highFreqFactor: high, originalContext } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalContext / high) return frequency;
  if (wavelength > originalContext / low) return frequency / factor;
  const smooth = (originalContext / wavelength - low) / (high - low);
  return frequency * ((1 - smooth) / factor + smooth);
}

/**
 * Returns a table [context, D] for `rotate`: each position's D/2 cosines, then its D/2 sines. Throws SettingError for
 * an odd D.
 */
export function rotaryTable(context: number, D: number, rope: Rope): Float64Array {
  if (D % 2 !== 0) throw new SettingError(`rope: expected an even width per head, got ${D}`);
  const table = new Float64Array(context * D);
  const angles = frequencies(D, rope);
  for (let t = 0; t < context; t++) {
    for (let j = 0; j < D / 2; j++) {
      table[t * D + j] = cos(t * angles[j]);
      table[t * D + D / 2 + j] = sin(t * angles[j]);
    }
  }
  return table;
}
