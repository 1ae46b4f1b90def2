/** The typed errors of the core. Numbers out of range throw the built-in RangeError. */

/** Shapes or lengths that do not fit; the message names the function, what it wants and what it got. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** A call at the wrong time or on the wrong object: an op without a tape, a foreign buffer, an async body. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Bytes that are not what their format demands. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** A choice with nothing allowed: every action of a row is masked. */
export class MaskError extends Error {
  override readonly name = "MaskError";
}

/** A setting, option or name that is not allowed; the message says what is. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

/** A name that is none of those known, which a caller may search for what was meant. */
export class UnknownNameError extends SettingError {
  readonly given: string;
  readonly known: readonly string[];
  constructor(message: string, given: string, known: readonly string[]) {
    super(message);
    this.given = given;
    this.known = known;
  }
}

/** An environment that breaks its contract, or was used against it. */
export class EnvError extends Error {
  override readonly name = "EnvError";
}

/** NaN or Infinity where training needs a number. */
export class NumericError extends Error {
  override readonly name = "NumericError";
}

/** A fixed memory without room for what was asked; the message says how much. */
export class MemoryError extends Error {
  override readonly name = "MemoryError";
}

/** Code of one's own, such as an environment or a reward in a file, failed or broke a rule. */
export class OwnCodeError extends Error {
  override readonly name = "OwnCodeError";
}
