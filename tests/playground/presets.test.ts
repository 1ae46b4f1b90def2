/** The playground's trainings for chapters are trainings, one for each chapter of the book. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { chapterPresets } from "../../docs/playground/presets.ts";
import { runOf } from "../../docs/playground/sessions.ts";

test.each(Object.entries(chapterPresets))("%s", (_, preset) => {
  const setup = { seed: 1, backend: "auto", steps: 1000, settings: {}, ...preset };
  const { config } = runOf(setup, {});
  expect(config).toMatchObject({ task: preset.task, algo: preset.algo });
  for (const [name, value] of Object.entries(preset.settings ?? {}))
    expect(String(config.settings[name])).toBe(value);
});

test("each chapter has one", () => {
  const book = fileURLToPath(new URL("../../docs/book", import.meta.url));
  const chapters = readdirSync(book).filter((name) => /^\d\d-/.test(name));
  const numbers = Object.keys(chapterPresets).map((name) => Number(name.split(" ")[0]));
  expect(numbers).toEqual(chapters.map((_, i) => i + 1));
});
