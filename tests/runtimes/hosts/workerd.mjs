/** workerd, inside miniflare: it compiles nothing from bytes, so the kernels come as a module. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, program, kernels] = process.argv.slice(2);
const { Miniflare } = createRequire(`${folder}/`)("miniflare");
const main = `
import kernels from "./kernels.wasm";
globalThis.pigradKernels = kernels;
let said = "";
export default { async fetch() {
  if (said === "") { await import("./program.mjs"); said = globalThis.pigradResult; }
  return new Response(said);
} };`;
const worker = new Miniflare({
  compatibilityDate: "2026-01-01",
  modules: [
    { type: "ESModule", path: "main.mjs", contents: main },
    { type: "ESModule", path: "program.mjs", contents: readFileSync(program, "utf8") },
    { type: "CompiledWasm", path: "kernels.wasm", contents: readFileSync(kernels) },
  ],
});
const response = await worker.dispatchFetch("http://localhost/");
console.log(await response.text());
await worker.dispose();
