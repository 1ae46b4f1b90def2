// @module-tag deep
/** pigrad chat, and texts as they are written, token by token. */
import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { Conversation } from "../../src/cli/conversation.ts";
import { Random } from "../../src/core/random.ts";
import { openRun } from "../../src/node/run-folder.ts";
import { completing } from "../../src/tasks/text/completing.ts";
import type { LanguageSession } from "../../src/tasks/text/session.ts";
import { type Chat, plainChat } from "../../src/text/chat.ts";
import type { TextTask } from "../../src/text/task.ts";
import { bytes } from "../../src/text/tokenizer.ts";
import { jsonLines, pigrad, pigradProcess, temporary } from "../support/pigrad.ts";

const at = temporary();
const [chat, guess] = [at("chat"), at("guess")];
const row = (...turns: string[]) => ({
  messages: turns.map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content })),
});
beforeAll(async () => {
  const rows = [row("hi", "yes 🙂", "so", "é"), row("so", "é")];
  writeFileSync(at("messages.json"), JSON.stringify(rows));
  for (const args of [
    ["text", "--set", `data=${at("messages.json")}`, "--set", "tokenizer=bytes", "--out", chat],
    ["guess", "--set", "games=50", "--set", "numbers=3", "--out", guess],
  ]) {
    const small = ["--set", "width=32", "--set", "sftUpdates=120", "--steps", "1", "--quiet"];
    expect((await pigrad("train", ...args, ...small)).stderr).toBe("");
  }
});
const talk = (run: string, input: string, ...args: string[]) =>
  pigradProcess(["chat", run, "--greedy", ...args], { input });

test("each line is answered, in the form that its messages had in training; /reset and /quit", () => {
  const { stdout, stderr, status } = talk(chat, "hi\nso\n/reset\nso\n/quit\nhi\n");
  expect(stdout).toBe("yes 🙂\né\né\n");
  expect([stderr, status]).toEqual(["", 0]);
  expect(talk(chat, "hi").stdout).toBe("yes 🙂\n"); // without a line feed at the end
});

test("in a dialogue the turns are one text", () => {
  const { stdout, stderr } = talk(guess, "\n>\nx\n>");
  const [first, second, third] = stdout.split("\n");
  for (const question of [first, second, third]) expect(question).toMatch(/^\d?\??$/);
  expect(first).toMatch(/^\d\?$/);
  expect(stderr).toMatch(/^pigrad: .*x.*\n$/); // no token for it; the conversation goes on
});

test("a template of a task's own is the form of the conversation", async () => {
  const file = at("template.mjs");
  const messages = (...turns: string[]) => JSON.stringify([row(...turns)]).slice(1, -1);
  writeFileSync(
    file,
    `export default {
  examples: [${messages("hi", "yes", "so", "no")}, ${messages("so", "oh")}],
  chat: (messages) => messages.map(({ role, content }) =>
    role === "user" ? "[" + content.toLowerCase() + "]>" : content + "\\n").join(""),
  completionLength: 8,
};
`,
  );
  const run = at("templated");
  const small = ["--set", "width=32", "--set", "sftUpdates=120", "--quiet", "--out", run];
  expect((await pigrad("train", file, ...small)).stderr).toBe("");
  const { stdout, stderr } = talk(run, "HI\nxyz\nSO\n/reset\nso");
  expect(stdout).toBe("yes\nno\noh\n");
  expect(stderr).toMatch(/^pigrad: .*x.*\n$/); // no token for it; the conversation goes on
});

describe("a conversation in a form of its own", () => {
  const conversationWith = (chat: Chat) => {
    const task = { tokenizer: bytes(["<end>"]), completionLength: 4, chat } as TextTask;
    const gpt = { options: { context: 46 } } as LanguageSession["gpt"];
    const conversation = new Conversation({ task, gpt });
    const encode = (text: string) => task.tokenizer.encode(text);
    return {
      conversation,
      say: (line: string) => conversation.say(line),
      answer: (text: string) =>
        conversation.answer([...encode(text), task.tokenizer.special("<end>")]),
      text: () => task.tokenizer.decode(conversation.tokens().slice(1)),
    };
  };
  test("is written on where the form begins with what was said, and as a whole where it does not", () => {
    const grows = conversationWith((messages) =>
      messages.map(({ content }) => `<${content}`).join(""),
    );
    const counts = conversationWith(
      (messages) => `${messages.length}: ${messages.at(-1)?.content}.`,
    );
    for (const { say, answer } of [grows, counts]) {
      say("a");
      answer("b");
      say("c");
    }
    expect(grows.text()).toBe("<a<b<c"); // not of one's own: "<ab"
    expect(counts.text()).toBe("3: c.");
  });
  test("has the model's answers as the tokens that it said", () => {
    const { say, conversation } = conversationWith(plainChat);
    say("a");
    conversation.answer([0xff]);
    say("b");
    expect(conversation.tokens().indexOf(0xff)).toBe(1 + "user: a\nassistant: ".length);
  });
  test("drops the oldest messages before it is written", () => {
    const { say, answer, text } = conversationWith(
      (messages, generate) =>
        `S ${messages.map(({ content }) => content).join("|")}${generate ? "|" : ""}`,
    );
    for (const word of ["first word", "second word", "third word"]) {
      say(word);
      answer("yes");
    }
    say("last");
    expect(text()).toBe("S second word|yes|third word|yes|last|");
  });
});

test.each([
  [["--temperature", "-1"], /--temperature: expected a number ≥ 0, got "-1"/],
  [["--top-k", "x"], /--top-k: expected a whole number/],
  [["more"], /expected one run folder/],
])("%j is refused in one line", async (args, message) => {
  const { stderr, status } = await pigrad("chat", chat, ...args);
  expect(stderr).toMatch(message);
  expect([stderr.trimEnd().split("\n").length, status]).toEqual([1, 2]);
});

test("a run of an environment does not talk", async () => {
  await pigrad("train", "line", "--steps", "500", "--quiet", "--out", at("line"));
  for (const command of ["chat", "sample"])
    expect((await pigrad(command, at("line"))).stderr).toMatch(/expected a run of a text task/);
});

describe("texts as they are written", () => {
  const pieces = (session: LanguageSession, text: string): string[] => {
    const before = [
      session.task.tokenizer.special("<end>"),
      ...session.task.tokenizer.encode(text),
    ];
    return [...completing(session, before, new Random(1), { greedy: true })];
  };

  test("a character of several tokens comes whole", () => {
    const session = openRun(chat) as LanguageSession;
    expect(pieces(session, "user: hi\nassistant: ")).toEqual(["y", "e", "s", " ", "🙂"]);
  });

  test("bytes that are no character come at the end, and before what follows them", () => {
    const { task, gpt } = openRun(chat) as LanguageSession;
    const written = [0x61, 0xff, 0x62, 0xe2, 0x82];
    const decode = ({ length }: ArrayLike<number>) =>
      task.tokenizer.decode(written.slice(0, length));
    const tokenizer = { ...task.tokenizer, decode }; // other tokens in place of the model's
    const session = { gpt, task: { ...task, tokenizer, completionLength: written.length } };
    const before = [tokenizer.special("<end>"), ...tokenizer.encode("user: hi\nassistant: ")];
    const greedy = { greedy: true };
    expect([...completing(session, before, new Random(1), greedy)]).toEqual([
      "a",
      "\ufffdb",
      "\ufffd\ufffd",
    ]);
  });

  test("sample writes them to stdout as they come, and whole with --json", async () => {
    const written: string[] = [];
    const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    const { pigrad: command } = await import("../../src/cli/pigrad.ts");
    await command(["sample", chat, "--prompt", "hi", "-n", "1", "--greedy"]);
    spy.mockRestore();
    expect(written).toEqual(["user: hi\nassistant: ", "y", "e", "s", " ", "🙂", "\n"]);
    const args = ["sample", chat, "--prompt", "hi", "-n", "1", "--greedy"];
    const [line] = jsonLines((await pigrad(...args, "--json")).stdout);
    expect(line.completion).toBe("yes 🙂");
  });
});

test("the oldest lines go when the conversation outgrows the context; the last one stays", () => {
  const session = openRun(chat) as LanguageSession;
  const { context } = session.gpt.options;
  const { tokenizer, completionLength } = session.task;
  const conversation = new Conversation(session);
  for (const word of ["first", "second", "third", "fourth", "fifth", "sixth"]) {
    conversation.say(word);
    const tokens = conversation.tokens();
    const text = tokenizer.decode(tokens);
    expect(text.endsWith(`user: ${word}\nassistant: `)).toBe(true);
    expect(text.startsWith("user: ")).toBe(true);
    if (text.match(/user/g)?.length !== 1)
      expect(tokens.length + completionLength).toBeLessThanOrEqual(context);
    conversation.answer(tokenizer.encode("ok"));
  }
  conversation.reset();
  conversation.say("new");
  expect(tokenizer.decode(conversation.tokens())).toBe("user: new\nassistant: ");
});
