/** A page on loopback that hears what happens, over server-sent events. Serves two paths and nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isLocalHost } from "./loopback.ts";

export interface Live {
  readonly url: string;
  /** Sends one line of JSON to every listener; those who come later get the last 5,000 of them. */
  send(line: string): void;
  close(): Promise<void>;
}

const kept = 5000;
const mostListeners = 32;

/**
 * Serves what `page` gives on a port of 127.0.0.1; 0 is any free one. Lines are kept once for all listeners,
 * and each is sent as fast as it reads: one that stops reading costs a few kilobytes, and is dropped when
 * it is 5,000 lines behind.
 */
export async function serveLive(page: () => string, port: number): Promise<Live> {
  const lines = new Lines();
  const listeners = new Set<Listener>();
  const listen = (response: ServerResponse): void => {
    const listener = new Listener(response, lines);
    listeners.add(listener);
    response.on("close", () => listeners.delete(listener));
    listener.pump();
  };
  const server = createServer((request, response) => {
    const status = statusOf(request, listeners.size);
    if (status !== 200) {
      response.writeHead(status, { "content-type": "text/plain" }).end("not here\n");
      return;
    }
    const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
    if (pathOf(request) === "/events") {
      response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
      response.flushHeaders(); // the listener is heard before there is a line
      listen(response);
    } else
      response
        .writeHead(200, { ...headers, "content-type": "text/html; charset=utf-8" })
        .end(page());
  });
  server.maxConnections = 4 * mostListeners;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${chosen}/`,
    send(line) {
      lines.add(line);
      for (const listener of listeners) listener.pump();
    },
    async close() {
      for (const listener of listeners) listener.end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const pathOf = (request: IncomingMessage): string => (request.url ?? "/").split("?")[0];

function statusOf(request: IncomingMessage, listeners: number): number {
  if (!isLocalHost(request.headers.host)) return 403;
  const path = pathOf(request);
  if (request.method !== "GET" || (path !== "/" && path !== "/events")) return 404;
  return path === "/events" && listeners >= mostListeners ? 503 : 200;
}

/** The last lines, by their numbers. */
class Lines {
  private list: string[] = [];
  first = 0;

  get end(): number {
    return this.first + this.list.length;
  }
  add(line: string): void {
    this.list.push(line);
    if (this.list.length < 2 * kept) return;
    this.list = this.list.slice(kept);
    this.first += kept;
  }
  at(number: number): string {
    return this.list[number - this.first];
  }
}

/** One who hears the lines, at its own pace. */
class Listener {
  private next: number;
  private full = false;
  private readonly response: ServerResponse;
  private readonly lines: Lines;

  constructor(response: ServerResponse, lines: Lines) {
    this.response = response;
    this.lines = lines;
    this.next = Math.max(lines.first, lines.end - kept);
    response.on("drain", () => {
      this.full = false;
      this.pump();
    });
  }

  /** Sends what it has not had, until it does not take more. */
  pump(): void {
    if (this.next < this.lines.first) this.response.destroy(); // it does not read
    while (!this.full && !this.response.destroyed && this.next < this.lines.end)
      this.full = !this.response.write(`data: ${this.lines.at(this.next++)}\n\n`);
  }

  end(): void {
    this.pump();
    this.response.end();
  }
}
