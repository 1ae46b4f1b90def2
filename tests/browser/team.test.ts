/// <reference lib="dom" />
/** The listing of docs/embedding.md with several workers: an isolated page gives the bits of one worker, and of Node. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openConfig } from "../support/sessions.ts";
import { executable, launch } from "./chromium.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guide = readFileSync(`${root}docs/embedding.md`, "utf8");
const [, listing] = /```js team\n([\s\S]*?)```/.exec(guide) as RegExpExecArray;
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** What the leader says: its reports, and at last how many workers there were and the weights. */
type Said = Record<string, unknown>;

describe.skipIf(executable === undefined)("a team in Chromium", () => {
  let browser: Browser;
  let server: Server;
  beforeAll(async () => {
    browser = await launch();
    const { outputFiles } = buildSync({
      stdin: { contents: listing, resolveDir: root, loader: "js" },
      alias: { pigrad: `${root}src` },
      resolveExtensions: [".ts", ".js"],
      bundle: true,
      format: "esm",
      write: false,
    });
    const script = outputFiles[0].text;
    server = createServer(({ url = "" }, response) => {
      const isScript = url.endsWith(".js");
      response.writeHead(200, {
        "Content-Type": isScript ? "text/javascript" : "text/html",
        ...(url.startsWith("/isolated") ? headers : {}),
      });
      response.end(isScript ? script : "<!doctype html><title>team</title>");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  async function train(path: string, request: object, workers: number): Promise<Said[]> {
    const page = await browser.newPage();
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/${path}/page`);
    const said = await page.evaluate(
      ([url, message]) =>
        new Promise<string>((resolve, reject) => {
          const worker = new Worker(url as string, { type: "module" });
          const heard: unknown[] = [];
          worker.onerror = (event) => reject(new Error(event.message));
          worker.onmessage = ({ data }) => {
            heard.push(data);
            const plain = (_: string, x: unknown) =>
              ArrayBuffer.isView(x) ? Array.from(x as Float32Array) : x;
            if ("workers" in data) resolve(JSON.stringify(heard, plain));
          };
          worker.postMessage(message);
        }),
      [`/${path}/team.js`, { request, workers }] as const,
    );
    await page.close();
    return JSON.parse(said);
  }

  test("with two and three workers, and alone where the page is not isolated", async () => {
    for (const request of [
      { task: "cartpole", algo: "ppo", seed: 3, steps: 1e5, backend: "simd" },
      {
        task: "arith",
        algo: "grpo",
        seed: 3,
        steps: 1e5,
        backend: "simd",
        settings: { sftUpdates: 2, prompts: 4, groupSize: 4 },
      },
    ]) {
      const session = openConfig(request);
      const reports = Array.from({ length: 5 }, () => ({ ...session.reports.next().value }));
      const weights = (session.training.save() as Said).weights;
      const plain = (x: unknown) =>
        JSON.parse(
          JSON.stringify(x, (_, v) => (ArrayBuffer.isView(v) ? Array.from(v as Float32Array) : v)),
        );
      for (const [path, asked, got] of [
        ["isolated", 2, 2],
        ["isolated", 3, 3],
        ["plain", 2, 1],
      ] as const) {
        const said = await train(path, request, asked);
        expect(said.at(-1)?.workers).toBe(got);
        expect(said.slice(0, -1)).toEqual(plain(reports));
        expect(said.at(-1)?.weights).toEqual(plain(weights));
      }
    }
  });
});
