import { describe, expect, test } from "vitest";
import { eventFileHeader, maskedCrc, scalarEvent } from "../../src/io/tensorboard.ts";
import { readEvents } from "../support/event-file.ts";

describe("TensorBoard event files", () => {
  test("the CRC is Castagnoli's: of 123456789 it is e3069283, masked as the format says", () => {
    const crc = 0xe3069283;
    const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
    expect(maskedCrc(new TextEncoder().encode("123456789"))).toBe(masked);
  });
  test("fixed bytes: the header of a file at time 0", () => {
    const hex = Buffer.from(eventFileHeader(0)).toString("hex");
    expect(hex.slice(0, 16)).toBe("1800000000000000"); // 24 bytes
    expect(hex.slice(24, 72)).toBe(
      `09${"00".repeat(8)}1a0d${Buffer.from("brain.Event:2").toString("hex")}`,
    );
  });
  test("scalars, steps beyond 32 bits and times are read back", () => {
    const file = Buffer.concat([
      eventFileHeader(1.5),
      scalarEvent(2.5, 300, { meanReturn: -1.25, "loss/ü": 0.5 }),
      scalarEvent(3, 2 ** 40 + 5, { x: Number.NaN }),
    ]);
    const [first, second, third] = readEvents(file);
    expect(first).toMatchObject({ version: "brain.Event:2", time: 1.5 });
    expect(second).toMatchObject({
      step: 300,
      time: 2.5,
      scalars: { meanReturn: -1.25, "loss/ü": 0.5 },
    });
    expect(third).toMatchObject({ step: 2 ** 40 + 5, scalars: { x: Number.NaN } });
  });
});
