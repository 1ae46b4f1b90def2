/** The machine, runtime and commit that results were measured on. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly platform: string;
  /** The measured commit; with a plus if files had changed since. */
  readonly commit: string;
}

export function machine(): Machine {
  const cores = cpus();
  const platform = `${process.platform} ${process.arch}`;
  const node = process.version;
  return { cpu: cores[0].model.trim(), cores: cores.length, node, platform, commit: commit() };
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+";
    return git("rev-parse", "--short", "HEAD") + changed;
  } catch {
    return "unknown";
  }
}
