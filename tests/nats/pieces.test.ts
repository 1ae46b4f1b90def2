// @module-tag deep
/** Pieces of sampling against a real server: each result once, errors in one line, large weights and results. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Piece } from "../../src/algos/pieces.ts";
import { FormatError, SettingError } from "../../src/core/errors.ts";
import type { State } from "../../src/core/state.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { Giver } from "../../src/node/nats/give.ts";
import { PieceGiver } from "../../src/node/nats/give-pieces.ts";
import { Link } from "../../src/node/nats/link.ts";
import { notesFrom, type ParcelNote, ParcelShelf } from "../../src/node/nats/parcels.ts";
import { pieceFrom, pieceSignFrom } from "../../src/node/nats/piece-wire.ts";
import { take } from "../../src/node/nats/take.ts";
import type { PieceHandler } from "../../src/node/nats/take-piece.ts";
import { Refusal } from "../../src/node/nats/taken.ts";
import { splitMessage, withBytes } from "../../src/node/nats/wire.ts";
import { resolve } from "../../src/tasks/run.ts";
import { absent, NatsServer, until, wait } from "../support/nats.ts";

let server: NatsServer;
beforeAll(async () => {
  if (absent === "") server = await NatsServer.start();
});
afterAll(() => server?.remove());

/** Pieces of `n` units with weights of a size; the handler of `doubling` returns twice the weights' first number. */
const piecesOf = (n: number, parameters = 4, value = 3): Piece[] => {
  const weights = { w: new Float32Array(parameters).fill(value) };
  const start = { random: [1, 2, 3, 4] };
  return Array.from({ length: n }, (_, i) => ({
    sampler: 0,
    weights,
    start,
    first: i,
    end: i + 1,
  }));
};

const doubling = (size = 4): PieceHandler => {
  const shelf = new ParcelShelf();
  return async ({ body, blobs, giver }, bytes) => {
    const { first, parcels: notes } = pieceFrom(body, "piece");
    const parcels = await shelf.take(notes, bytes, { blobs, giver });
    if (parcels === null) return null;
    const { w } = decodeState(parcels[1].slice()).state as { readonly w: Float32Array };
    return encodeState({ x: new Float32Array(size).fill(2 * w[0] + first) });
  };
};
const firsts = (results: readonly State[]): number[] =>
  results.map((result) => (result as unknown as { x: Float32Array }).x[0]);

async function inQueue(
  work: (queue: {
    giver(options?: { patience?: number }): Promise<{ giver: Giver; pieces: PieceGiver }>;
    worker(handler: PieceHandler, version?: string): () => Promise<void>;
    link: Link;
    prefix: string;
  }) => Promise<void>,
): Promise<void> {
  const prefix = `p${randomBytes(4).toString("hex")}`;
  const links: Link[] = [];
  const stops: (() => Promise<void>)[] = [];
  const open = async (): Promise<Link> => {
    const link = await Link.open(server.url, { name: "test", patience: 10 });
    links.push(link);
    return link;
  };
  const show = (): void => {};
  try {
    await work({
      link: await open(),
      prefix,
      async giver({ patience = 10 } = {}) {
        const options = { prefix, giver: "g", version: "1", patience, lease: 1, show };
        const giver = await Giver.open(await open(), options);
        const pieces = new PieceGiver(giver);
        pieces.of(resolve({ task: "line" }).config, {});
        return { giver, pieces };
      },
      worker(handler, version = "1") {
        const stop = new AbortController();
        const sign = { id: randomBytes(4).toString("hex"), name: "w" };
        const options = { prefix, version, sign, slots: 2, signal: stop.signal, show };
        const none = async (): Promise<void> => {};
        const done = open().then((link) => take(link, options, none, handler));
        const end = (): Promise<void> => {
          stop.abort();
          return done;
        };
        stops.push(end);
        return end;
      },
    });
  } finally {
    await Promise.all(stops.map((stop) => stop()));
    for (const link of links) await link.close();
  }
}

describe.skipIf(absent !== "")(`pieces${absent}`, () => {
  test("results come in order, update after update, and nothing stays", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const { giver: g, pieces } = await giver();
      let done = 0;
      const double = doubling();
      worker(async (...job) => {
        done++;
        return double(...job);
      });
      for (let update = 0; update < 5; update++)
        expect(firsts(await pieces.do(piecesOf(4, 4, update)))).toEqual(
          [0, 1, 2, 3].map((i) => 2 * update + i),
        );
      expect(done).toBe(20);
      await until("slots are known", () => pieces.count() === 4);
      await g.clean();
      expect((await link.jsm.streams.info(`${prefix}-jobs`)).state.messages).toBe(0);
    });
  });

  test("large weights and results go through the object store, which does not grow", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const { giver: g, pieces } = await giver();
      worker(doubling(300_000));
      const objects = async (): Promise<number> =>
        (await (await new link.client.obj.Objm(link.nc).open(`${prefix}-blobs`)).list()).length;
      const counts = [];
      for (let update = 0; update < 5; update++) {
        expect(firsts(await pieces.do(piecesOf(2, 400_000, update)))).toEqual([
          2 * update,
          2 * update + 1,
        ]);
        counts.push(await objects());
      }
      expect(counts.slice(1)).toEqual([6, 6, 6, 6]); // weights and two results of two updates
      await g.clean();
      expect(await objects()).toBe(0);
    });
  });

  test("a piece that fails is given again, and after three times its error ends the training", async () => {
    await inQueue(async ({ giver, worker }) => {
      const { pieces } = await giver();
      let tries = 0;
      const double = doubling();
      const end = worker(async (...job) => {
        if (++tries < 3) throw new FormatError("boom");
        return double(...job);
      });
      expect(firsts(await pieces.do(piecesOf(1)))).toEqual([6]);
      await end();
      worker(async () => {
        throw new FormatError("boom");
      });
      const failing = pieces.do(piecesOf(2));
      await expect(failing).rejects.toThrow(SettingError);
      await expect(failing).rejects.toThrow(/: sampling failed 3 times: boom \(worker w\)$/);
    });
  });

  test("bytes that are no result count as a failure", async () => {
    await inQueue(async ({ giver, worker }) => {
      const { pieces } = await giver();
      worker(async () => new Uint8Array([1, 2, 3]));
      await expect(pieces.do(piecesOf(1))).rejects.toThrow(/sampling failed 3 times: safetensors/);
    });
  });

  test("a worker that refuses leaves pieces to others; alone, it ends the training with its line", async () => {
    await inQueue(async ({ giver, worker }) => {
      const { pieces } = await giver({ patience: 4 });
      worker(async () => {
        throw new Refusal("not here");
      });
      await expect(pieces.do(piecesOf(2))).rejects.toThrow(
        /no worker for 2 pieces of an update in 4 s; worker w refuses: not here$/,
      );
      worker(doubling());
      expect(firsts(await pieces.do(piecesOf(2)))).toEqual([6, 7]);
    });
  });

  test("a worker of another version refuses", { tags: ["long"] }, async () => {
    await inQueue(async ({ giver, worker }) => {
      const { pieces } = await giver({ patience: 3 });
      worker(doubling(), "2");
      await expect(pieces.do(piecesOf(1))).rejects.toThrow(/refuses: the job is of pigrad 1, /);
    });
  });

  test("a worker that stops puts its piece back; a slow piece keeps its lease", async () => {
    await inQueue(async ({ giver, worker }) => {
      const { pieces } = await giver();
      let begun = 0;
      const end = worker(
        ({ signal }) =>
          new Promise((_, reject) => {
            begun++;
            signal.addEventListener("abort", () => reject(new Error("stop")));
          }),
      );
      const results = pieces.do(piecesOf(2));
      await until("both began", () => begun === 2);
      await end();
      let done = 0;
      const double = doubling();
      const slow: PieceHandler = async (...job) => {
        done++;
        await wait(3000); // three leases
        return double(...job);
      };
      for (let i = 0; i < 2; i++) worker(slow); // with slots that are free
      expect(firsts(await results)).toEqual([6, 7]);
      expect(done).toBe(2);
    });
  });

  test("pieces that the server lost are given again", { tags: ["long"] }, async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const { pieces } = await giver();
      const results = pieces.do(piecesOf(2));
      const jobs = async (): Promise<number> =>
        (await link.jsm.streams.info(`${prefix}-jobs`)).state.messages;
      await until("they are in the queue", async () => (await jobs()) === 2);
      await link.jsm.streams.purge(`${prefix}-jobs`);
      worker(doubling());
      expect(firsts(await results)).toEqual([6, 7]);
    });
  });

  test("pieces of a learner that is gone are dropped without being done", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const { giver: g, pieces } = await giver();
      void pieces.do(piecesOf(3)).catch(() => {});
      const jobs = async (): Promise<number> =>
        (await link.jsm.streams.info(`${prefix}-jobs`)).state.messages;
      await until("they are in the queue", async () => (await jobs()) === 3);
      await g.link.close();
      let done = 0;
      worker(async () => {
        done++;
        return null;
      });
      await until("they are dropped", async () => (await jobs()) === 0);
      expect(done).toBe(0);
    });
  });
});

describe("messages about pieces are checked", () => {
  const sha256 = "0".repeat(64);
  const note: ParcelNote = { sha256, size: 2, object: null };
  const piece = { sampler: 0, first: 0, end: 1, parcels: [note, note, note] };

  test("a line of JSON and bytes after it", () => {
    const envelope = { protocol: 1, version: "1", kind: "piece", body: { text: "a\nb" } };
    const bytes = Uint8Array.from([10, 0, 255]);
    const message = splitMessage(withBytes(envelope, [bytes, bytes]));
    expect(JSON.parse(Buffer.from(message.line).toString())).toEqual(envelope);
    expect([...message.bytes]).toEqual([10, 0, 255, 10, 0, 255]);
    expect(splitMessage(Buffer.from("{}")).bytes).toHaveLength(0);
  });

  test.each([
    null,
    {},
    { ...piece, sampler: -1 },
    { ...piece, first: 0.5 },
    { ...piece, end: "1" },
    { ...piece, parcels: [note, note] },
    { ...piece, parcels: [note, note, null] },
    { ...piece, parcels: [note, note, { ...note, sha256: "x" }] },
    { ...piece, parcels: [note, note, { ...note, size: -1 }] },
    { ...piece, parcels: [note, note, { ...note, object: 3 }] },
  ])("%# is no piece", (body) => {
    expect(() => pieceFrom(body, "x")).toThrow(FormatError);
  });

  const said = { id: "1-0", worker: "w", message: "", sha256, object: null };
  const message = (kind: string, body: unknown): Uint8Array =>
    withBytes({ protocol: 1, version: "1", kind, body }, []);
  test.each([
    message("sung", said),
    message("done", null),
    message("done", { ...said, id: 1 }),
    message("done", { ...said, worker: "w".repeat(201) }),
    message("failed", { ...said, message: null }),
    message("done", { ...said, sha256: "" }),
    message("done", { ...said, object: [] }),
    Buffer.from("{"),
    Buffer.from(""),
  ])("%# is no answer", (bytes) => {
    expect(() => pieceSignFrom(bytes, "x")).toThrow(FormatError);
  });

  test("a parcel that is not what its hash says, or not its giver's, is refused", async () => {
    const blobs = {
      getOwned: async (name: string, giver: string) => {
        if (!name.startsWith(`${giver}/`)) throw new FormatError("not the giver's");
        return null;
      },
    };
    const shelf = new ParcelShelf();
    const from = { blobs: blobs as never, giver: "g" };
    const bytes = Uint8Array.from([1, 2]);
    await expect(shelf.take(notesFrom([note, note, note], "x"), bytes, from)).rejects.toThrow(
      "its content is not what its hash says",
    );
    const outside = { ...note, object: "other/weights" };
    await expect(shelf.take([outside], bytes, from)).rejects.toThrow("not the giver's");
    expect(await shelf.take([{ ...note, object: "g/weights" }], bytes, from)).toBeNull();
  });
});
