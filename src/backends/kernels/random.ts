/** Random bits: Threefry-2×32 for four counters at once; gives the numbers of core/random.ts. */
import { ints, lanes, type Module, type V128 } from "../assembler.ts";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];

export function addRandom(m: Module): void {
  // y[i] = 1 where word i of the blocks from `counter` on is at least `limit`, else 0; n is a multiple of 8
  m.func(
    "keep",
    ints("y", "n", "key0", "key1", "counter", "limit"),
    (f, { y, n, key0, key1, counter, limit }) => {
      const bits = (x: number): V128 => m.bits(x);
      const [a, b] = [f.let(key0.splat()), f.let(key1.splat())];
      const keys = [a, b, f.let(a.xor(b).xor(bits(0x1bd11bda)))];
      const lowest = bits(-0x80000000); // maps unsigned order to signed order
      const least = f.let(limit.splat().xor(lowest));
      const at = f.let(counter.splat().addInt(lanes()));
      const [x, z] = [f.let(a), f.let(a)];
      const one = f.let(bits(0x3f800000)); // 1 as a float
      f.for(0, n, 8, () => {
        f.set(x, a);
        f.set(z, at.addInt(b));
        for (let round = 0; round < 20; round++) {
          const by = rotations[round % 8];
          f.set(x, x.addInt(z));
          f.set(
            z,
            z
              .shl(by)
              .or(z.shr(32 - by))
              .xor(x),
          );
          if (round % 4 < 3) continue;
          const count = (round + 1) / 4;
          f.set(x, x.addInt(keys[count % 3]));
          f.set(z, z.addInt(keys[(count + 1) % 3]).addInt(bits(count)));
        }
        const [first, second] = [x, z].map((word) => {
          const drop = word.xor(lowest).ltInt(least);
          return f.let(one.except(drop));
        });
        f.store(y, first.shuffle(second, 0, 4, 1, 5));
        f.store(y, first.shuffle(second, 2, 6, 3, 7), 16);
        f.step(y, 32);
        f.set(at, at.addInt(bits(4)));
      });
    },
  );
}
