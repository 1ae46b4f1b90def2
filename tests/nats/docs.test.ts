/** docs/scale.md holds: its commands, its listings, its numbers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { optionsOf } from "../../src/cli/completion.ts";
import { commands } from "../../src/cli/pigrad.ts";
import { usualPatience } from "../../src/cli/workers.ts";
import { mostDeaths, mostFailures } from "../../src/node/nats/attempts.ts";
import { packages } from "../../src/node/nats/client.ts";
import { mostInside } from "../../src/node/nats/parcels.ts";
import { mostAge, mostBytes, usualLease } from "../../src/node/nats/streams.ts";
import { mostMessage } from "../../src/node/nats/wire.ts";
import { absent, makeCertificate } from "../support/nats.ts";

const page = readFileSync(new URL("../../docs/scale.md", import.meta.url), "utf8");

test("every command has the options that the page gives it", async () => {
  const lines = [...page.matchAll(/\bpigrad (worker|sweep|eval|train) (.*)$/gm)];
  expect(lines.length).toBeGreaterThan(5);
  for (const [line, name, rest] of lines)
    for (const [, option] of rest.matchAll(/ --([a-z][a-z-]*)/g))
      if (!line.includes("npm"))
        expect(Object.keys(await optionsOf(commands[name].run)), line).toContain(option);
});

test("numbers are those of the program", () => {
  const MiB = 2 ** 20;
  const stated = [
    `(${usualLease} s, or`,
    `\`--patience\` (${usualPatience} s)`,
    `it is tried ${mostFailures} times`,
    `after ${mostDeaths} workers in a row`,
    `A piece that throws is tried ${mostFailures} times, and one whose worker ends ${mostDeaths} times`,
    `--workers-patience SECONDS\` (${usualPatience} s)`,
    `at most ${mostInside / MiB} MiB of them together`,
    `| jobs | ${mostBytes.jobs / MiB} MiB |`,
    `| results | ${mostBytes.results / MiB} MiB |`,
    `| ${mostBytes.blobs / MiB} MiB |`,
    `| age of everything | ${mostAge / 24 / 3600 / 1e9} days |`,
    `| a message's body | ${mostMessage / MiB} MiB |`,
    packages.join(" "),
  ];
  for (const text of stated) expect(page).toContain(text);
});

test.skipIf(absent !== "")(`the server takes the page's configuration${absent}`, () => {
  const [, listing] = /```text\n(# nats\.conf[\s\S]*?)```/.exec(page) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "pigrad-conf-"));
  try {
    if (!makeCertificate(folder)) return; // no openssl
    const config = listing
      .replace("/var/lib/pigrad-nats", folder)
      .replace("server.pem", join(folder, "cert.pem"))
      .replace("server-key.pem", join(folder, "key.pem"));
    writeFileSync(join(folder, "nats.conf"), config);
    const env = { ...process.env, PIGRAD_PASSWORD: "secret" };
    const args = ["-t", "-c", join(folder, "nats.conf")];
    const { status, stderr } = spawnSync("nats-server", args, { env, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.stringContaining("configuration file")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
