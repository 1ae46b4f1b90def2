/** Keeps a build's files when it is installed, and answers from them, so that the page works without a network. */
const prefix = `pigrad ${registration.scope} `;
const name = `${prefix}BUILD`;
const files = [];
const addresses = files.map((file) => new URL(file, registration.scope).href);

addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(name);
    await cache.addAll(addresses);
    await skipWaiting();
  };
  event.waitUntil(keep());
});

addEventListener("activate", (event) => {
  const replace = async () => {
    const old = (await caches.keys()).filter((key) => key.startsWith(prefix) && key !== name);
    await Promise.all(old.map((key) => caches.delete(key)));
    await clients.claim();
  };
  event.waitUntil(replace());
});

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const address = url.replace(/[?#].*$/, "").replace(/\/$/, "/index.html");
  if (method !== "GET" || !addresses.includes(address)) return;
  const kept = caches.open(name).then((cache) => cache.match(address));
  event.respondWith(kept.then((answer) => answer ?? fetch(event.request)));
});
