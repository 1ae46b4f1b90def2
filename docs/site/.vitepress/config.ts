/** The site: pages of docs/site/pages.tmp, a policy that allows only its own scripts, search without a server. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DefaultTheme, defineConfig } from "vitepress";
import { scriptHash } from "../../playground/build.ts";
import { markdownFiles, pageOf, pagesFolder, root, titleOf } from "../pages.ts";
import { chineseSearch, chineseTheme, searchable } from "./chinese.ts";

const files = markdownFiles();
const link = (path: string): string =>
  `/${pageOf(path)
    .replace(/\.md$/, "")
    .replace(/(^|\/)index$/, "$1")}`;
const items = (folder: string): DefaultTheme.SidebarItem[] =>
  files
    .filter((path) => path.slice(0, path.lastIndexOf("/")) === folder)
    .map((path) => ({ text: titleOf(path), link: link(path) }))
    .sort((a, b) => Number(b.link.endsWith("/")) - Number(a.link.endsWith("/"))); // the contents first
const group = (text: string, folder: string) => ({ text, items: items(folder) });
const filled = ({ items }: { items: readonly unknown[] }): boolean => items.length > 0;
const english = [
  group("The book", "docs/book"),
  group("Guides", "docs"),
  group("Reference", "docs/reference"),
  group("Decisions", "docs/decisions"),
].filter(filled);
const inEnglish = items("docs/book")
  .filter(({ link }) => !files.includes(`docs/zh/book/${link?.split("/").at(-1)}.md`))
  .filter(({ link }) => !link?.endsWith("/"))
  .map(({ text, link }) => ({ text: `${text}（英文）`, link }));
const chinese = [
  { text: "书", items: [...items("docs/zh/book"), ...inEnglish] },
  group("指南", "docs/zh"),
].filter(filled);
/** The pages that the Chinese edition has: the language menu leads to them (theme/langs.ts). */
const translated = files.filter((path) => path.startsWith("docs/zh/")).map(pageOf);

// Colors of code are inline styles, which the page's policy forbids: each distinct one becomes a class.
const styles = new Map<string, string>();
function classOf(style: string): string {
  const name = styles.get(style) ?? `code-${styles.size}`;
  styles.set(style, name);
  return name;
}
interface Element {
  properties: Record<string, unknown>;
}
function styleToClass(
  this: { addClassToHast(node: never, name: string): unknown },
  node: Element,
): void {
  const { style } = node.properties;
  if (typeof style !== "string") return;
  node.properties.style = undefined;
  this.addClassToHast(node as never, classOf(style));
}

/** The hash of the style that turns transitions off while the scheme changes; the generator adds it to the page. */
const darkSwitch = "'sha256-skqujXORqzxt1aE0NNXxujEanPTX6raoqSscTV/Ww/Y='";

/** Cells of tables are aligned by a class, since the policy forbids styles at an element. */
function alignByClass(md: { renderer: { rules: Record<string, unknown> } }): void {
  const rule = (
    tokens: { attrs: string[][] | null }[],
    i: number,
    options: unknown,
    _: unknown,
    self: { renderToken(t: unknown, i: number, o: unknown): string },
  ) => {
    for (const attribute of tokens[i].attrs ?? [])
      if (attribute[0] === "style")
        [attribute[0], attribute[1]] = ["class", attribute[1].replace("text-align:", "align-")];
    return self.renderToken(tokens, i, options);
  };
  md.renderer.rules.td_open = md.renderer.rules.th_open = rule;
}

/** The policy of a page whose own inline scripts these are. */
const policy = (scripts: readonly string[]): string => {
  return `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' ${scripts.map(scriptHash).join(" ")}; style-src 'self' ${darkSwitch}; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'`;
};

export default defineConfig({
  title: "pigrad",
  description:
    "Policy gradients from the first line: a book, a library and a trainer in pure TypeScript",
  srcDir: pagesFolder,
  outDir: join(root, "docs/site/dist"),
  cacheDir: join(root, "docs/site/cache.tmp"),
  cleanUrls: false,
  metaChunk: true,
  head: [
    ["link", { rel: "icon", href: "data:," }],
    ["link", { rel: "stylesheet", href: "/code.css" }],
    ["link", { rel: "manifest", href: "/site.webmanifest" }],
  ],
  locales: {
    root: { label: "English", lang: "en" },
    ...(chinese.length > 0 && {
      "docs/zh": {
        label: "中文",
        lang: "zh-CN",
        link: "/docs/zh/",
        themeConfig: { ...chineseTheme, sidebar: chinese },
      },
    }),
  },
  themeConfig: {
    search: {
      provider: "local",
      options: {
        locales: { "docs/zh": chineseSearch },
        // Text for the index alone; a tokenizer would be sent to the page as text to evaluate, which its policy forbids.
        _render: (source, env, md) => {
          const html = md.render(source, env);
          return env.relativePath.startsWith("docs/zh/") ? searchable(html) : html;
        },
      },
    },
    outline: { level: [2, 3] },
    nav: [
      { text: "Book", link: "/docs/book/" },
      { text: "Guides", link: "/docs/" },
      { text: "Playground", link: "/docs/playground" },
      { text: "API", link: "/api/", target: "_self" },
    ],
    sidebar: { "/": english, "/docs/zh/": chinese },
    ...{ translated },
  },
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config: alignByClass as never,
    codeTransformers: [
      {
        name: "style-to-class",
        pre: styleToClass,
        span: styleToClass,
        code: styleToClass,
      } as never,
    ],
  },
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith("pg-") } } },
  vite: {
    resolve: {
      alias: [
        { find: /^pigrad$/, replacement: join(root, "src/index.ts") },
        {
          find: /^(?:\.\.?\/)+composables\/langs$/,
          replacement: join(root, "docs/site/.vitepress/theme/langs.ts"),
        },
      ],
    },
    publicDir: join(root, "docs/site/public.tmp"),
    build: { chunkSizeWarningLimit: 2000 },
    esbuild: { drop: ["console"] }, // the book's listings print; in the page they only compute
    server: { fs: { allow: [root] } },
  },
  transformHtml(html) {
    const scripts = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
      ([, code]) => code,
    );
    const meta = `<meta http-equiv="Content-Security-Policy" content="${policy(scripts)}">`;
    return html.replace(/ style="[^"]*"/g, "").replace("<head>", `<head>\n    ${meta}`);
  },
  buildEnd({ outDir }) {
    const rules = [...styles].map(([style, name]) => `.${name}{${style}}`);
    writeFileSync(join(outDir, "code.css"), rules.join("\n"));
  },
});
