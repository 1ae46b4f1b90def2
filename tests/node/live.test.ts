/** The live page: two paths for this machine alone, and every listener gets every line in order. */
import { once } from "node:events";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Live, serveLive } from "../../src/node/live.ts";

let live: Live;
let pages = 0;
beforeEach(async () => {
  pages = 0;
  live = await serveLive(() => `<p>${++pages}`, 0);
});
afterEach(() => live.close());

async function get(path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const asked = request(`${live.url}${path}`, options).end();
  const [response] = await once(asked, "response");
  return response;
}
async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of response) text += piece;
  return text;
}
/** The lines that an event stream has brought, once there are `count` of them. */
async function heard(response: IncomingMessage, count: number): Promise<string[]> {
  let text = "";
  for await (const piece of response) {
    text += piece;
    const events = text.split("\n\n").slice(0, -1);
    if (events.length < count) continue;
    response.destroy();
    return events.map((event) => event.replace(/^data: /, ""));
  }
  throw new Error(`the stream ended after ${text.split("\n\n").length - 1} of ${count} events`);
}
const lines = (from: number, end: number): string[] =>
  Array.from({ length: end - from }, (_, i) => `{"n":${from + i}}`);

test("the page is made anew for each request, is not kept, and is what it says it is", async () => {
  expect(live.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const first = await get("?x=1");
  expect(first.statusCode).toBe(200);
  expect(first.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  expect(await textOf(first)).toBe("<p>1");
  expect(await textOf(await get(""))).toBe("<p>2");
});

test("anything else is refused", async () => {
  const refused = async (path: string, options: RequestOptions): Promise<unknown[]> => {
    const response = await get(path, options);
    return [response.statusCode, response.headers["content-type"], await textOf(response)];
  };
  const at = (status: number) => [status, "text/plain", "not here\n"];
  expect(await refused("", { headers: { host: "evil.example" } })).toEqual(at(403));
  expect(await refused("events", { headers: { host: "evil.example" } })).toEqual(at(403));
  expect(await refused("", { method: "POST" })).toEqual(at(404));
  expect(await refused("events", { method: "DELETE" })).toEqual(at(404));
  expect(await refused("config.json", {})).toEqual(at(404));
  expect(pages).toBe(0);
});

test("listeners get all lines in order, those who come later the ones before", async () => {
  const early = await get("events");
  expect(early.headers).toMatchObject({
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  for (const line of lines(0, 3)) live.send(line);
  const late = await get("events?again");
  live.send(lines(3, 4)[0]);
  expect(await heard(early, 4)).toEqual(lines(0, 4));
  expect(await heard(late, 4)).toEqual(lines(0, 4));
});

test("of many lines a late listener gets the last 5,000", async () => {
  for (const line of lines(0, 12_345)) live.send(line);
  expect(await heard(await get("events"), 5000)).toEqual(lines(7345, 12_345));
});

test("a listener that reads slowly gets them all; one that stops is dropped, and its place is free", async () => {
  const pad = "x".repeat(2000);
  const slow = await get("events");
  slow.pause();
  for (let n = 0; n < 4000; n++) live.send(`${n}${pad}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await heard(slow, 4000)).toEqual(Array.from({ length: 4000 }, (_, n) => `${n}${pad}`));

  const gone = await get("events");
  const closed = new Promise((resolve) => gone.on("close", resolve));
  gone.on("error", () => {}); // it is cut off
  gone.pause();
  for (let n = 0; n < 20_000; n++) live.send(`${n}${pad}`);
  gone.resume();
  await closed;
  expect(gone.complete).toBe(false);
});

test("thirty-two may listen", async () => {
  const { port } = new URL(live.url);
  const sockets = await Promise.all(
    Array.from({ length: 32 }, async () => {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => {});
      socket.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      await once(socket, "data");
      return socket;
    }),
  );
  expect((await get("events")).statusCode).toBe(503);
  expect((await get("")).statusCode).toBe(200); // the page is still there
  const closed = once(sockets[0], "close");
  sockets[0].destroy();
  await closed;
  const again = async (): Promise<number | undefined> => {
    const response = await get("events");
    response.destroy();
    return response.statusCode;
  };
  await expect.poll(again, { timeout: 60_000 }).toBe(200);
  for (const socket of sockets) socket.destroy();
});

test("at the end a listener gets what is left, and the stream ends", async () => {
  const response = await get("events");
  for (const line of lines(0, 3)) live.send(line);
  const text = textOf(response);
  await live.close();
  expect(await text).toBe(
    lines(0, 3)
      .map((line) => `data: ${line}\n\n`)
      .join(""),
  );
  live = await serveLive(() => "", Number(new URL(live.url).port)); // the port is free again
});

test("a port that is taken is an error", async () => {
  await expect(serveLive(() => "", Number(new URL(live.url).port))).rejects.toThrow(/EADDRINUSE/);
});
