/** What trains: the page's worker, or one in the sandbox once there is code of the person's own. */
import type { ToPage, ToWorker } from "./messages.ts";

export interface Engine {
  tell(message: ToWorker): void;
  stop(): void;
}

export function workerEngine(heard: (message: ToPage) => void): Engine {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<ToPage>) => heard(data);
  return { tell: (message) => worker.postMessage(message), stop: () => worker.terminate() };
}

/** The same in a frame without an origin and without a network: see sandbox.js. */
export async function sandboxEngine(heard: (message: ToPage) => void): Promise<Engine> {
  const script = await (await fetch("worker.js")).text();
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  Object.assign(frame, { src: "sandbox.html", hidden: true, title: "sandbox" });
  const listen = ({ source, data }: MessageEvent<ToPage>): void => {
    if (source === frame.contentWindow) heard(data);
  };
  addEventListener("message", listen);
  await new Promise((resolve) => {
    frame.addEventListener("load", resolve);
    document.body.append(frame);
  });
  const post = (message: ToWorker | string): void => frame.contentWindow?.postMessage(message, "*");
  post(script);
  return {
    tell: post,
    stop() {
      removeEventListener("message", listen);
      frame.remove();
    },
  };
}
