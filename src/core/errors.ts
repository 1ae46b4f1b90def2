/** The typed errors of the core. Numbers out of range throw the built-in RangeError. */

/** Shapes or lengths that do not fit. The message names the function, what it expected and what it got. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** A call at the wrong time or on the wrong object: an op without a tape, a foreign buffer, an async body. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Bytes that violate their format. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** A choice without an allowed action: a whole row is masked out. */
export class MaskError extends Error {
  override readonly name = "MaskError";
}

/** A setting, option or name that is not allowed. The message says what is allowed. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

/** An unknown name. Holds the known names, so that a caller can suggest the nearest. */
export class UnknownNameError extends SettingError {
  readonly given: string;
  readonly known: readonly string[];
  constructor(message: string, given: string, known: readonly string[]) {
    super(message);
    this.given = given;
    this.known = known;
  }
}

/** An environment that breaks its contract, or a call that breaks the environment's contract. */
export class EnvError extends Error {
  override readonly name = "EnvError";
}

/** NaN or Infinity where training needs a number. */
export class NumericError extends Error {
  override readonly name = "NumericError";
}

/** A fixed memory without room for an allocation. The message says how much room is left. */
export class MemoryError extends Error {
  override readonly name = "MemoryError";
}

/** Code of one's own, such as an environment or a reward in a file, failed or broke a rule. */
export class OwnCodeError extends Error {
  override readonly name = "OwnCodeError";
}
