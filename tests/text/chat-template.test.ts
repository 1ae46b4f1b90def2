/** Chat templates and the masks of assistants' turns, with the real renderer. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { loadTokenizer } from "../../src/models/tokenizer.ts";
import { loadJinja } from "../../src/node/chat-template.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { ChatTemplate } from "../../src/text/chat-template.ts";
import { chatTokens } from "../../src/text/chat-tokens.ts";

const jinja = await loadJinja();
const of = (text: string, more: Record<string, string> = {}): ChatTemplate =>
  new ChatTemplate(
    new Map(
      Object.entries({ default: text, ...more }).map(([name, source]) => [
        name,
        { text: source, where: `chat_template.jinja ${name}` },
      ]),
    ),
    jinja,
    { bos_token: "<s>", eos_token: "</s>" },
  );
const [user, assistant] = ["user", "assistant"].map((role) => (content: string) => ({
  role,
  content,
}));
const talk = [user("hi"), assistant("ho"), user("why"), assistant("so")];

const plain =
  "{{ bos_token }}{% for m in messages %}[{{ m.role[0] }}]{{ m.content }}{{ eos_token }}{% endfor %}" +
  "{% if add_generation_prompt %}[a]{% endif %}";
const blocks =
  "{% for m in messages %}\n" +
  "  {% if m.role == 'assistant' %}\n" +
  "[a]\n" +
  "  {% generation %}\n" +
  "{{ m.content }}</s>\n" +
  "  {%- endgeneration %}\n" +
  "\n" +
  "  {% else %}\n" +
  "[u]{{ m.content }}\n" +
  "  {% endif %}\n" +
  "{% endfor %}\n";

describe("render", () => {
  test("the variables of transformers are there, and any other", () => {
    const template = of(
      "{{ tools is none }} {{ documents is none }} {{ add_generation_prompt }} {{ more }} {{ bos_token }}",
    );
    expect(template.render([], { more: [1, "é"] })).toBe('true true false [1, "é"] <s>');
    expect(of("{{ x | tojson }}").render([], { x: { a: "é", b: [1, null] } })).toBe(
      '{"a": "é", "b": [1, null]}',
    );
    expect(of("{{ strftime_now('%Y') }}").render([])).toMatch(/^\d{4}$/);
  });
  test("as a function of messages, up to where the answer begins or not", () => {
    const chat = of(plain).chat();
    expect(chat(talk.slice(0, 1), true)).toBe("<s>[u]hi</s>[a]");
    expect(chat(talk.slice(0, 2), false)).toBe("<s>[u]hi</s>[a]ho</s>");
  });
  test("the template for tools where tools are given", () => {
    const template = of("plain", { tool_use: "tools {{ tools | length }}" });
    expect(template.render([])).toBe("plain");
    expect(template.render([], { tools: [{}] })).toBe("tools 1");
    expect(of("plain").render([], { tools: [{}] })).toBe("plain");
  });
  test("a template that throws, or is broken, gives one line with the file", () => {
    const message = /^chat_template.jinja default: no\b[^\n]*$/;
    expect(() => of("{{ raise_exception('no\\nmore') }}").render([])).toThrow(FormatError);
    expect(() => of("{{ raise_exception('no\\nmore') }}").render([])).toThrow(message);
    expect(() => of("{% if %}").render([])).toThrow(/^chat_template.jinja default: /);
    const none = new ChatTemplate(new Map(), jinja);
    expect(() => none.render([])).toThrow('expected a template "default", got "none"');
  });
});

describe("what the assistant wrote", () => {
  const marked = (template: ChatTemplate): string[] => {
    const { text, spans } = template.marked(talk);
    return spans.map(([start, end]) => text.slice(start, end));
  };
  test("by the text of the messages up to it", () => {
    expect(marked(of(plain))).toEqual(["ho</s>", "so</s>"]);
  });
  test("by blocks of generation, which change nothing in the text", () => {
    const { text } = of(blocks).marked(talk);
    expect(text).toBe(of(blocks).render(talk));
    expect(marked(of(blocks))).toEqual(["ho</s>", "so</s>"]);
    const tight =
      "{% for m in messages %}x {%- generation -%} {{ m.content }} {%- endgeneration -%} y{% endfor %}";
    expect(marked(of(tight))).toEqual(["hi", "ho", "why", "so"]);
    expect(of(tight).marked(talk).text).toBe("xhiyxhoyxwhyyxsoy");
  });
  test("text up to a message that does not begin the whole text is an error with its number", () => {
    const last =
      "{% for m in messages %}{{ m.content }}{% if loop.last %}!{% endif %},{% endfor %}";
    expect(() => of(last).marked(talk)).toThrow(FormatError);
    expect(() => of(last).marked(talk)).toThrow(
      /^chat_template.jinja default: message 2: expected the text of the prompt for it to begin/,
    );
    expect(of(last).marked(talk.slice(0, 1)).spans).toEqual([]);
  });
  test("a message with a mark of ours in it is refused where blocks are marked", () => {
    expect(() => of(blocks).marked([assistant("\u{10fff0}")])).toThrow("outside generation blocks");
  });
});

test("tokens with a mask: those of the assistant's turns, and no others", () => {
  const at = new URL("../vectors/data/models/models/chat", import.meta.url).pathname;
  const { tokenizer, templates, tokens } = loadTokenizer(modelFolder(at));
  const template = new ChatTemplate(templates, jinja, tokens);
  const { ids, mask } = chatTokens(template, tokenizer, talk);
  expect(ids).toEqual(tokenizer.encode(template.render(talk), { special: true }));
  expect(mask.length).toBe(ids.length);
  const kept = ids.filter((_, i) => mask[i] === 1);
  expect(tokenizer.decode(kept, { special: true })).toBe("ho<|eot_id|>so<|eot_id|>");
  const first = mask.indexOf(1);
  const before = tokenizer.decode(ids.slice(0, first), { special: true });
  expect(before).toBe(template.render(talk.slice(0, 1), { add_generation_prompt: true }));
});
