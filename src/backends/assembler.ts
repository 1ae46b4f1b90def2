/**
 * A WebAssembly assembler: turns kernels, written as typed expressions and a few statements, into the bytes of
 * a module. WebAssembly core specification 2.0 with fixed-width and relaxed SIMD.
 *
 *   const m = new Module();
 *   m.func("scale", { x: "i32", end: "i32", by: "f32" }, (f, { x, end, by }) => {
 *     f.for(x, end, 16, (at) => f.store(at, at.vector().mul(by.splat())));
 *   });
 *   m.bytes();
 */
export { signed, unsigned } from "./assembler/encoding.ts";
export {
  AssemblerError,
  F32,
  float,
  I32,
  int,
  lanes,
  relaxedMultiplyAdd,
  type Type,
  V128,
  zero,
} from "./assembler/expressions.ts";
export { Func, floats, ints, Module, tableSize, tableStart } from "./assembler/module.ts";
