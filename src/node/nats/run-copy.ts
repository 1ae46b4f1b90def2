/** A run folder of a job on the worker: fetched from the object store, and stored there again as it grows. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "../../core/errors.ts";
import { messageOf } from "../../core/thrown.ts";
import type { RunConfig } from "../../tasks/run.ts";
import { lastMetric, readConfig } from "../run-folder.ts";
import { sameFields } from "../train-job.ts";
import type { Blobs } from "./blobs.ts";
import { packRun, unpackRun } from "./bundle.ts";

export interface CopyOptions {
  /** Seconds between two uploads. */
  readonly every: number;
  /** Hears of each upload that succeeded. */
  readonly stored: () => void;
  /** Hears of an upload that failed; the training goes on. */
  readonly warn: (line: string) => void;
}

export class RunCopy {
  readonly folder = join(mkdtempSync(join(tmpdir(), "pigrad-worker-")), "run");
  private readonly blobs: Blobs;
  private readonly name: string;
  private readonly options: CopyOptions;
  private stored = 0; // when the checkpoint that was stored last was written
  private timer: NodeJS.Timeout | undefined;
  private upload: Promise<void> = Promise.resolve();

  constructor(blobs: Blobs, name: string, options: CopyOptions) {
    this.blobs = blobs;
    this.name = name;
    this.options = options;
  }

  /**
   * Fetches the run where there is one. A run of another config, or one that is damaged, is left aside. Returns the
   * steps that it has come to.
   */
  async fetch(config: RunConfig): Promise<number> {
    const bytes = await this.blobs.get(this.name);
    if (bytes === null) return 0;
    try {
      unpackRun(bytes, this.folder, `object ${this.name}`);
      if (!sameFields(readConfig(this.folder), config)) throw new FormatError("of another config");
      this.stored = this.written();
      return lastMetric(this.folder)?.envSteps ?? 0;
    } catch (error) {
      this.options.warn(`a stored run is left aside: ${messageOf(error)}`);
      rmSync(this.folder, { recursive: true, force: true });
      return 0;
    }
  }

  /** Stores each new checkpoint from now on. */
  follow(): void {
    this.timer = setInterval(() => {
      this.upload = this.upload.then(() => this.store());
    }, 1000 * this.options.every);
  }

  /** Stops following. */
  async unfollow(): Promise<void> {
    clearInterval(this.timer);
    await this.upload;
  }

  /** Stores the run if it has a checkpoint that is not stored. */
  async store(): Promise<void> {
    const written = this.written();
    if (written === this.stored) return;
    try {
      await this.storeAll();
      this.stored = written;
      this.options.stored();
    } catch (error) {
      this.options.warn(messageOf(error));
    }
  }

  /** Stores the run as it is. */
  async storeAll(): Promise<void> {
    await this.blobs.put(this.name, packRun(this.folder));
  }

  remove(): void {
    rmSync(join(this.folder, ".."), { recursive: true, force: true });
  }

  private written(): number {
    const found = statSync(join(this.folder, "checkpoint.safetensors"), { throwIfNoEntry: false });
    return found?.mtimeMs ?? 0;
  }
}
