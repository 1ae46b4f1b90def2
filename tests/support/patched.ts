/** Functions of a module of Node's, as `fs`, replaced while a test runs: in every module that imports them. */
import { syncBuiltinESMExports } from "node:module";

/** `module` is the default import. Returns what puts the old ones back. */
export function patched<T extends object>(module: T, functions: Partial<T>): () => void {
  const names = Object.keys(functions) as (keyof T)[];
  const before = Object.fromEntries(names.map((name) => [name, module[name]]));
  const install = (some: object): void => {
    Object.assign(module, some);
    syncBuiltinESMExports();
  };
  install(functions);
  return () => install(before);
}
