// @module-tag deep
/** The server or the giver is killed in the middle of a sweep. */
import { describe, expect, test } from "vitest";
import { absent, queued } from "../support/nats.ts";
import { expectSame, lease, long, setUp, short } from "./same.ts";

const { at, run, server, worker, expected } = setUp();

describe.skipIf(absent !== "")(`restarts${absent}`, () => {
  test("the server is killed and started again: both sides go on", { tags: ["long"] }, async () => {
    const one = worker();
    const given = run(...long, "--out", at("restart"), "--workers", server().url, ...lease);
    await one.says("takes: cartpole");
    await server().kill();
    await new Promise((done) => setTimeout(done, 1500));
    await server().run();
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    expect(one.process.exitCode).toBeNull();
    expectSame(at("restart"), await expected("long", long));
  });

  test("the server stays away: one line on both sides after the patience", {
    tags: ["long"],
  }, async () => {
    const patience = ["--patience", "2"];
    const one = worker(...patience);
    await one.says("takes jobs from");
    const given = run(...long, "--out", at("away"), "--workers", server().url, ...patience);
    await one.says("takes: cartpole");
    await server().kill();
    const begun = Date.now();
    for (const { ended } of [one, given]) expect(await ended).toBe(2);
    expect(Date.now() - begun).toBeLessThan(60_000);
    for (const { stderr } of [one, given])
      expect(stderr).toMatch(/^pigrad: 127\.0\.0\.1:\d+: the server was away for 2 s; .*\n$/);
    await server().run();
    // the same command goes on, with what is in the server's store
    worker();
    const again = run(...long, "--out", at("away"), "--workers", server().url, ...lease);
    expect([await again.ended, again.stderr]).toEqual([0, ""]);
    expectSame(at("away"), await expected("long", long));
  });

  test("the giver is killed: the same command takes what was done meanwhile", {
    tags: ["long"],
  }, async () => {
    const command = [...short, "--out", at("giver"), "--workers", server().url, ...lease];
    const given = run(...command);
    await queued(server().url, 4); // nobody does them
    await given.kill("SIGKILL");
    const one = worker("--threads", "2");
    await one.says(/(done: line[\s\S]*){4}/);
    const again = run(...command);
    expect([await again.ended, again.stderr]).toEqual([0, ""]);
    expect(one.stdout.match(/done: line/g)).toHaveLength(6); // 4 of the first rung, 2 of the second
    expectSame(at("giver"), await expected("short", short));
  });
});
