/** A command of the command line. */
export interface Command {
  readonly run: (args: string[]) => Promise<void> | void;
  readonly help: string;
  /** A command line that works by itself, or after the examples of `train`. */
  readonly example: string;
  /** Names that shell completion offers for the first argument, besides files and folders. */
  readonly words?: readonly string[];
}
