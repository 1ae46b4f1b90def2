/** Atomic writes when the disk is full, fails, or takes less than it is given: the old file stays whole. */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { writeAtomically } from "../../src/node/files.ts";
import { patched } from "../support/patched.ts";

/** The fault to inject: the function, its error code and the call that fails; and the most bytes per write. */
const fault = { at: "", code: "", call: 0, most: Infinity };
const real = { ...fs };
const failing = (name: string): void => {
  if (fault.at === name && --fault.call < 0)
    throw Object.assign(new Error(`${fault.code}: injected`), { code: fault.code });
};
const wrapped = {
  writeSync: (file: number, bytes: Uint8Array, at = 0) => {
    failing("write");
    return real.writeSync(file, bytes, at, Math.min(bytes.length - at, fault.most));
  },
  fsyncSync: (file: number) => {
    failing("fsync");
    real.fsyncSync(file);
  },
  renameSync: (from: string, to: string) => {
    failing("rename");
    real.renameSync(from, to);
  },
  openSync: (path: string, flags: string) => {
    failing("open");
    return real.openSync(path, flags);
  },
};
let restore: () => void;
beforeAll(() => {
  restore = patched(fs, wrapped as unknown as typeof fs);
});
afterAll(() => restore());

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "pigrad-"));
});
afterEach(() => {
  Object.assign(fault, { at: "", code: "", call: 0, most: Infinity });
  fs.rmSync(folder, { recursive: true });
});
const old = new Uint8Array(1000).fill(1);
const next = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);

describe("a file that is written anew", () => {
  for (const code of ["ENOSPC", "EIO", "EDQUOT"]) {
    for (const [at, calls] of [
      ["write", [0, 1, 3]],
      ["fsync", [0]],
      ["rename", [0]],
      ["open", [0]],
    ] as const) {
      for (const call of calls) {
        test(`keeps what it was at ${code} in ${at} number ${call + 1}`, () => {
          const path = join(folder, "checkpoint");
          writeAtomically(path, old);
          Object.assign(fault, { at, code, call, most: 1000 });
          expect(() => writeAtomically(path, next)).toThrow(code);
          fault.at = "";
          expect(new Uint8Array(fs.readFileSync(path))).toEqual(old);
          expect(fs.readdirSync(folder)).toEqual(["checkpoint"]); // nothing half written is left
          writeAtomically(path, next);
          expect(new Uint8Array(fs.readFileSync(path))).toEqual(next);
        });
      }
    }
  }

  test("is whole where the system takes a few bytes at a time", () => {
    const path = join(folder, "checkpoint");
    fault.most = 7;
    writeAtomically(path, next);
    expect(new Uint8Array(fs.readFileSync(path))).toEqual(next);
  });
});
