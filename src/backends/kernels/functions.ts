/**
 * The transcendental functions of the SIMD kernels in float32: polynomials that we fitted for the least maximum
 * relative error, by Lawson's reweighting of least squares. The stated errors, in ulp of the result, are the
 * largest over all float32 inputs in the range that tests/backends/functions.test.ts covers.
 */
import { type Func, type Module, relaxedMultiplyAdd, type V128 } from "../assembler.ts";

/** The building blocks of formulas: the module's constants, and a·b + c, rounded once where `fast`. */
export interface Kit {
  readonly c: (x: number) => V128;
  readonly multiplyAdd: (a: V128, b: V128, c: V128) => V128;
}
export const kit = (m: Module, fast: boolean): Kit => ({
  c: (x) => m.constant(x),
  multiplyAdd: fast ? relaxedMultiplyAdd : (a, b, c) => a.mul(b).add(c),
});

/** Evaluates a polynomial by Horner's rule, coefficients from the lowest. */
function polynomial({ c, multiplyAdd }: Kit, f: Func, x: V128, coefficients: number[]): V128 {
  const y = f.let(c(coefficients[coefficients.length - 1]));
  for (const a of coefficients.slice(0, -1).reverse()) f.set(y, multiplyAdd(y, x, c(a)));
  return y;
}

/**
 * eˣ = 2eʳ·2ⁿ⁻¹, |r| ≤ ½ln 2, for x up to 89.4. Adding 1.5·2²³ + 126 leaves n + 126, the exponent of 2ⁿ⁻¹, in
 * the low bits of the sum, so no conversion is needed. eʳ = 1 + 2r/(2 − c), where c is r less an even function.
 * Within 1.2 ulp, and 0 below −86.99, where 2ⁿ⁻¹ is.
 */
export function exp({ c, multiplyAdd }: Kit, f: Func, x: V128): V128 {
  const held = f.let(x.pmax(c(-87.6)));
  const shifted = f.let(multiplyAdd(held, c(Math.LOG2E), c(12583038)));
  const n = f.let(shifted.sub(c(12583038)));
  const r = f.let(held.sub(n.mul(c(0.693359375))).sub(n.mul(c(-2.1219444e-4))));
  const z = f.let(r.mul(r));
  const even = z.mul(multiplyAdd(z, c(-0.002765963552519679), c(0.166666179895401)));
  const doubled = r
    .mul(c(4))
    .div(even.sub(r).add(c(2)))
    .add(c(2));
  return doubled.mul(shifted.shl(23));
}

/** eˣ for any x; ∞ where float32 overflows. */
export const expOfAny = (k: Kit, f: Func, x: V128): V128 => exp(k, f, x.pmin(k.c(89.4)));

/** tanh x = x·P(x²)/Q(x²), x clipped to ±9.02, where tanh rounds to ±1, and the result to ±1. Within 6 ulp. */
export function tanh(k: Kit, f: Func, x: V128): V128 {
  const { c } = k;
  const held = f.let(x.pmin(c(9.02)).pmax(c(-9.02)));
  const z = f.let(held.mul(held));
  const p = polynomial(
    k,
    f,
    z,
    [1, 0.13382680714130402, 0.003497449681162834, 2.0635688997572288e-5, 1.3384104491365179e-8],
  );
  const q = polynomial(
    k,
    f,
    z,
    [1, 0.46716001629829407, 0.02588433027267456, 0.0003288504376541823, 7.79017341301369e-7],
  );
  return held.mul(p).div(q).pmin(c(1)).pmax(c(-1));
}

/** σ(x) = 1/(1 + e⁻ˣ). Within 2.5 ulp where the result is normal. */
export const sigmoid = (k: Kit, f: Func, x: V128): V128 => {
  return k.c(1).div(expOfAny(k, f, x.neg()).add(k.c(1)));
};

/** 2√(2/π)·(x + 0.044715x³), twice the argument of tanh in GPT-2's GELU, times `sign`. */
const inner = ({ c, multiplyAdd }: Kit, x: V128, sign = 1): V128 => {
  const twice = 2 * sign * 0.7978845608028654;
  return multiplyAdd(x.mul(x), c(twice * 0.044715), c(twice)).mul(x);
};

/** GELU's tanh form as x/(1 + e⁻²ᵘ), which keeps digits of its left tail. Within 20 ulp for x ≥ −4. */
export function gelu(k: Kit, f: Func, x: V128): V128 {
  return x.div(expOfAny(k, f, inner(k, x, -1)).add(k.c(1)));
}

/** The slope of `gelu`: s + x·s·(1 − s)·(2u)′ with s = σ(2u). */
export function geluSlope(k: Kit, f: Func, x: V128): V128 {
  const { c, multiplyAdd } = k;
  const held = f.let(x.pmin(c(40)).pmax(c(-40))); // beyond ±11 the slope is 1 or 0, and ∞·0 would be NaN
  const s = f.let(sigmoid(k, f, f.let(inner(k, held))));
  const slope = multiplyAdd(
    held.mul(held),
    c(3 * 2 * 0.7978845608028654 * 0.044715),
    c(2 * 0.7978845608028654),
  );
  return multiplyAdd(held.mul(s), c(1).sub(s).mul(slope), s);
}

/** ln x for finite normal x > 0: k·ln 2 + ln(1 + f), 1 + f from √½ to √2. Within 1.5 ulp, near 1 within 2e-8. */
export function log(k: Kit, f: Func, x: V128, bits: (x: number) => V128): V128 {
  const { c, multiplyAdd } = k;
  const raised = f.let(x.addInt(bits(0x3f800000 - 0x3f3504f3)));
  const exponent = f.let(raised.shrSigned(23).subInt(bits(127)).toFloat());
  const m = raised.and(bits(0x007fffff)).addInt(bits(0x3f3504f3));
  const g = f.let(m.sub(c(1)));
  const z = f.let(g.mul(g));
  const p = polynomial(
    k,
    f,
    g,
    [
      0.3333333134651184, -0.2500081956386566, 0.20001226663589478, -0.16623356938362122,
      0.14201757311820984, -0.13160184025764465, 0.1276158094406128, -0.07634498178958893,
    ],
  );
  const tail = multiplyAdd(p.mul(g), z, exponent.mul(c(-2.1219444e-4))).add(x.sub(x)); // NaN is preserved
  return multiplyAdd(exponent, c(0.693359375), g.sub(z.mul(c(0.5)).sub(tail)));
}
