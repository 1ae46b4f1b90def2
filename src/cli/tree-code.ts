/** A decision tree as code, and as a picture. */
import { numberNames, type Space } from "../envs/space.ts";
import type { Tree } from "../policies/tree.ts";
import { escaped } from "./page.ts";

export interface NamedTree {
  readonly tree: Tree;
  readonly task: string;
  readonly observation: Space;
  /** Names of the choices, and the number of the first one. */
  readonly actions: readonly string[];
  readonly start: number;
}

/** Returns the tree as a TypeScript function from the environment's observation to the number of a choice. */
export function treeCode({ tree, task, observation, actions, start }: NamedTree): string {
  const names = numberNames(observation);
  const used = featuresOf(tree);
  const variables = variablesFor(names, used);
  const line = (depth: number, text: string): string => `${"  ".repeat(depth)}${text}\n`;
  const codeOf = (node: Tree, depth: number): string =>
    node.kind === "leaf"
      ? line(depth, `return ${start + node.action}; // ${oneLine(actions[node.action])}`)
      : line(depth, `if (${variables.get(node.feature)} <= ${node.threshold}) {`) +
        codeOf(node.low, depth + 1) +
        line(depth, "} else {") +
        codeOf(node.high, depth + 1) +
        line(depth, "}");
  const reads = used.map((i) =>
    line(1, `const ${variables.get(i)} = observation[${i}];${commentFor(names[i], i, variables)}`),
  );
  return `/** ${oneLine(task).replaceAll("*/", "* /")}: returns ${actions
    .map((name, i) => `${start + i} for ${oneLine(name)}`)
    .join(", ")
    .replaceAll("*/", "* /")}. */
export function act(observation: ArrayLike<number>): number {
${reads.join("")}${codeOf(tree, 1)}}
`;
}

const oneLine = (text: string): string => text.replace(/[\r\n\u2028\u2029]+/g, " ");

/** Returns a comment with the name, where the variable does not say it. */
const commentFor = (name: string, i: number, variables: ReadonlyMap<number, string>): string =>
  variables.get(i) === `x${i}` && name !== String(i) ? ` // ${oneLine(name)}` : "";

function featuresOf(tree: Tree): number[] {
  if (tree.kind === "leaf") return [];
  const all = [tree.feature, ...featuresOf(tree.low), ...featuresOf(tree.high)];
  return [...new Set(all)].sort((a, b) => a - b);
}

/** Returns a variable per feature: its name in camel case, or x and its number where that is no name of its own. */
function variablesFor(names: readonly string[], used: readonly number[]): Map<number, string> {
  const camel = (name: string): string =>
    name
      .replace(/[^A-Za-z0-9]+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase())
      .replace(/[^A-Za-z0-9]/g, "")
      .replace(/^[A-Z]/, (letter) => letter.toLowerCase());
  const wanted = used.map((i) => camel(names[i]));
  const isOwn = (name: string): boolean =>
    /^[a-z]\w{1,30}$/i.test(name) &&
    !/^x\d+$|^(observation|act)$/.test(name) &&
    !reserved.has(name) &&
    wanted.filter((other) => other === name).length === 1;
  return new Map(used.map((i, j) => [i, isOwn(wanted[j]) ? wanted[j] : `x${i}`]));
}
const reserved = new Set(
  "await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield eval arguments".split(
    " ",
  ),
);

const [boxWidth, boxHeight, levelHeight, margin] = [156, 44, 92, 8];
const leafColors = ["#2f6fde", "#d9582b", "#2b9a66", "#8b5cf6", "#c99700", "#0891b2"];

/** Returns the tree as an SVG picture: a box per split, and a leaf per action; left where the condition holds. */
export function treeSvg({ tree, observation, actions }: NamedTree): string {
  const names = numberNames(observation);
  let [leaves, deepest] = [0, 0];
  const parts: string[] = [];
  /** Draws a node and returns the middle of its box. */
  const draw = (node: Tree, level: number): number => {
    deepest = Math.max(deepest, level);
    const y = margin + level * levelHeight;
    if (node.kind === "leaf") {
      const x = margin + (leaves++ + 0.5) * (boxWidth + margin);
      const text = `${(100 * (1 - node.impure)).toFixed(0)} % of ${node.states.toLocaleString("en")}`;
      const color = leafColors[node.action % leafColors.length];
      parts.push(boxOf(x, y, [cut(actions[node.action]), text], color));
      return x;
    }
    const [low, high] = [draw(node.low, level + 1), draw(node.high, level + 1)];
    const x = (low + high) / 2;
    for (const [to, word] of [
      [low, "yes"],
      [high, "no"],
    ] as const)
      parts.push(branch(x, to, y, word));
    parts.push(boxOf(x, y, [cut(names[node.feature]), `≤ ${node.threshold}`], null));
    return x;
  };
  draw(tree, 0);
  const width = margin + leaves * (boxWidth + margin);
  const height = 2 * margin + deepest * levelHeight + boxHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="tree" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="decision tree" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">${parts.join("")}</svg>`;
}

const cut = (name: string): string => (name.length > 21 ? `${name.slice(0, 20)}…` : name);

function boxOf(
  x: number,
  y: number,
  [title, text]: readonly [string, string],
  color: string | null,
): string {
  const paint = color === null ? 'fill="none"' : `fill="${color}" fill-opacity="0.25"`;
  return `<rect x="${x - boxWidth / 2}" y="${y}" width="${boxWidth}" height="${boxHeight}" rx="4" stroke="currentColor" stroke-opacity="0.5" ${paint}/><text x="${x}" y="${y + 18}" text-anchor="middle" font-weight="600">${escaped(title)}</text><text x="${x}" y="${y + 35}" text-anchor="middle">${escaped(text)}</text>`;
}

function branch(from: number, to: number, y: number, word: string): string {
  const [top, bottom] = [y + boxHeight, y + levelHeight];
  return `<path d="M${from} ${top}L${to} ${bottom}" stroke="currentColor" stroke-opacity="0.5"/><text x="${(from + to) / 2 + (to < from ? -6 : 6)}" y="${(top + bottom) / 2}" text-anchor="${to < from ? "end" : "start"}" font-size="11" fill-opacity="0.7">${word}</text>`;
}
