/**
 * What pieces of sampling start from, as bytes that many jobs share: the run, the weights, the start state. Small ones
 * stand in each message after its line of JSON; large ones lie in the object store once per update. Messages name them
 * by their hash, so that a worker decodes each once.
 */
import { FormatError } from "../../core/errors.ts";
import { type Blobs, sha256 } from "./blobs.ts";
import { hashFrom, isObject, mostMessage, textFrom, wholeFrom, wrong } from "./wire.ts";

export const parcelNames = ["run", "weights", "start"] as const;
export type ParcelName = (typeof parcelNames)[number];

/** A parcel as a message names it. */
export interface ParcelNote {
  readonly sha256: string;
  readonly size: number;
  /** Its object; null for one inside the message. */
  readonly object: string | null;
}

/** Bytes that all messages of an update may have together; larger parcels go to the object store. */
export const mostInside = 2 ** 21;
const mostOfMessage = 0.75; // share of the largest message that the server takes

export interface PackOptions {
  readonly giver: string;
  /** Number of messages that will name the parcels. */
  readonly messages: number;
  /** Largest message that the server takes, in bytes. */
  readonly most: number;
  /** Number of the update's sampling: the objects of two calls do not share their names. */
  readonly call: number;
}

/** The parcels of one update's messages. */
export class Parcels {
  readonly notes: readonly ParcelNote[];
  /** Bytes that stand in each message. */
  readonly inside: readonly Uint8Array[];
  private readonly outside: readonly { readonly object: string; readonly bytes: Uint8Array }[];

  constructor(
    parts: Readonly<Record<ParcelName, Uint8Array>>,
    { giver, messages, most, call }: PackOptions,
  ) {
    const room = Math.min(mostInside / messages, mostOfMessage * most);
    const bySize = [...parcelNames].sort((a, b) => parts[a].length - parts[b].length);
    let used = 0;
    const within = bySize.filter((name) => {
      used += parts[name].length;
      return used <= room;
    });
    // two names by turns: what replaces an object removes it, and a slow reader of the last call's finds it
    const objectOf = (name: ParcelName): string | null =>
      within.includes(name) ? null : `${giver}/${name}-${call % 2}`;
    this.notes = parcelNames.map((name) => {
      const { length: size } = parts[name];
      return { sha256: sha256(parts[name]), size, object: objectOf(name) };
    });
    this.inside = parcelNames.filter((name) => within.includes(name)).map((name) => parts[name]);
    this.outside = parcelNames.flatMap((name) => {
      const object = objectOf(name);
      return object === null ? [] : [{ object, bytes: parts[name] }];
    });
  }

  /** Writes what is not inside messages to the object store. */
  async store(blobs: Blobs): Promise<void> {
    for (const { object, bytes } of this.outside) await blobs.put(object, bytes);
  }
}

/** Returns the checked notes of a message. */
export function notesFrom(value: unknown, where: string): ParcelNote[] {
  if (!Array.isArray(value) || value.length !== parcelNames.length)
    throw wrong(where, `${parcelNames.length} parcels`, value);
  return value.map((note: unknown) => {
    if (!isObject(note)) throw wrong(where, "a parcel as an object", note);
    return {
      sha256: hashFrom(note.sha256, where),
      size: wholeFrom(note.size, "size", where),
      object: note.object === null ? null : textFrom(note.object, "object", where, 256),
    };
  });
}

const mostKept = 8; // parcels: of two runs, and of the update before

/** Parcels that came to this machine, in memory that threads share; the latest are kept. */
export class ParcelShelf {
  private readonly kept = new Map<string, Promise<Uint8Array | null>>();

  /**
   * Returns the parcels of a message, whose bytes stand after its line; null where an object is gone: the giver has
   * gone on.
   */
  async take(
    notes: readonly ParcelNote[],
    bytes: Uint8Array,
    { blobs, giver }: { readonly blobs: Blobs; readonly giver: string },
  ): Promise<Uint8Array[] | null> {
    let at = 0;
    const parcels = notes.map((note) => {
      const { object, size, sha256: hash } = note;
      if (object !== null) return this.keep(hash, () => blobs.getOwned(object, giver, hash));
      const inside = bytes.subarray(at, at + size);
      at += size;
      return this.keep(hash, async () => checked(inside, note));
    });
    const found = await Promise.all(parcels);
    return found.every((one) => one !== null) ? found : null;
  }

  private keep(hash: string, get: () => Promise<Uint8Array | null>): Promise<Uint8Array | null> {
    const known = this.kept.get(hash);
    const parcel = known ?? get().then(shared);
    this.kept.delete(hash);
    this.kept.set(hash, parcel); // the latest is last
    parcel.then(
      (got) => got === null && this.kept.delete(hash),
      () => this.kept.delete(hash),
    );
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= mostKept) break;
      this.kept.delete(oldest);
    }
    return parcel;
  }
}

function checked(bytes: Uint8Array, { sha256: hash, size }: ParcelNote): Uint8Array {
  if (size > mostMessage || bytes.length !== size || sha256(bytes) !== hash)
    throw new FormatError(`a parcel of ${size} bytes: its content is not what its hash says`);
  return bytes;
}

/** Copies bytes to memory that is sent to threads without a copy. */
function shared(bytes: Uint8Array | null): Uint8Array | null {
  if (bytes === null) return null;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
