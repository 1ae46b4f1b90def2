/** A task of the person's own, from code that was pasted: what a file of docs/your-own.md holds. */
import { type OwnFile, registerOwn } from "../../src/tasks/own-files.ts";

const path = "your code";
let count = 0;

/** Runs the code as a module and registers its default export. Throws what the code throws. */
export async function loadPageTask(code: string): Promise<OwnFile> {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    const { default: task } = await import(/* @vite-ignore */ address);
    if (task === undefined) throw new Error(`${path}: expected a default export, got none`);
    const file = { path: count++ === 0 ? path : `${path} (${count})`, sha256: "" };
    registerOwn(file.path, task);
    return file;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** A corridor to begin from. */
export const example = `// Walk to the end of a corridor. Any environment in Gymnasium's shape will do.
class Corridor {
  observationSpace = { type: "Box", low: 0, high: 1, shape: [1], names: ["place"] };
  actionSpace = { type: "Discrete", n: 2, names: ["left", "right"] };
  reset() {
    [this.place, this.steps] = [0, 0];
    return [0];
  }
  step(action) {
    this.place = Math.max(0, this.place + (action === 1 ? 1 : -1));
    const there = this.place === 9;
    const late = !there && ++this.steps === 60;
    return [[this.place / 9], there ? 1 : -0.02, there, late, { success: there }];
  }
}

export default {
  about: "walk to the end of a corridor",
  environment: () => new Corridor(),
  algo: "ppo",
  steps: 20000,
};
`;
