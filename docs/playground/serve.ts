/** `npm run playground [-- PORT]`: builds the page and serves it, on this machine only. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../src/core/thrown.ts";
import { isLocalHost } from "../../src/node/loopback.ts";
import { buildPlayground, playgroundFiles } from "./build.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** Serves the files of a built page, by name, and nothing else. */
export function serve(folder: string, port: number): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    if (!isLocalHost(request.headers.host)) {
      response.writeHead(403).end();
      return;
    }
    const name = (request.url ?? "/").replace(/^\//, "").replace(/[?#].*$/, "") || "index.html";
    if (!playgroundFiles.includes(name)) {
      response.writeHead(404).end();
      return;
    }
    const headers = { "content-type": types[extname(name)], "x-content-type-options": "nosniff" };
    try {
      const bytes = readFileSync(join(folder, name));
      response.writeHead(200, headers).end(bytes);
    } catch {
      response.writeHead(404).end(); // gone since it was built
    }
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
  const folder = fileURLToPath(new URL("dist", import.meta.url));
  const port = Number(process.argv[2] ?? 8000);
  try {
    if (!(Number.isInteger(port) && port >= 0 && port < 65536))
      throw new Error(`expected a port from 0 to 65535, got ${process.argv[2]}`);
    buildPlayground(folder);
    const { url } = await serve(folder, port);
    console.log(`the playground is at ${url}`);
  } catch (error) {
    console.error(`playground: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
