/** A NATS server on a free port of the loopback, with a store of its own, and workers as processes. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect as transport } from "@nats-io/transport-node";
import { node } from "./main.ts";

/** Added to a test's name where it is skipped; empty where nats-server is installed. */
export const absent =
  spawnSync("nats-server", ["--version"]).status === 0
    ? ""
    : " (skipped: nats-server is not installed)";

export const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Waits until something is so; throws with `what` after `seconds`. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, seconds = 60) {
  const end = Date.now() + 1000 * seconds;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`${what}: not so after ${seconds} s`);
    await wait(20);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", () => done(true)).once("error", () => done(false));
    socket.once("data", () => socket.destroy());
  });

/** Waits until a number of jobs stands in the queue of a server. */
export async function queued(url: string, jobs: number): Promise<void> {
  const nc = await transport({ servers: url });
  try {
    const jsm = await jetstreamManager(nc);
    const count = (): Promise<number> =>
      jsm.streams.info("pigrad-jobs").then(
        ({ state }) => state.messages,
        () => 0,
      );
    await until(`${jobs} jobs are queued`, async () => (await count()) >= jobs);
  } finally {
    await nc.close();
  }
}

export class NatsServer {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), "pigrad-nats-"));
  private process: ChildProcess | null = null;

  private constructor(port: number, config: string) {
    this.port = port;
    const store = `jetstream { store_dir: ${JSON.stringify(join(this.folder, "store"))}`;
    const text = config.includes("jetstream") ? config : `${store} }\n${config}`;
    writeFileSync(join(this.folder, "server.conf"), text.replaceAll("$FOLDER", this.folder));
  }

  /** Starts a server; `config` is added to its configuration. */
  static async start(config = ""): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), config);
    await server.run();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async run(): Promise<void> {
    const args = [
      "-c",
      join(this.folder, "server.conf"),
      "-p",
      String(this.port),
      "-a",
      "127.0.0.1",
    ];
    this.process = spawn("nats-server", args, { stdio: "ignore" });
    await until("the server answers", () => answers(this.port));
  }

  /** Kills the server; its store stays for `run`. */
  async kill(): Promise<void> {
    const { process } = this;
    this.process = null;
    if (process === null || process.exitCode !== null) return;
    const ended = once(process, "exit");
    process.kill("SIGKILL");
    await ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The command line in a process of its own. */
export class Command {
  stdout = "";
  stderr = "";
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.process = spawn(process.execPath, [...node, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process.stdout?.on("data", (text) => {
      this.stdout += text;
    });
    this.process.stderr?.on("data", (text) => {
      this.stderr += text;
    });
    this.ended = once(this.process, "close").then(([code]) => code);
  }

  /** Waits for a text on stdout or stderr. */
  says(text: string | RegExp, seconds = 60): Promise<void> {
    const isThere = (): boolean => {
      const all = this.stdout + this.stderr;
      return typeof text === "string" ? all.includes(text) : text.test(all);
    };
    const got = (): string => `${text} in ${this.stdout}${this.stderr}`;
    return until("the command says it", isThere, seconds).catch((error) => {
      throw new Error(`${error.message}: ${got()}`);
    });
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill(signal);
    await this.ended;
  }
}

/** Writes a self-signed certificate into a folder; false without openssl. */
export function makeCertificate(folder: string): boolean {
  const key = join(folder, "key.pem");
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const subject = [
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=pigrad",
    "-addext",
    "subjectAltName=DNS:localhost",
  ];
  spawnSync("openssl", [...args, ...subject, "-keyout", key, "-out", join(folder, "cert.pem")]);
  return existsSync(key);
}
