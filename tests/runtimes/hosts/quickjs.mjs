/** QuickJS and QuickJS-ng, compiled to WebAssembly: interpreters without WebAssembly of their own. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, program, , variant] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { newQuickJSWASMModuleFromVariant } = require("quickjs-emscripten-core");
const { default: made } = require(variant);
const QuickJs = await newQuickJSWASMModuleFromVariant(made);
const context = QuickJs.newContext();
const result = context.evalCode(`${readFileSync(program, "utf8")}; globalThis.pigradResult`);
console.log(context.dump(context.unwrapResult(result)));
