/** pigrad emit-wasm: the SIMD kernels as a file, for runtimes that forbid compiling from bytes. */
import { kernelBytes } from "../backends/kernels/index.ts";
import { writeAtomically } from "../node/files.ts";
import { wholeNumber } from "./args.ts";
import { parseOptions } from "./parse.ts";
import { say } from "./stdout.ts";

export const emitWasmHelp = `  pigrad emit-wasm [--out FILE] [--fast] [--shared-pages N]
      write the kernels of the simd backend as a WebAssembly file (default pigrad.wasm); hand the
      compiled module to simd({ module }). --fast: relaxed multiply-add; --shared-pages: for threads`;

const mostPages = 65_536; // of 64 kB: all that a WebAssembly memory may have

export function emitWasmCommand(args: string[]): void {
  const options = {
    out: { type: "string" },
    fast: { type: "boolean" },
    "shared-pages": { type: "string" },
  } as const;
  const { values } = parseOptions(args, options, false);
  const { out = "pigrad.wasm", fast = false } = values;
  const sharedPages = wholeNumber("shared-pages", values["shared-pages"], 1, mostPages) ?? null;
  const bytes = kernelBytes({ fast, sharedPages });
  writeAtomically(out, bytes);
  say(`${out}: ${bytes.length.toLocaleString("en")} bytes\n`);
}
