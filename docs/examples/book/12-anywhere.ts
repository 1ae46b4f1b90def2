/** Chapter 12: one training, hashed; stopped and resumed; exported as a module without this library. */
import * as pg from "pigrad";

/** FNV-1a of the bytes of numbers. */
export function hashOf(arrays: readonly ArrayBufferView[]): string {
  let hash = 0x811c9dc5;
  for (const { buffer, byteOffset, byteLength } of arrays)
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength))
      hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
type Run = ReturnType<typeof pg.train>;
function weightsOf(run: Run): Float32Array[] {
  const { session } = run;
  if (session.kind !== "environment") throw new Error("expected an environment");
  return session.training.model.parameters.list.map(({ data }) => Float32Array.from(data));
}
const options = { algo: "ppo", seed: 600, steps: 2048, backend: "loops" } as const;

const whole = pg.train("cartpole", options);
await whole;
console.log(`2,048 steps at once:         ${hashOf(weightsOf(whole))}`);

const first = pg.train("cartpole", options);
for await (const { envSteps } of first) if (envSteps >= 1024) first.stop();
const resumed = pg.train("cartpole", { ...options, saved: first.save() });
await resumed;
console.log(`stopped at 1,024, resumed:   ${hashOf(weightsOf(resumed))}`);

const another = pg.train("cartpole", { ...options, seed: 601 });
await another;
console.log(`another seed:                ${hashOf(weightsOf(another))}`);

// The policy as a module: text that needs nothing but JavaScript.
const { session } = whole;
if (session.kind !== "environment") throw new Error("expected an environment");
const plan = pg.policyPlan(session.training.model, null, "cartpole");
const { js } = pg.policyModule(plan);
const { act } = await import(`data:text/javascript,${encodeURIComponent(js)}`);
const random = new pg.Random(600);
let same = 0;
for (let n = 0; n < 1000; n++) {
  const state = Float32Array.from({ length: 4 }, () => random.normal());
  same += Number(act(state) === whole.policy.act(state));
}
console.log(`the module's choices that are the library's, of 1,000: ${same}`);
