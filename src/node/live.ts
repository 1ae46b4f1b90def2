/** A page on loopback that hears what happens, over server-sent events. Serves two paths and nothing else. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Live {
  readonly url: string;
  /** Sends one line of JSON to every listener; those who come later get the last `kept` of them. */
  send(line: string): void;
  close(): Promise<void>;
}

const kept = 5000;

/** Serves `page` on a port of 127.0.0.1; 0 is any free one. */
export async function serveLive(page: string, port: number): Promise<Live> {
  const listeners = new Set<ServerResponse>();
  const lines: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0];
    const local = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? "");
    if (!local || request.method !== "GET" || (path !== "/" && path !== "/events")) {
      response.writeHead(local ? 404 : 403, { "content-type": "text/plain" }).end("not here\n");
      return;
    }
    const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
    if (path === "/") {
      response.writeHead(200, { ...headers, "content-type": "text/html; charset=utf-8" }).end(page);
      return;
    }
    response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    response.write(lines.map((line) => `data: ${line}\n\n`).join(""));
    listeners.add(response);
    response.on("close", () => listeners.delete(response));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${chosen}/`,
    send(line) {
      lines.push(line);
      if (lines.length > kept) lines.splice(0, lines.length - kept);
      for (const listener of listeners) listener.write(`data: ${line}\n\n`);
    },
    async close() {
      for (const listener of listeners) listener.end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
