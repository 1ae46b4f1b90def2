/**
 * Writes the site's pages: the repository's Markdown at the same paths, and a page for each other file or folder that
 * one of them links to. So a link that holds in the repository holds on the site.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, extname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const pagesFolder = fileURLToPath(new URL("pages.tmp", import.meta.url));

const folders = [
  "docs",
  "docs/book",
  "docs/reference",
  "docs/decisions",
  "docs/zh",
  "docs/zh/book",
];
const single = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** The repository's Markdown files that are pages, in the order of the contents. */
export const markdownFiles = (): string[] => [
  ...single,
  ...folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith(".md"))
    .sort((a, b) => pageOf(a).localeCompare(pageOf(b))),
];

/** Returns the first heading of a Markdown file. */
export const titleOf = (path: string): string =>
  /^# (.+)$/m.exec(read(path))?.[1].replaceAll("`", "") ?? path;

/** Returns the page of a path of the repository. A README is its folder's page; what is not Markdown is below `source`. */
export function pageOf(path: string): string {
  if (path === "README.md") return "readme.md";
  if (path.endsWith(".md")) return path.replace(/README\.md$/, "index.md");
  return `source/${path}${extname(path) === "" ? "/index" : ""}.md`;
}

const languages: Readonly<Record<string, string>> = { ".ts": "ts", ".mjs": "js", ".json": "json" };

/** A page that shows a file, or lists a folder. */
function sourcePage(path: string): string {
  const full = join(root, path);
  const title = `# \`${path}\`\n\n`;
  if (statSync(full).isDirectory())
    return (
      title +
      readdirSync(full)
        .map((name) => `- \`${name}\`\n`)
        .join("")
    );
  const language = languages[extname(path)] ?? "text";
  return `${title}\`\`\`\`${language}:line-numbers\n${read(path)}\n\`\`\`\`\n`;
}

/** Returns a link of a page as the site has it. */
function siteLink(path: string, target: string, anchor: string, others: Set<string>): string {
  const wanted = posix.join(posix.dirname(path), target).replace(/\/$/, "");
  const full = join(root, wanted);
  const from = dirname(join(pagesFolder, pageOf(path)));
  if (wanted === "docs/playground") return "/docs/playground.md";
  if (!existsSync(full)) return target + anchor; // named by the generator as dead
  if (extname(wanted) === ".svg") return relative(from, full);
  const readme = existsSync(join(full, "README.md")) ? `${wanted}/README.md` : wanted;
  if (!readme.endsWith(".md")) others.add(readme);
  return relative(from, join(pagesFolder, pageOf(readme))) + (readme.endsWith(".md") ? anchor : "");
}

/** Splits text into what is outside code, changed, and code, as it is. */
const outside = (code: RegExp, text: string, change: (part: string) => string): string =>
  text
    .split(code)
    .map((part, i) => (i % 2 === 0 ? change(part) : part))
    .join("");
const fences = /(^```[\s\S]*?^```$)/m;
const fencesAndSpans = /(^```[\s\S]*?^```$|`[^`\n]*`)/m;

/** The site's form of a page: links to pages, widgets in place of their marks. */
function converted(path: string, others: Set<string>): string {
  const linked = outside(fences, read(path), (part) =>
    part.replace(
      /\]\(([^()\s#:]+)(#[^)\s]*)?\)/g,
      (_, target, anchor = "") => `](${siteLink(path, target, anchor, others)})`,
    ),
  );
  return outside(fencesAndSpans, linked, (part) =>
    part
      .replaceAll("{{", "&#123;&#123;")
      .replace(
        /<!-- site: (pg-\w+)(.*?) -->/g,
        (_, name, attributes) => `<ClientOnly><${name}${attributes}></${name}></ClientOnly>`,
      ),
  );
}

/** Writes all pages anew. */
export function writePages(): void {
  rmSync(pagesFolder, { recursive: true, force: true });
  const write = (page: string, text: string): void => {
    const file = join(pagesFolder, page);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const others = new Set<string>();
  for (const path of markdownFiles()) write(pageOf(path), converted(path, others));
  for (const path of others) write(pageOf(path), sourcePage(path));
  write("index.md", read("docs/site/home.md"));
  write("docs/playground.md", read("docs/site/playground.md"));
}
