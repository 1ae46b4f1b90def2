/** A connection to a NATS server with JetStream that outlasts restarts of the server. */
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { addressFrom, authOf } from "./address.ts";
import { type Client, loadClient } from "./client.ts";
import { connectError, isTransient, LinkError, requestError } from "./link-errors.ts";

export interface LinkOptions {
  /** Name of this end, which the server shows in its lists. */
  readonly name: string;
  /** Seconds that the server may be away before everything that waits for it fails. */
  readonly patience: number;
}

/** Waits for a number of milliseconds. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** `pause` that does not keep the process alive. */
export const idle = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms).unref());

const requestLimit = 5000; // milliseconds for one answer of the server

export class Link {
  readonly client: Client;
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** host:port, for messages. */
  readonly host: string;
  readonly patience: number;
  /** Number of times that the connection came back. */
  reconnections = 0;
  private lost: Error | null = null;

  private constructor(client: Client, nc: NatsConnection, jsm: JetStreamManager, at: LinkPlace) {
    this.client = client;
    this.nc = nc;
    this.js = client.jetstream.jetstream(nc, { timeout: requestLimit });
    this.jsm = jsm;
    this.host = at.host;
    this.patience = at.patience;
    void this.watch();
  }

  /** Connects. Throws LinkError in one line for a server that is absent, refuses, or has no JetStream. */
  static async open(url: string, { name, patience }: LinkOptions): Promise<Link> {
    const address = addressFrom(url);
    const client = await loadClient();
    const host = address.servers.join(",");
    let nc: NatsConnection | undefined;
    try {
      nc = await client.transport.connect({
        ...authOf(address, process.env, client),
        name,
        timeout: requestLimit,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 500,
        pingInterval: 10_000,
      });
      const jsm = await client.jetstream.jetstreamManager(nc, { timeout: requestLimit });
      return new Link(client, nc, jsm, { host, patience });
    } catch (error) {
      await nc?.close();
      throw connectError(error, host, address.tls);
    }
  }

  /** Throws if the server was away for too long. */
  check(): void {
    if (this.lost !== null) throw this.lost;
  }

  /** Sends a request, again where the server is away. Throws LinkError, with `what`, where it refuses. */
  async ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    const end = Date.now() + 1000 * this.patience;
    for (;;) {
      this.check();
      try {
        return await request();
      } catch (error) {
        this.check();
        if (!isTransient(error)) throw requestError(error, this.host, what);
        if (Date.now() > end)
          throw new LinkError(
            `${this.host}: ${what}: no answer from JetStream for ${this.patience} s`,
          );
        await pause(250);
      }
    }
  }

  async close(): Promise<void> {
    try {
      await this.nc.close();
    } catch {
      // it is closed
    }
  }

  /** Follows the connection's state, and gives up where it stays down. */
  private async watch(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (): void => {
      this.lost = new LinkError(
        `${this.host}: the server was away for ${this.patience} s; start it, and the same command again`,
      );
      void this.close();
    };
    for await (const { type } of this.nc.status()) {
      if (type === "disconnect") timer ??= setTimeout(giveUp, 1000 * this.patience);
      if (type !== "reconnect") continue;
      clearTimeout(timer);
      timer = undefined;
      this.reconnections++;
    }
    clearTimeout(timer);
    const reason = await this.nc.closed();
    if (reason instanceof Error) this.lost ??= connectError(reason, this.host, false);
  }
}

interface LinkPlace {
  readonly host: string;
  readonly patience: number;
}
