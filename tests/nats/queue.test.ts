// @module-tag deep
/** The work queue against a real server: nothing lost, nothing twice, whatever happens to giver, worker and messages. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Giver, type GiverOptions, type Job } from "../../src/node/nats/give.ts";
import { Link } from "../../src/node/nats/link.ts";
import { ensureStreams, namesOf } from "../../src/node/nats/streams.ts";
import { type Handler, take } from "../../src/node/nats/take.ts";
import { Refusal } from "../../src/node/nats/taken.ts";
import { absent, NatsServer, until, wait } from "../support/nats.ts";

let server: NatsServer;
beforeAll(async () => {
  if (absent === "") server = await NatsServer.start();
});
afterAll(() => server?.remove());

const jobsOf = (count: number): Job[] =>
  Array.from({ length: count }, (_, i) => ({ id: `j${i}`, kind: "double", body: { x: i } }));
const double: Handler = async ({ body }) => ({ y: 2 * (body as { x: number }).x });

/** A queue of its own, with ends that are closed after the test. */
async function inQueue(
  work: (queue: {
    giver(options?: Partial<GiverOptions>): Promise<Giver>;
    worker(handler: Handler, options?: { slots?: number; version?: string }): () => Promise<void>;
    link: Link;
    prefix: string;
    lines: string[];
  }) => Promise<void>,
): Promise<void> {
  const prefix = `t${randomBytes(4).toString("hex")}`;
  const lines: string[] = [];
  const links: Link[] = [];
  const stops: (() => Promise<void>)[] = [];
  const open = async (): Promise<Link> => {
    const link = await Link.open(server.url, { name: "test", patience: 10 });
    links.push(link);
    return link;
  };
  const show = (line: string): void => void lines.push(line);
  try {
    await work({
      link: await open(),
      prefix,
      lines,
      async giver(options = {}) {
        const usual = { prefix, giver: "g", version: "1.0.0", patience: 10, lease: 1, show };
        return Giver.open(await open(), { ...usual, ...options });
      },
      worker(handler, { slots = 1, version = "1.0.0" } = {}) {
        const stop = new AbortController();
        const sign = { id: randomBytes(4).toString("hex"), name: "w" };
        const options = { prefix, version, sign, slots, signal: stop.signal, show };
        const done = open().then((link) => take(link, options, handler));
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

async function answersOf(giver: Giver, jobs: readonly Job[]) {
  const answers: Record<string, unknown> = {};
  for await (const { id, body, failure } of giver.give(jobs)) {
    expect(answers[id]).toBeUndefined();
    answers[id] = failure?.message ?? body;
  }
  return answers;
}

describe.skipIf(absent !== "")(`the work queue${absent}`, () => {
  test("every job is answered once, no worker has more jobs than slots, and nothing stays", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      let [now, most, done] = [0, 0, 0];
      worker(
        async (job, slot) => {
          most = Math.max(most, ++now);
          await wait(5);
          now--;
          done++;
          return double(job, slot);
        },
        { slots: 2 },
      );
      const g = await giver();
      const answers = await answersOf(g, jobsOf(20));
      expect(answers).toEqual(
        Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`j${i}`, { y: 2 * i }])),
      );
      expect([done, most]).toEqual([20, 2]);
      await g.clean();
      for (const stream of ["jobs", "results"]) {
        const { state } = await link.jsm.streams.info(`${prefix}-${stream}`);
        expect(state.messages).toBe(0);
      }
    });
  });

  test("a job that is given twice, or delivered again after its answer, is done once", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const jobs = jobsOf(3);
      const names = namesOf(prefix);
      const queued = async (): Promise<number> =>
        (await link.jsm.streams.info(names.jobs)).state.messages;
      for (let time = 0; time < 2; time++) {
        const broken = (await giver({ patience: 1 })).give(jobs);
        await expect(broken.next()).rejects.toThrow("no worker for 3 jobs");
        expect(await queued()).toBe(3);
      }
      const first = await giver();
      let done = 0;
      const stop = worker(async (job, slot) => {
        done++;
        return double(job, slot);
      });
      expect(Object.keys(await answersOf(first, jobs)).length).toBe(3);
      expect(done).toBe(3);
      await stop();
      // the same message once more, as after an acknowledgement that was lost
      const envelope = { protocol: 1, version: "1.0.0", kind: "double", body: { x: 1 } };
      await link.js.publish(names.subject("jobs", "g", "j1"), JSON.stringify(envelope));
      worker(async (job, slot) => {
        done++;
        return double(job, slot);
      });
      await until("the queue is empty", async () => (await queued()) === 0);
      expect(done).toBe(3);
    });
  });

  test("two workers that answer one job: the first answer stands", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      await ensureStreams(link, namesOf(prefix), 1);
      let began = 0;
      const slow: Handler = async () => {
        const n = ++began;
        if (n === 1) await wait(200);
        return { n };
      };
      worker(slow);
      const g = await giver();
      const given = answersOf(g, jobsOf(1));
      await until("it is taken", () => began === 1);
      const answer = { protocol: 1, version: "1.0.0", kind: "done", body: { n: 99 } };
      await link.js.publish(namesOf(prefix).subject("results", "g", "j0"), JSON.stringify(answer));
      expect(await given).toEqual({ j0: { n: 99 } });
      await wait(300);
      expect(await answersOf(g, jobsOf(1))).toEqual({ j0: { n: 99 } });
    });
  });

  test("a job that a dead worker holds goes to another after the lease; a slow one keeps it", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const g = await giver();
      const given = answersOf(g, jobsOf(1));
      const names = namesOf(prefix);
      const consumer = await link.js.consumers.get(names.jobs, names.consumer);
      expect(await consumer.next({ expires: 5000 })).not.toBeNull(); // taken, and never heard of again
      const begun = Date.now();
      let done = 0;
      worker(async (job, slot) => {
        done++;
        await wait(2500); // longer than the lease of 1 s
        return double(job, slot);
      });
      await until("it is taken", () => done > 0, 25);
      expect(Date.now() - begun).toBeLessThan(25_000); // the usual lease is 30 s
      worker(async () => {
        done += 10;
        return {};
      });
      expect(Object.keys(await given)).toEqual(["j0"]);
      expect(done).toBe(1);
    });
  });

  test("a poison job is tried three times and reported with its error; the rest goes on", async () => {
    await inQueue(async ({ giver, worker }) => {
      let tries = 0;
      worker(
        async (job, slot) => {
          if (job.id !== "j1") return double(job, slot);
          tries++;
          throw new Error("out of cheese");
        },
        { slots: 2 },
      );
      const answers = await answersOf(await giver(), jobsOf(4));
      expect(answers.j1).toBe("failed 3 times: out of cheese");
      expect(answers.j3).toEqual({ y: 6 });
      expect(tries).toBe(3);
    });
  });

  test("answers that came while the giver was gone are taken, and their jobs are not given again", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const first = await giver();
      const broken = first.give(jobsOf(3));
      let done = 0;
      const counted: Handler = async (job, slot) => {
        done++;
        return double(job, slot);
      };
      worker(counted);
      await broken.next();
      await broken.return(); // the giver is gone
      const names = namesOf(prefix);
      await until("all are done", async () => {
        const { state } = await link.jsm.streams.info(names.jobs);
        return state.messages === 0;
      });
      expect(Object.keys(await answersOf(await giver(), jobsOf(3))).sort()).toEqual([
        "j0",
        "j1",
        "j2",
      ]);
      expect(done).toBe(3);
    });
  });

  test("what is larger than a message goes through the object store, both ways", async () => {
    await inQueue(async ({ giver, worker }) => {
      const text = "x".repeat(3_000_000);
      worker(async ({ body }) => ({ text: `${(body as { text: string }).text}y` }));
      const g = await giver();
      const answers = await answersOf(g, [{ id: "big", kind: "double", body: { text } }]);
      expect((answers.big as { text: string }).text).toBe(`${text}y`);
      await g.clean();
      expect(await g.blobs.has("g/none")).toBe(false);
    });
  });

  test("a worker of another version or protocol refuses, and the giver says so and ends", async () => {
    await inQueue(async ({ giver, worker, lines }) => {
      worker(double, { version: "2.0.0" });
      const g = await giver({ patience: 4 });
      await expect(answersOf(g, jobsOf(1))).rejects.toThrow(
        /no worker for 1 jobs in 4 s; worker w refuses: the job is of pigrad 1\.0\.0, this worker of pigrad 2\.0\.0/,
      );
      expect(lines.filter((line) => line.startsWith("worker w refuses"))).toHaveLength(1);
    });
    await inQueue(async ({ giver, worker, link, prefix, lines }) => {
      await giver();
      const subject = namesOf(prefix).subject("jobs", "g", "j0");
      await link.js.publish(subject, JSON.stringify({ protocol: 9, version: "1.0.0", kind: "x" }));
      worker(double);
      await until("it refuses", () => lines.some((line) => line.includes("protocol 9")));
    });
  });

  test("a worker that refuses does not keep another one from the job", async () => {
    await inQueue(async ({ giver, worker }) => {
      worker(async () => {
        throw new Refusal("not here");
      });
      await wait(100);
      worker(double);
      expect(await answersOf(await giver(), jobsOf(2))).toEqual({ j0: { y: 0 }, j1: { y: 2 } });
    });
  });

  test("messages that are none are answered as failed, and a wrong answer is one line", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const g = await giver();
      const names = namesOf(prefix);
      await link.js.publish(names.subject("jobs", "g", "j0"), "{]");
      worker(double);
      const answers = await answersOf(g, jobsOf(1));
      expect(answers.j0).toMatch(/^failed 3 times: job j0: /);
      await link.js.publish(names.subject("results", "g", "j7"), '{"protocol":"x"}');
      await expect(answersOf(g, [{ id: "j7", kind: "double", body: null }])).rejects.toThrow(
        "the answer to job j7: expected protocol as a whole number ≥ 0",
      );
    });
  });

  test("without a worker the giver ends after its patience", async () => {
    await inQueue(async ({ giver }) => {
      const begun = Date.now();
      await expect(answersOf(await giver({ patience: 2 }), jobsOf(5))).rejects.toThrow(
        "no worker for 5 jobs in 2 s; start one with pigrad worker",
      );
      expect(Date.now() - begun).toBeLessThan(60_000); // the usual patience is 120 s
    });
  });

  test("a worker that is stopped puts its job back at once, and the attempt does not count", async () => {
    await inQueue(async ({ giver, worker }) => {
      const g = await giver({ lease: 60 });
      const given = answersOf(g, jobsOf(1));
      let began = 0;
      const stop = worker(async ({ signal }) => {
        began++;
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
        return null;
      });
      await until("it is taken", () => began === 1);
      const begun = Date.now();
      await stop();
      worker(double);
      expect(await given).toEqual({ j0: { y: 0 } });
      expect(Date.now() - begun).toBeLessThan(30_000); // half the lease
    });
  });

  test("a job that its giver withdraws is stopped", async () => {
    await inQueue(async ({ giver, worker, lines }) => {
      const g = await giver();
      const given = g.give(jobsOf(1));
      void given.next().catch(() => {});
      let began = false;
      worker(async ({ signal }) => {
        began = true;
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
        return null;
      });
      await until("it is taken", () => began);
      await g.clean();
      await until("it stops", () => lines.includes("job j0 was answered elsewhere or withdrawn"));
    });
  });

  test("a job whose workers end ten times in a row is reported", async () => {
    await inQueue(async ({ giver, worker, link, prefix }) => {
      const g = await giver();
      const subject = namesOf(prefix).subject("attempts", "g", "j0");
      const record = { failures: 0, deaths: 10, error: "" };
      await link.js.publish(subject, JSON.stringify(record));
      const record9 = JSON.stringify({ ...record, deaths: 9 });
      await link.js.publish(namesOf(prefix).subject("attempts", "g", "j1"), record9);
      worker(double);
      const answers = await answersOf(g, jobsOf(2));
      expect(answers.j0).toMatch(/^10 workers in a row ended while they did it/);
      expect(answers.j1).toEqual({ y: 2 });
    });
  });

  test("a full store: the worker puts the job back and says so, and goes on when there is room", async () => {
    await inQueue(async ({ giver, worker, link, prefix, lines }) => {
      const names = namesOf(prefix);
      const subjects = [`${prefix}.results.>`, `${prefix}.attempts.>`];
      const common = { name: names.results, subjects, max_msgs_per_subject: 1 };
      await link.jsm.streams.add({ ...common, discard: "new", max_bytes: 2000 });
      const g = await giver();
      worker(async () => ({ text: "x".repeat(10_000) }));
      const given = answersOf(g, jobsOf(1));
      await until("it is told", () =>
        lines.some((line) =>
          /^worker w: .*cannot store a result: the server's store is full/.test(line),
        ),
      );
      await link.jsm.streams.update(names.results, { max_bytes: 2 ** 20 });
      expect((await given).j0).toEqual({ text: "x".repeat(10_000) });
    });
  });

  test("a server that comes back without its store: the jobs are given again", {
    tags: ["long"],
    timeout: 60_000,
  }, async () => {
    const own = await NatsServer.start();
    try {
      const open = (): Promise<Link> => Link.open(own.url, { name: "test", patience: 20 });
      const show = (): void => {};
      const options = { prefix: "p", version: "1.0.0", show };
      const giver = await Giver.open(await open(), { ...options, giver: "g", patience: 20 });
      const stop = new AbortController();
      const sign = { id: "1", name: "w" };
      let done = 0;
      const counted: Handler = async (job, slot) => {
        if (++done > 2) await wait(300);
        return double(job, slot);
      };
      const link = await open();
      const taking = take(link, { ...options, sign, slots: 1, signal: stop.signal }, counted);
      const given = answersOf(giver, jobsOf(6));
      await until("two are done", () => done > 2);
      await own.kill();
      rmSync(join(own.folder, "store"), { recursive: true });
      await own.run();
      expect(Object.keys(await given)).toHaveLength(6);
      await giver.blobs.put("g/x", new Uint8Array([1, 2]));
      expect([...((await giver.blobs.get("g/x")) ?? [])]).toEqual([1, 2]);
      stop.abort();
      await taking;
    } finally {
      await own.remove();
    }
  });
});
