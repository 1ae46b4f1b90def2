/**
 * Finds PyTorch's fastest setup: Debian's torch uses the system's BLAS, and the reference BLAS has a fiftieth of
 * OpenBLAS's speed. So this finds or installs an OpenBLAS for that process alone, unsets variables that slow it, and
 * times its product against numpy's, which may have its own BLAS, and ours, before any ratio is printed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { simd } from "../../src/backends/simd.ts";
import { matrix } from "../../src/core/backend.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that some machines set for older OpenBLAS builds, and that slow current ones. */
const crippling = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

export interface Best {
  /** The environment variables of the peer's process. */
  readonly env: Environment;
  /** True if its product has at least half the speed of numpy's and of ours. */
  readonly proven: boolean;
  /** One line that reports it. */
  readonly said: string;
}

/** Returns the environment variables with which this Python's torch is fastest, and the speed of its product. */
export function torchAtItsBest(python: string, base: Environment): Best {
  const env = { ...base };
  for (const name of crippling) env[name] = undefined;
  const ours = rateOfOurs();
  const isSlow = ({ torch, numpy }: Rates): boolean => !(torch >= 0.5 * Math.max(numpy, ours));
  let rates = measure(python, env);
  let how = "the system's BLAS";
  for (const folder of isSlow(rates) ? openBlas() : []) {
    const LD_LIBRARY_PATH = [folder, base.LD_LIBRARY_PATH].filter(Boolean).join(":");
    const found = measure(python, { ...env, LD_LIBRARY_PATH });
    if (!(found.torch > rates.torch)) continue;
    rates = found;
    env.LD_LIBRARY_PATH = LD_LIBRARY_PATH;
    how = folder;
  }
  const proven = !isSlow(rates);
  const speeds = `${rates.torch.toFixed(0)} GFLOP/s beside numpy's ${rates.numpy.toFixed(0)} and ours, ${ours.toFixed(0)} (${how})`;
  const said = proven
    ? `torch's product runs at ${speeds}`
    : `torch's product runs at ${speeds}: not at its best, so no ratio to it is printed; install OpenBLAS (Debian: libopenblas0-pthread)`;
  return { env, proven, said };
}

interface Rates {
  readonly torch: number;
  readonly numpy: number;
}
const n = 768;

/** Measures our simd backend, like `measure`. */
function rateOfOurs(): number {
  const k = simd({ memory: 64 << 20 });
  const [y, a, b] = [0, 1, 2].map(() => k.alloc(n * n).fill(1));
  const product = { y: matrix(y, n, n), a: matrix(a, n, n), b: matrix(b, n, n) };
  let best = Infinity;
  for (let round = 0; round < 6; round++) {
    const begun = performance.now();
    k.gemm(product, false);
    best = Math.min(best, performance.now() - begun);
  }
  return (2 * n * n * n) / best / 1e6;
}

const product = `
import time, numpy, torch
torch.set_num_threads(1)
def rate(f):
    f(); best = 1e9
    for _ in range(5):
        t = time.perf_counter(); f(); best = min(best, time.perf_counter() - t)
    return 2 * ${n}**3 / best / 1e9
a = numpy.ones((${n}, ${n}), dtype=numpy.float32); b = torch.ones(${n}, ${n})
print(rate(lambda: torch.mm(b, b)), rate(lambda: a @ a))
`;

/** Measures the product of two 768 × 768 float32 matrices on one thread, in GFLOP/s. */
function measure(python: string, env: Environment): Rates {
  const { stdout } = spawnSync(python, ["-c", product], { encoding: "utf8", env });
  const [torch = Number.NaN, numpy = Number.NaN] = (stdout ?? "").trim().split(" ").map(Number);
  return { torch, numpy };
}

/** Returns folders with OpenBLAS's libblas.so.3; if there is none, tries to install it. */
function openBlas(): readonly string[] {
  const found = folders();
  if (found.length > 0 || process.getuid?.() !== 0) return found;
  console.log("installing OpenBLAS for PyTorch …");
  spawnSync("apt-get", ["install", "-y", "-qq", "libopenblas0-pthread"], { stdio: "ignore" });
  return folders();
}

function folders(): string[] {
  const root = "/usr/lib";
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .flatMap((machine) =>
      ["openblas-serial", "openblas-pthread", "openblas-openmp"].map((kind) =>
        join(root, machine, kind),
      ),
    )
    .filter((folder) => existsSync(join(folder, "libblas.so.3")));
}
