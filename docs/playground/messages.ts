/** Messages between the page and its worker. */
import type { LabReport } from "../../src/oracle/lab.ts";
import type { Replay } from "../../src/tasks/replay.ts";

/** A training as a person sets it: all that a link holds. */
export interface Setup {
  readonly task: string;
  readonly algo: string;
  readonly seed: number;
  readonly steps: number;
  readonly backend: string;
  /** Only those that differ from the preset. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface SettingInfo {
  readonly name: string;
  readonly about: string;
  readonly allowed: string;
  readonly value: string;
}
export interface TaskInfo {
  readonly about: string;
  readonly algo: string;
  readonly solved: number | null;
  readonly isText: boolean;
  readonly algorithms: Readonly<
    Record<
      string,
      { readonly about: string; readonly steps: number; readonly settings: readonly SettingInfo[] }
    >
  >;
}

export type ToWorker =
  | { readonly type: "open"; readonly setup: Setup }
  | { readonly type: "run" | "pause" | "step" | "download" }
  /** The files of a published model, or the address of their folder. */
  | { readonly type: "model"; readonly from: readonly File[] | string }
  /** Code of the person's own, for the sandbox alone. */
  | { readonly type: "own"; readonly code: string }
  | { readonly type: "complete"; readonly prompt: string }
  | { readonly type: "lab"; readonly problem: string };

export interface Progress {
  readonly envSteps: number;
  readonly meanReturn: number;
}
export type ToPage =
  | {
      readonly type: "ready";
      readonly tasks: Readonly<Record<string, TaskInfo>>;
      readonly problems: readonly string[];
    }
  | { readonly type: "opened"; readonly backend: string }
  | { readonly type: "loading"; readonly what: string }
  /** A model is there: the tasks of texts begin from it. */
  | {
      readonly type: "model";
      readonly about: string;
      readonly tasks: Readonly<Record<string, TaskInfo>>;
    }
  /** The person's own task is there. */
  | { readonly type: "own"; readonly tasks: Readonly<Record<string, TaskInfo>> }
  | { readonly type: "written"; readonly text: string }
  | {
      readonly type: "progress";
      readonly points: readonly Progress[];
      readonly speed: number;
      readonly done: boolean;
    }
  | { readonly type: "replay"; readonly replay: Replay }
  | { readonly type: "file"; readonly js: string }
  | { readonly type: "lab"; readonly report: LabReport }
  | { readonly type: "failed"; readonly message: string };
