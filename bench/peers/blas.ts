/**
 * PyTorch at its best: Debian's torch takes whatever BLAS the system has, and the reference BLAS runs at a fiftieth of
 * OpenBLAS. So an OpenBLAS is found or installed for that process alone, what holds it back there is unset, and its
 * product is timed beside numpy's, which may have a BLAS of its own, and beside ours, before any ratio to it is printed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { simd } from "../../src/backends/simd.ts";
import { matrix } from "../../src/core/backend.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What some machines set for older OpenBLAS builds: it slows current ones. */
const crippling = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

export interface Best {
  /** For the process of the peer. */
  readonly env: Environment;
  /** Whether its product runs at half the speed of numpy's and of ours, or more. */
  readonly proven: boolean;
  /** One line that says so. */
  readonly said: string;
}

/** The environment in which this Python's torch is fastest, and what its product shows. */
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

/** As `measure`, of the simd backend here. */
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

/** Billions of floating-point operations per second of a product of two 768 × 768 float32 matrices, one thread. */
function measure(python: string, env: Environment): Rates {
  const { stdout } = spawnSync(python, ["-c", product], { encoding: "utf8", env });
  const [torch = Number.NaN, numpy = Number.NaN] = (stdout ?? "").trim().split(" ").map(Number);
  return { torch, numpy };
}

/** Folders with OpenBLAS's libblas.so.3, which is installed where there is none and that can be done. */
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
