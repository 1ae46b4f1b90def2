/** Measures the machine's peak of multiply-adds on 128-bit vectors: independent chains in registers, no memory. */
import { Module, zero } from "../src/backends/assembler.ts";
import { webAssembly } from "../src/backends/webassembly.ts";

const chains = 13;
/** Returns the floating-point operations of one call with `n` rounds. */
export const peakFlops = (n: number): number => n * chains * 4 * 2;

/** Returns a function of n rounds of x = x·a + b on thirteen independent vectors, which hide latency. */
export function peakKernel(): (n: number) => number {
  const m = new Module();
  m.func("peak", { n: "i32" }, (f, { n }) => {
    const a = f.let(m.constant(0.999));
    const sums = Array.from({ length: chains }, () => f.let(zero()));
    f.for(0, n, 1, () => {
      for (const x of sums) f.set(x, x.mul(a).add(a));
    });
    return sums.reduce((total, x) => total.add(x)).sum();
  });
  const wasm = webAssembly();
  if (wasm === undefined) throw new Error("peak: expected WebAssembly");
  const memory = new wasm.Memory({ initial: 1, maximum: 1, shared: false });
  const instance = new wasm.Instance(new wasm.Module(m.bytes()), { env: { memory } });
  return (instance.exports as { peak: (n: number) => number }).peak;
}
