/** Texts of one's own: rows, messages, splits, tokenizers. */
import { expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { type TextDefinition, textFrom } from "../../src/tasks/text/own-text.ts";
import { singleTurns } from "../../src/text/corpus.ts";
import { characters } from "../../src/text/tokenizer.ts";

const make = (definition: TextDefinition) =>
  textFrom(definition, { values: {}, read: () => "", where: "here" });

test("a conversation is one example, or one per turn where its form does not go on; the prompt ends where it answers", () => {
  const messages = [
    { role: "user", content: "hi" },
    { role: "assistant", content: "hello" },
    { role: "user", content: "bye" },
    { role: "assistant", content: "see you" },
  ];
  const { examples, prompts, rowOf } = make({ examples: [{ messages, id: 7 }] });
  expect(examples.train).toEqual([
    {
      prompt: "user: hi\nassistant: ",
      completion: "hello",
      turns: [{ prompt: "\nuser: bye\nassistant: ", completion: "see you" }],
    },
  ]);
  expect(singleTurns(examples.train[0])).toEqual([
    { prompt: "user: hi\nassistant: ", completion: "hello" },
    { prompt: "user: hi\nassistant: hello\nuser: bye\nassistant: ", completion: "see you" },
  ]);
  const [prompt] = prompts.train;
  expect(prompt).toBe("user: hi\nassistant: hello\nuser: bye\nassistant: ");
  expect(rowOf?.(prompt)).toMatchObject({ id: 7, prompt });
  const own = make({
    examples: [{ messages }],
    chat: (list, generate) => `${list.length}${generate ? "?" : "."}`,
  });
  expect(own.examples.train).toEqual([
    { prompt: "1?", completion: "hello" },
    { prompt: "3?", completion: "see you" },
  ]);
  // nothing between two answers: the second begins an example of its own
  const twice = [...messages.slice(0, 2), { role: "assistant", content: "hello" }];
  const bare = make({
    examples: [{ messages: twice }],
    chat: (list) => list.map(({ content }) => content).join(""),
  });
  expect(bare.examples.train).toEqual([
    { prompt: "hi", completion: "hello" },
    { prompt: "hihello", completion: "hello" },
  ]);
});

test("a conversation is on the side of the prompt that it ends with, and its characters are known", () => {
  const rows = Array.from({ length: 200 }, (_, i) => ({
    messages: ["q", "a", `${i}`, "ö"].map((content, at) => ({
      role: at % 2 === 0 ? "user" : "assistant",
      content,
    })),
  }));
  const { examples, prompts, tokenizer } = make({ examples: rows, splits: 0.2 });
  for (const side of ["train", "validation", "heldOut"] as const) {
    expect(prompts[side].length).toBeGreaterThan(10);
    const asked = examples[side].map((example) => singleTurns(example).at(-1)?.prompt);
    expect(asked).toEqual(prompts[side]);
  }
  expect(tokenizer.encode("ö")).toHaveLength(1);
});

test("a form of messages is the task's where it is given, or where all prompts are messages", () => {
  const row = { messages: [{ role: "user", content: "hi" }] };
  const form = (definition: TextDefinition) => make(definition).chat?.(row.messages, true);
  expect(form({ prompts: [row] })).toBe("user: hi\nassistant: ");
  expect(form({ prompts: [row, "hi"] })).toBe(undefined);
  expect(form({ corpus: "hi" })).toBe(undefined);
  expect(form({ prompts: ["hi"], chat: ([{ content }]) => `<${content}>` })).toBe("<hi>");
  expect(() => make({ prompts: [row], chat: (() => 7) as never })).toThrow(
    "here: chat: expected a text, got 7",
  );
  expect(() => make({ prompts: [row], chat: "x" as never })).toThrow(
    'here: expected chat as a function, got "x"',
  );
});

test("whole texts give their beginnings as prompts; prompts of one's own come first", () => {
  expect(make({ examples: ["one two three four five"] }).prompts.train).toEqual(["one two "]);
  expect(make({ corpus: "a b c\nd e f" }).prompts.train).toEqual(["a ", "d "]);
  expect(
    make({ examples: ["x"], prompts: ["a", { prompt: "b" }, { text: "c" }] }).prompts.train,
  ).toEqual(["a", "b", "c"]);
});

test("few rows stand on every side; many are split, and no side is empty", () => {
  const few = make({ prompts: ["a", "b"] }).prompts;
  expect([few.train, few.validation, few.heldOut]).toEqual([
    ["a", "b"],
    ["a", "b"],
    ["a", "b"],
  ]);
  const many = make({
    prompts: Array.from({ length: 200 }, (_, i) => `p${i}`),
    splits: 0.2,
  }).prompts;
  expect(many.train.length + many.validation.length + many.heldOut.length).toBe(200);
  for (const side of [many.validation, many.heldOut])
    expect(Math.abs(side.length - 40)).toBeLessThan(25);
  expect(many.train.some((prompt) => many.validation.includes(prompt))).toBe(false);
});

test("the tokenizer: characters of all texts, bytes for many, merges, or one of one's own with its own end", () => {
  expect(make({ examples: [{ prompt: "ab", completion: "c" }] }).tokenizer.vocab).toBe(4);
  const many = String.fromCodePoint(...Array.from({ length: 200 }, (_, i) => 0x4e00 + i));
  expect(make({ examples: [many] }).tokenizer.vocab).toBe(257);
  expect(make({ examples: ["aaaa aaaa"], tokenizer: { merges: 1 } }).tokenizer.vocab).toBe(258);
  const own = make({ prompts: ["a"], tokenizer: characters("a", ["</s>"]), end: "</s>" });
  expect([own.end, own.tokenizer.special("</s>")]).toEqual(["</s>", 1]);
  for (const wrong of [
    {},
    { prompts: [5] },
    { prompts: ["a"], splits: 0.5 },
    { prompts: ["a"], completionLength: 0 },
    { prompts: "a" },
    { prompts: ["a"], tokenizer: "words" },
    { prompts: ["a"], measures: { m: 1 } },
  ])
    expect(() => make(wrong as never)).toThrow(SettingError);
});

test.each([
  [7, "a text or an object, got 7"],
  [["a"], "a text or an object, got a list"],
  [{ prompt: 1 }, "prompt as a text, got 1"],
  [{ prompt: "a", completion: null }, "completion as a text, got null"],
  [{ question: "a", answer: "b" }, 'prompt, completion, text or messages, got "question, answer"'],
  [{}, "prompt, completion, text or messages, got no field"],
  [{ messages: "x" }, 'messages as a list of one message or more, got "x"'],
  [{ messages: [] }, "messages as a list of one message or more, got none"],
  [
    { messages: [{ role: "user", content: "a" }, { content: "b" }] },
    "role and content as texts in message 2",
  ],
  [{ messages: [null] }, "role and content as texts in message 1"],
  [{ messages: [{ role: "user", content: 5 }] }, "role and content as texts in message 1"],
])("the row %j is refused by its number, with what was expected", (row, expected) => {
  for (const name of ["examples", "prompts"] as const)
    expect(() => make({ [name]: ["fine", row as never] })).toThrow(
      new SettingError(`here: ${name}: row 2: expected ${expected}`),
    );
});
