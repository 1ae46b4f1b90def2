// @module-tag deep
/** Each way in which a connection can fail is one line and exit code 2. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { addressFrom } from "../../src/node/nats/address.ts";
import { Link } from "../../src/node/nats/link.ts";
import { namesOf } from "../../src/node/nats/streams.ts";
import { absent, Command, freePort, makeCertificate, NatsServer } from "../support/nats.ts";
import { pigrad } from "../support/pigrad.ts";

const servers: NatsServer[] = [];
const start = async (config = ""): Promise<NatsServer> => {
  const server = await NatsServer.start(config);
  servers.push(server);
  return server;
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
});

/** Expects a worker, and a sweep, to end with one line that says this. */
async function expectLine(url: string, line: RegExp): Promise<void> {
  const sweep = ["sweep", "line", "--steps", "500", "--seeds", "1", "--patience", "2"];
  for (const args of [
    ["worker", url, "--patience", "2"],
    [...sweep, "--workers", url],
  ]) {
    const { status, stderr } = await pigrad(...args);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(2);
  }
}

test("addresses: schemes, users, tokens, clusters", () => {
  expect(addressFrom("nats://a%40b:c@h")).toEqual({
    servers: ["h:4222"],
    tls: false,
    user: "a@b",
    password: "c",
  });
  expect(addressFrom("tls://t@h:1,tls://i:2")).toEqual({
    servers: ["h:1", "i:2"],
    tls: true,
    token: "t",
  });
  for (const text of [
    "h:4222",
    "http://h",
    "nats://",
    "nats://u:secret@h/x",
    "nats:// ",
    "nats://h:65536",
  ])
    expect(() => addressFrom(text)).toThrow(/^the server's address: expected nats:\/\/HOST:PORT/);
});

test("names of queues", () => {
  expect(namesOf("a-b").subject("jobs", "g", "i")).toBe("a-b.jobs.g.i");
  for (const prefix of ["", "a.b", "a b", "*", "x".repeat(33)])
    expect(() => namesOf(prefix)).toThrow("--queue: expected 1 to 32 letters, digits, - or _");
});

test("options without --workers, or that do not go together", async () => {
  const lines = [
    [["sweep", "line", "--queue", "x"], "--queue goes with --workers URL"],
    [["sweep", "line", "--workers", "nats://h", "--threads", "2"], "got both"],
    [["worker"], "expected one address of a NATS server"],
    [["worker", "nats://h", "--task", "none.ts"], "none.ts: no such file"],
  ] as const;
  for (const [args, line] of lines) {
    const { status, stderr } = await pigrad(...args);
    expect(stderr).toContain(line);
    expect(status).toBe(2);
  }
});

test("without the client's packages a line says what to install", async () => {
  const hook = `export const resolve = (name, context, next) => {
    if (!name.startsWith("@nats-io/")) return next(name, context);
    throw Object.assign(new Error("none"), { code: "ERR_MODULE_NOT_FOUND" });
  };`;
  const register = `import { register } from "node:module";
    register("data:text/javascript,${encodeURIComponent(hook)}");`;
  const url = `data:text/javascript,${encodeURIComponent(register)}`;
  const worker = new Command(["worker", "nats://127.0.0.1:1"], { NODE_OPTIONS: `--import ${url}` });
  expect(await worker.ended).toBe(2);
  expect(worker.stderr).toBe(
    "pigrad: expected the NATS client, found none: npm i @nats-io/transport-node @nats-io/jetstream @nats-io/obj\n",
  );
});

describe.skipIf(absent !== "")(`connections${absent}`, () => {
  test("no server", async () => {
    const port = await freePort();
    await expectLine(
      `nats://127.0.0.1:${port}`,
      /no NATS server answers; start one with nats-server -js/,
    );
  });

  test("a wrong password, and the right one from the URL and from the environment", async () => {
    const { port } = await start("authorization { user: ann, password: secret }");
    await expectLine(
      `nats://ann:wrong@127.0.0.1:${port}`,
      /refuses this user, password, token or key/,
    );
    const open = async (url: string): Promise<void> => {
      const link = await Link.open(url, { name: "test", patience: 2 });
      await link.close();
    };
    await open(`nats://ann:secret@127.0.0.1:${port}`);
    Object.assign(process.env, { NATS_USER: "ann", NATS_PASSWORD: "secret" });
    try {
      await open(`nats://127.0.0.1:${port}`);
    } finally {
      delete process.env.NATS_USER;
      delete process.env.NATS_PASSWORD;
    }
  });

  test("a token, right and wrong", async () => {
    const { port } = await start("authorization { token: tok }");
    await expectLine(`nats://no@127.0.0.1:${port}`, /refuses this user/);
    const link = await Link.open(`nats://tok@127.0.0.1:${port}`, { name: "test", patience: 2 });
    await link.close();
  });

  test("TLS: asked for and absent, offered and not trusted, trusted", async () => {
    const plain = await start();
    await expectLine(
      `tls://127.0.0.1:${plain.port}`,
      /expected a server with TLS, as tls:\/\/ says/,
    );
    const folder = mkdtempSync(join(tmpdir(), "pigrad-tls-"));
    try {
      if (!makeCertificate(folder)) return; // no openssl
      const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      const { port } = await start(`tls { cert_file: "${cert}", key_file: "${key}" }`);
      await expectLine(`nats://127.0.0.1:${port}`, /TLS certificate is not trusted; NATS_CA names/);
      process.env.NATS_CA = cert;
      const link = await Link.open(`tls://localhost:${port}`, { name: "test", patience: 2 });
      await link.close();
      process.env.NATS_CA = join(folder, "none.pem");
      await expectLine(
        `tls://127.0.0.1:${port}`,
        /NATS_CA: cannot read .*none\.pem \(no such file in /,
      );
    } finally {
      delete process.env.NATS_CA;
      rmSync(folder, { recursive: true });
    }
  });

  test("a server without JetStream", async () => {
    const { url } = await start("# jetstream is off");
    await expectLine(url, /has no JetStream; start it with nats-server -js/);
  });

  test("a store without room for the streams, and one that is full", async () => {
    const small = 'jetstream { store_dir: "$FOLDER/store", max_file_store: 100MB }';
    const { url } = await start(small);
    await expectLine(url, /the server's store is full; make room in JetStream's store/);
    const roomy = await start();
    const link = await Link.open(roomy.url, { name: "test", patience: 2 });
    await link.jsm.streams.add({
      name: "pigrad-jobs",
      subjects: ["pigrad.jobs.>"],
      retention: "workqueue",
      discard: "new",
      max_bytes: 1024,
    });
    await link.close();
    const args = ["sweep", "line", "--steps", "500", "--seeds", "8", "--patience", "2"];
    const { status, stderr } = await pigrad(...args, "--workers", roomy.url);
    expect(stderr).toMatch(/cannot give a job: the server's store is full/);
    expect(status).toBe(2);
  });
});
