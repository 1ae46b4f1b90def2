/** The program, and a policy trained for it and exported, as one script of nothing but ECMAScript 2022. */
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { policyModule } from "../../src/export/policy-js.ts";
import { policyPlan } from "../../src/export/policy-plan-of.ts";
import { configOf, openControl } from "../support/sessions.ts";

/** The text of a module that plays CartPole. */
function trainedPolicy(): string {
  const { training, reports } = openControl(configOf({ task: "cartpole", algo: "ppo", seed: 1 }));
  let solved = false;
  while (!solved && training.envSteps < 150_000)
    solved = (reports.next().value as { meanReturn: number }).meanReturn > 490;
  return policyModule(policyPlan(training.model, null, "cartpole")).js;
}

export function bundleProgram(outfile: string): void {
  const policy = buildSync({
    stdin: { contents: trainedPolicy() },
    bundle: true,
    format: "esm",
    write: false,
  }).outputFiles[0].text;
  const contents = `${policy.replace(/export \{[^}]*\};/, "")}
import { hashes, plays, say } from "./program.ts";
say({ ...hashes(), plays: plays(act) });`;
  const resolveDir = fileURLToPath(new URL(".", import.meta.url));
  const target = "es2022";
  buildSync({ stdin: { contents, resolveDir }, outfile, bundle: true, format: "iife", target });
}
