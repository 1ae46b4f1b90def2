/** `npm run playground [-- PORT]`: builds the page and serves it, on this machine only. */
import { readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../src/core/thrown.ts";
import { isLocalHost } from "../../src/node/loopback.ts";
import { buildPlayground } from "./build.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** Returns the file of a folder that an address asks for. Throws for an address of none. */
function fileOf(folder: string, address: string): string {
  const { pathname } = new URL(address, "http://local"); // which resolves every ".."
  const path = join(folder, decodeURIComponent(pathname).replaceAll("\\", "/"));
  if (!path.startsWith(join(folder, "/"))) throw new Error(`${pathname}: outside the folder`);
  return statSync(path).isDirectory() ? join(path, "index.html") : path;
}

/** Serves the files of a folder. */
export function serve(folder: string, port: number): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    if (!isLocalHost(request.headers.host)) {
      response.writeHead(403).end();
      return;
    }
    try {
      const file = fileOf(folder, request.url ?? "/");
      const bytes = readFileSync(file);
      const type = types[extname(file)] ?? "application/octet-stream";
      response
        .writeHead(200, { "content-type": type, "x-content-type-options": "nosniff" })
        .end(bytes);
    } catch {
      response.writeHead(404).end(); // never there, or gone since it was built
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

/** Serves what `build` makes in a folder, at the port of the command line, and says where; 8000 by default. */
export async function serveCommand(what: string, folder: string, build: () => void): Promise<void> {
  const port = Number(process.argv[2] ?? 8000);
  try {
    if (!(Number.isInteger(port) && port >= 0 && port < 65536))
      throw new Error(`expected a port from 0 to 65535, got ${process.argv[2]}`);
    build();
    const { url } = await serve(folder, port);
    console.log(`the ${what} is at ${url}`);
  } catch (error) {
    console.error(`${what}: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL("dist", import.meta.url));
  await serveCommand("playground", folder, () => buildPlayground(folder));
}
