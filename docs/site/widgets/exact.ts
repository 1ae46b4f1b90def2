/** Asks the exact worker; while it computes, only the latest question of a widget waits. */
import type { Kind, Questions } from "./messages.ts";

let worker: Worker | null = null;
const waiting = new Map<number, (answer: never) => void>();
let count = 0;

function started(): Worker {
  if (worker !== null) return worker;
  worker = new Worker(new URL("./exact-worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<{ id: number; answer: never }>) => {
    waiting.get(data.id)?.(data.answer);
    waiting.delete(data.id);
  };
  return worker;
}

/** Returns a function that asks questions of one kind and shows the answers. */
export function asker<K extends Kind>(
  kind: K,
  show: (answer: Questions[K]["answer"], ask: Questions[K]["ask"]) => void,
): (ask: Questions[K]["ask"]) => void {
  let busy = false;
  let next: Questions[K]["ask"] | null = null;
  const send = (ask: Questions[K]["ask"]): void => {
    busy = true;
    waiting.set(++count, (answer) => {
      show(answer, ask);
      busy = false;
      if (next === null) return;
      const latest = next;
      next = null;
      send(latest);
    });
    started().postMessage({ kind, ask, id: count });
  };
  return (ask) => {
    if (busy) next = ask;
    else send(ask);
  };
}
