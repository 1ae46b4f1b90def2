import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/core/utf8.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/safetensors.ts";
import { decodeState } from "../../src/io/state-file.ts";
import { withOthers } from "../support/safetensors.ts";

describe("safetensors", () => {
  const file = encodeSafetensors(
    [
      { name: "b", shape: [2, 2], data: Float32Array.of(1, -2, Number.NaN, Infinity) },
      { name: "a", shape: [], data: Float64Array.of(Math.PI) },
      { name: "empty", shape: [0, 3], data: new Float32Array(0) },
    ],
    { made: "by hand" },
  );

  test("reads back what it wrote, names, shapes, bits and metadata", () => {
    const { tensors, metadata } = decodeSafetensors(file);
    expect([...tensors.keys()].sort()).toEqual(["a", "b", "empty"]);
    expect(tensors.get("b")).toEqual({
      name: "b",
      shape: [2, 2],
      data: Float32Array.of(1, -2, Number.NaN, Infinity),
    });
    expect(tensors.get("a")?.data[0]).toBe(Math.PI);
    expect(metadata.get("made")).toBe("by hand");
  });

  test("a BOOL buffer or integers refuse no file: they are left out, with their dtypes said", () => {
    const floats = [{ name: "w", shape: [2], data: Float32Array.of(1, 2) }];
    const mask = { name: "attn.bias", dtype: "BOOL", shape: [1, 3], bytes: [1, 0, 1] };
    const steps = { name: "steps", dtype: "I64", shape: [], bytes: [7, 0, 0, 0, 0, 0, 0, 0] };
    const { tensors, others } = decodeSafetensors(withOthers(floats, [mask, steps]));
    expect([...tensors.values()]).toEqual(floats);
    expect(Object.fromEntries(others)).toEqual({ "attn.bias": "BOOL", steps: "I64" });
    expect(() => decodeState(withOthers(floats, [mask]))).toThrow(
      'state: expected floating-point numbers as "attn.bias", got BOOL',
    );
  });

  test("property: any cut or changed byte of the header gives a FormatError or a valid file, never another error", () => {
    const changes = fc.record({
      at: fc.nat(file.length - 1),
      byte: fc.nat(255),
      length: fc.nat(file.length),
    });
    fc.assert(
      fc.property(changes, ({ at, byte, length }) => {
        const bad = file.slice(0, Math.max(length, at + 1));
        bad[at] = byte;
        try {
          decodeSafetensors(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("utf-8", () => {
  test("property: round trip of any text, the same bytes as the built-in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const bytes = encodeUtf8(text);
        expect(bytes).toEqual(new TextEncoder().encode(text));
        expect(decodeUtf8(bytes)).toBe(text);
      }),
    );
  });

  test("property: refuses exactly what the built-in refuses", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        let wanted: string | null;
        try {
          wanted = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
        } catch {
          wanted = null;
        }
        if (wanted === null) expect(() => decodeUtf8(bytes)).toThrow(FormatError);
        else expect(decodeUtf8(bytes)).toBe(wanted);
      }),
      { numRuns: 5000 },
    );
  });
});
