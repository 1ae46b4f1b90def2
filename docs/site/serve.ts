/** `npm run docs:serve [-- PORT]`: serves the built site, on this machine only. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { isLocalHost } from "../../src/node/loopback.ts";
import { siteFolder } from "./build.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** Returns the file that an address asks for, or null where there is none inside the folder. */
function fileOf(folder: string, address: string): string | null {
  const path = normalize(join(folder, decodeURIComponent(new URL(address, "http://x").pathname)));
  if (!path.startsWith(folder + sep) && path !== folder) return null;
  const choices = [path, join(path, "index.html"), `${path}.html`];
  return choices.find((file) => existsSync(file) && statSync(file).isFile()) ?? null;
}

export function serveSite(folder: string, port: number): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const file = isLocalHost(request.headers.host) ? fileOf(folder, request.url ?? "/") : null;
    if (file === null) {
      response.writeHead(404).end("not found");
      return;
    }
    const type = types[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "x-content-type-options": "nosniff" });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const chosen = typeof address === "object" && address !== null ? address.port : port;
      resolve({ server, url: `http://127.0.0.1:${chosen}/` });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serveSite(siteFolder, Number(process.argv[2] ?? 8000));
  console.log(`the site is at ${url}`);
}
