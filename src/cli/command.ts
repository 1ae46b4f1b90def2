/** A command of the command line. */
export interface Command {
  readonly run: (args: string[]) => Promise<void> | void;
  readonly help: string;
  /** One that works as it stands, or after those of `train`. */
  readonly example: string;
  /** Names that its first argument may be, besides files and folders; for completion. */
  readonly words?: readonly string[];
}
