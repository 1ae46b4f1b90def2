/** pigrad emit-wasm: the SIMD kernels as a file, for runtimes that forbid compiling from bytes. */
import { parseArgs } from "node:util";
import { kernelBytes } from "../backends/kernels/index.ts";
import { writeAtomically } from "../node/files.ts";
import { wholeNumber } from "./args.ts";

export const emitWasmHelp = `  pigrad emit-wasm [--out FILE] [--fast] [--shared-pages N]
      write the kernels of the simd backend as a WebAssembly file (default pigrad.wasm); hand the
      compiled module to simd({ module }). --fast: relaxed multiply-add; --shared-pages: for threads`;

export function emitWasmCommand(args: string[]): void {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: "string" },
      fast: { type: "boolean" },
      "shared-pages": { type: "string" },
    },
  });
  const { out = "pigrad.wasm", fast = false } = values;
  const sharedPages = wholeNumber("shared-pages", values["shared-pages"], 1) ?? null;
  const bytes = kernelBytes({ fast, sharedPages });
  writeAtomically(out, bytes);
  process.stdout.write(`${out}: ${bytes.length.toLocaleString("en")} bytes\n`);
}
