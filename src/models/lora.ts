/**
 * Low-rank adapters: Hu et al. 2021, arXiv:2106.09685. A linear layer y = x·Wᵀ + b becomes
 * y = x·Wᵀ + b + scale·(x·Aᵀ)·Bᵀ with A [rank, in] and B [out, rank]; W and b stay as they are. B begins as zeros, so
 * that training begins at the base. `scale` is alpha/rank, or alpha/√rank where rank-stabilized (Kalajdzievski 2023,
 * arXiv:2312.03732). Names and A's initial distribution are those of peft.
 */
import { SettingError, UsageError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Parameter, Shape, Tensor } from "../core/tensor.ts";
import { kaimingUniform } from "../nn/init.ts";
import { changeTwins } from "../nn/twin.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { linear } from "../ops/matmul.ts";
import { activated, type HubModel, type Layer, layersOf } from "./layers.ts";
import { LoraDropout } from "./lora-dropout.ts";

export interface LoraOptions {
  readonly rank: number;
  readonly alpha: number;
  /** Scales by alpha/√rank in place of alpha/rank. Default false. */
  readonly rankStabilized?: boolean;
  /** The share of a layer's inputs that A does not see in training (peft's lora_dropout). Default 0. */
  readonly dropout?: number;
  /** Names of layers, such as "q_proj" or "c_attn", as the ends of their full names; or all layers of the blocks. */
  readonly targets: readonly string[] | "all-linear";
}

const mostRank = 2 ** 16;

/** One layer's adapter. */
export interface Adapter {
  /** The layer's name in the hub's files. */
  readonly module: string;
  /** [out, in] */
  readonly weight: Tensor;
  readonly a: Parameter;
  readonly b: Parameter;
}

/** Returns the names and shapes of a layer's A and B. */
function shapesOf(module: string, { weight }: Layer, rank: number) {
  const [outputs, inputs] = weight.shape;
  const name = `base_model.model.${module}`;
  return [
    [`${name}.lora_A.weight`, [rank, inputs]],
    [`${name}.lora_B.weight`, [outputs, rank]],
  ] as const;
}

/** Returns the shape of each tensor of a model's adapter, by name. Throws SettingError for an unknown target. */
export const adapterShapes = (
  model: HubModel,
  { rank, targets }: LoraOptions,
): ReadonlyMap<string, Shape> =>
  new Map(
    chosen(layersOf(model), targets).flatMap(([module, layer]) => shapesOf(module, layer, rank)),
  );

/**
 * Adapts layers of a model that was loaded `frozen`: adds A and B of each to the model's parameters, which are then
 * what an optimizer trains.
 */
export class Lora {
  readonly model: HubModel;
  readonly options: LoraOptions;
  readonly scale: number;
  readonly adapters: readonly Adapter[];
  /** Switched on by `dropout.begin` before a training pass and off by `dropout.end`; it begins switched off. */
  readonly dropout: LoraDropout;
  /**
   * Switches the adapter on and off; off, the model is the base bit for bit. A tape that runs its body again follows;
   * a Decoder, which replays, does not: make another one after switching.
   */
  enabled = true;

  /**
   * Throws SettingError for a rank or alpha that is not positive, and for a target that no layer has; UsageError for a
   * model whose weights are not frozen.
   */
  constructor(model: HubModel, options: LoraOptions, random: Random) {
    const { rank, alpha, rankStabilized = false, dropout = 0 } = options;
    if (!(Number.isInteger(rank) && rank >= 1 && rank <= mostRank))
      throw new SettingError(
        `lora: expected a rank that is a whole number from 1 to ${mostRank}, got ${rank}`,
      );
    if (!(alpha > 0 && alpha < Infinity))
      throw new SettingError(`lora: expected an alpha above 0, got ${alpha}`);
    if (!(dropout >= 0 && dropout < 1))
      throw new SettingError(`lora: expected a dropout from 0 to below 1, got ${dropout}`);
    if (model.parts.weights === model.parameters)
      throw new UsageError(
        "lora: expected a model with frozen weights, such as of loadModel with frozen",
      );
    this.model = model;
    this.options = options;
    this.dropout = new LoraDropout(model.parameters.backend, dropout);
    this.scale = alpha / (rankStabilized ? Math.sqrt(rank) : rank);
    this.adapters = chosen(layersOf(model), options.targets).map(([module, layer]) =>
      this.adapt(module, layer, random),
    );
    changeTwins(model, (twin) => new Lora(twin, options, new Random(0)));
  }

  private adapt(module: string, layer: Layer, random: Random): Adapter {
    const { rank } = this.options;
    const { parameters } = this.model;
    const [[nameA, shapeA], [nameB, shapeB]] = shapesOf(module, layer, rank);
    // uniform in ±1/√in
    const initial = kaimingUniform(1 / Math.sqrt(3))(random, shapeA);
    const a = parameters.add(nameA, shapeA, initial);
    const b = parameters.add(nameB, shapeB);
    const base = layer.forward.bind(layer);
    const drop = this.dropout.layer();
    layer.forward = (x, activation = "none") => {
      if (!this.enabled) return base(x, activation);
      const y = add(base(x, "none"), mul(linear(linear(drop(x), a), b), this.scale));
      return activated(y, activation);
    };
    return { module, weight: layer.weight, a, b };
  }

  /**
   * Adds scale·B·A to the base's weights and switches the adapter off, for good: the base is changed. Throws UsageError
   * for an adapter that is off, and for weights that are kept in fewer bits than floats, which would round the sum.
   */
  merge(): void {
    if (!this.enabled)
      throw new UsageError("lora: expected an adapter that is switched on, to merge it");
    for (const { weight, a, b } of this.adapters) {
      const merged = mergedWeight({ weight, a, b }, this.scale);
      weight.data.set(merged);
    }
    this.enabled = false;
  }
}

/** Returns W + scale·B·A [out, in], summed in float64. */
export function mergedWeight(
  { weight, a, b }: Pick<Adapter, "weight" | "a" | "b">,
  scale: number,
): Float64Array {
  const [outputs, inputs] = weight.shape;
  const rank = a.shape[0];
  const merged = Float64Array.from(weight.data);
  for (let o = 0; o < outputs; o++)
    for (let r = 0; r < rank; r++)
      for (let i = 0; i < inputs; i++)
        merged[o * inputs + i] += scale * b.data[o * rank + r] * a.data[r * inputs + i];
  return merged;
}

/** Returns the layers that the targets name. Throws SettingError for a target without a layer. */
function chosen(
  layers: ReadonlyMap<string, Layer>,
  targets: LoraOptions["targets"],
): (readonly [string, Layer])[] {
  if (targets === "all-linear") return [...layers];
  if (!Array.isArray(targets) || targets.length === 0)
    throw new SettingError('lora: expected targets as names of layers or "all-linear", got none');
  const isOf = (target: string, module: string): boolean =>
    module === target || module.endsWith(`.${target}`);
  for (const target of targets) {
    if ([...layers.keys()].some((module) => isOf(target, module))) continue;
    const known = new Set([...layers.keys()].map((module) => module.replace(/^.*\./, "")));
    throw new SettingError(
      `lora: expected targets of ${[...known].join(", ")}, got ${JSON.stringify(target)}`,
    );
  }
  return [...layers].filter(([module]) => targets.some((target) => isOf(target, module)));
}
