// A worker for code that was pasted: in a frame without an origin, whose policy allows no network. The first message
// brings the worker's script; later ones pass through.
let worker = null;
addEventListener("message", ({ data, source }) => {
  if (source !== parent) return;
  if (worker !== null) return worker.postMessage(data);
  const script = URL.createObjectURL(new Blob([data], { type: "text/javascript" }));
  worker = new Worker(script);
  worker.onmessage = (message) => parent.postMessage(message.data, "*");
  worker.onerror = ({ message = "the sandbox does not start" }) =>
    parent.postMessage({ type: "failed", message }, "*");
});
