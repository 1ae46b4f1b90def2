/** Bytes of any size on the server, by name, in its object store. */
import { createHash } from "node:crypto";
import type { ObjectStore } from "@nats-io/obj";
import { FormatError } from "../../core/errors.ts";
import type { Link } from "./link.ts";
import type { Names } from "./streams.ts";

/** Largest object that is read, in bytes. */
const mostBytes = 2 ** 32;
/** Bytes of a chunk, at most what the server takes: the client copies what is left for each. */
const chunk = 2 ** 19;
const readLimit = 60; // seconds without which a read is begun again

export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

export class Blobs {
  private readonly link: Link;
  private readonly store: ObjectStore;

  private constructor(link: Link, store: ObjectStore) {
    this.link = link;
    this.store = store;
  }

  static async open(link: Link, names: Names): Promise<Blobs> {
    const store = await link.ask("cannot open the object store", () =>
      new link.client.obj.Objm(link.nc).open(names.blobs),
    );
    return new Blobs(link, store);
  }

  /** Writes an object in chunks; readers see the old one or the new one. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.link.ask(`cannot store ${bytes.length} bytes`, () =>
      this.store.putBlob({ name, options: { max_chunk_size: chunk } }, bytes),
    );
  }

  /** Writes an object under a prefix and its content's hash. Returns the name. */
  async putByHash(prefix: string, bytes: Uint8Array): Promise<string> {
    const name = `${prefix}/${sha256(bytes)}`;
    if (!(await this.has(name))) await this.put(name, bytes);
    return name;
  }

  async has(name: string): Promise<boolean> {
    const info = await this.link.ask("cannot read an object", () => this.store.info(name));
    return info !== null && !info.deleted;
  }

  /** Reads an object, whose digest the client compares; null without one. Throws FormatError for one that is too large. */
  async get(name: string): Promise<Uint8Array | null> {
    return this.link.ask("cannot read an object", async () => {
      const info = await this.store.info(name);
      if (info === null || info.deleted) return null;
      if (info.size > mostBytes)
        throw new FormatError(`object ${name}: has ${info.size} bytes, ${mostBytes} are allowed`);
      return await inTime(this.store.getBlob(name), readLimit);
    });
  }

  /** Reads an object of `giver`, the owner of a message. Returns null for one that is gone or has another hash. */
  async getOwned(name: string, giver: string, hash: string): Promise<Uint8Array | null> {
    if (!name.startsWith(`${giver}/`))
      throw new FormatError(`object ${name}: expected an object of ${giver}`);
    const bytes = await this.get(name);
    return bytes !== null && sha256(bytes) === hash ? bytes : null;
  }

  /** Removes the objects whose names begin with a prefix and a slash. */
  async remove(prefix: string): Promise<void> {
    const all = await this.link.ask("cannot list the objects", () => this.store.list());
    for (const { name } of all.filter((info) => info.name.startsWith(`${prefix}/`)))
      await this.link.ask("cannot remove an object", () => this.store.delete(name));
  }
}

/** Rejects with a TimeoutError, which is tried again, where a promise takes longer. */
async function inTime<T>(promise: Promise<T>, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error(`no end after ${seconds} s`), { name: "TimeoutError" });
    timer = setTimeout(() => reject(error), 1000 * seconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
