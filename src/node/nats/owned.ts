/** Checks that this machine has what a job needs: own files by their hash, corpora, SIMD. None comes over the network. */
import { basename } from "node:path";
import { simdAvailable } from "../../backends/simd.ts";
import { messageOf } from "../../core/thrown.ts";
import type { OwnFile, OwnFiles } from "../../tasks/own-files.ts";
import type { ResolvedRun, RunConfig } from "../../tasks/run.ts";
import { type KnownCorpora, knownCorpus } from "../corpora.ts";
import { checkMemory } from "../memory.ts";
import { loadLibraryOf } from "../mujoco.ts";
import { ownFileOf, ownModelOf } from "../own-files.ts";
import { Refusal } from "./taken.ts";

/** Own files, and folders of models, that a worker was started with. */
export class OwnedFiles {
  private readonly paths: readonly string[];
  private readonly models: readonly OwnFile[];

  /** Throws SettingError or FormatError for one that cannot be read. */
  constructor(paths: readonly string[], models: readonly string[] = []) {
    for (const path of paths) ownFileOf(path);
    this.paths = paths;
    this.models = models.map(ownModelOf); // large, and so read once
  }

  /** Returns this machine's files with the hashes of those that a run names. Throws Refusal where one is missing. */
  insteadOf(files: OwnFiles = {}): OwnFiles {
    // files as they are now
    const own = [...this.paths.map((given) => ownFileOf(given)), ...this.models];
    return Object.fromEntries(
      Object.entries(files).map(([role, { path, sha256 }]) => {
        const found = own.find((file) => file.sha256 === sha256);
        if (found !== undefined) return [role, found];
        const name = basename(path.replaceAll("\\", "/"));
        const isOther = own.some((file) => basename(file.path) === name);
        const why = isOther ? `its ${name} is not the one with` : `it has no ${name} with`;
        throw new Refusal(`${why} sha256 ${sha256.slice(0, 12)}…; pigrad worker --${role} …`);
      }),
    );
  }
}

/** Throws Refusal for a run whose task needs a library that is not here. */
export async function mustHaveLibrary(config: RunConfig): Promise<void> {
  try {
    await loadLibraryOf(config);
  } catch (error) {
    throw new Refusal(messageOf(error));
  }
}

/** Throws Refusal for corpora that are not here with the same content, at the same path. */
export function mustHaveCorpora(corpora: KnownCorpora): void {
  for (const name of Object.keys(corpora)) {
    try {
      knownCorpus(corpora, false)(name);
    } catch (error) {
      throw new Refusal(messageOf(error).replace(/; --trust-data.*$/, ""));
    }
  }
}

/** Throws Refusal for a run that this machine cannot do with the same bits, or at all. */
export function mustFit({ backend }: RunConfig, resolved: () => ResolvedRun): void {
  if (backend === "simd" && !simdAvailable())
    throw new Refusal("the run is of the backend simd, which this machine lacks");
  try {
    checkMemory(resolved());
  } catch (error) {
    throw new Refusal(messageOf(error));
  }
}
