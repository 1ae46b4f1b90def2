/** A model from a site: all of its files, with progress; shards that an index lists; what goes wrong says where. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { FormatError } from "../../src/core/errors.ts";
import { fetchModel } from "../../src/models/fetch.ts";
import { modelFiles } from "../../src/models/files.ts";
import { loadModel, loadModelLater } from "../../src/models/load.ts";
import { modelFolder } from "../../src/node/model-folder.ts";

const models = fileURLToPath(new URL("../vectors/data/models/models/", import.meta.url));
let asked: string[] = [];
const server = createServer(({ url = "/" }, response) => {
  asked.push(url);
  if (url.startsWith("/broken")) {
    response.writeHead(500).end();
    return;
  }
  const path = join(models, url);
  if (existsSync(path)) response.end(readFileSync(path));
  else response.writeHead(404).end();
});
let site = "";
beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

test.each(["smollm2", "llama3-rope"])("%s loads as from its folder", async (name) => {
  const seen = new Map<string, number>();
  const progress = (file: string, bytes: number) => seen.set(file, bytes);
  const files = await fetchModel(`${site}/${name}/`, { progress });
  const { model } = await loadModelLater(loops(), modelFiles(files));
  const { model: same } = loadModel(loops(), modelFolder(join(models, name)));
  for (const [i, { data }] of model.parameters.list.entries())
    expect(data).toEqual(same.parameters.list[i].data);
  for (const [file, bytes] of seen)
    expect(bytes).toBe(readFileSync(join(models, name, file)).length);
  expect([...seen.keys()].sort()).toEqual(Object.keys(files).sort());
});

test("what is in the cache is not fetched again", async () => {
  const kept = new Map<string, Response>();
  vi.stubGlobal("caches", {
    open: async (name: string) => {
      expect(name).toBe("pigrad-models");
      return {
        match: async (url: string) => kept.get(url)?.clone(),
        put: async (url: string, answer: Response) => void kept.set(url, answer),
      };
    },
  });
  const first = await fetchModel(`${site}/gpt2`);
  asked = [];
  const second = await fetchModel(`${site}/gpt2`);
  expect(asked.some((url) => url.endsWith("model.safetensors"))).toBe(false);
  expect(Object.keys(second)).toEqual(Object.keys(first));
  const bytes = await second["model.safetensors"].slice(0, 2 ** 30).arrayBuffer();
  expect(Buffer.from(bytes)).toEqual(readFileSync(join(models, "gpt2", "model.safetensors")));
  vi.unstubAllGlobals();
});

test("a site that fails, or that is not there, is told", async () => {
  await expect(fetchModel(`${site}/broken`)).rejects.toThrow(
    /config\.json: cannot be fetched \(status 500\)/,
  );
  await expect(fetchModel("http://127.0.0.1:1")).rejects.toThrow(FormatError);
});
