/**
 * js-pytorch. It lacks tanh, minimum and clip, so its update does less work and its results are not compared:
 * ReLU, cross-entropy and squared error, two backward passes, Adam, no clipping.
 */
import { createRequire } from "node:module";
import { type Made, serve, some, tensor, type Work } from "./contender.ts";

// biome-ignore lint/suspicious/noExplicitAny: the peers are not installed where types are checked
type Any = any;
const { torch }: Any = createRequire(import.meta.url)("js-pytorch");
const { nn, optim } = torch;

const matrix = (k: number, rows: number, columns: number): number[][] => {
  const x = tensor(k, rows * columns);
  return Array.from({ length: rows }, (_, i) => [...x.subarray(i * columns, (i + 1) * columns)]);
};
const mlp = (inputs: number, hidden: number, outputs: number): Any => {
  const layers = [
    [inputs, hidden],
    [hidden, hidden],
    [hidden, outputs],
  ].map(([i, o]) => new nn.Linear(i, o));
  const relu = new nn.ReLU();
  const forward = (x: Any): Any =>
    layers[2].forward(relu.forward(layers[1].forward(relu.forward(layers[0].forward(x)))));
  return { forward, parameters: layers.flatMap((l: Any) => l.parameters()) };
};

function update({ sizes: { observation, hidden, actions, batch, continuous } }: Work): Made | null {
  if (continuous || batch > 64) return null;
  const [actor, critic] = [mlp(observation, hidden, actions), mlp(observation, hidden, 1)];
  const adams = [actor, critic].map((net) => new optim.Adam(net.parameters, 2.5e-4, 0));
  const [crossEntropy, squaredError] = [new nn.CrossEntropyLoss(), new nn.MSELoss()];
  const [x, target] = [
    torch.tensor(matrix(20, batch, observation)),
    torch.tensor(matrix(24, batch, 1)),
  ];
  const action = torch.randint(0, actions, [batch]);
  const step = (): void => {
    crossEntropy.forward(actor.forward(x), action).backward();
    squaredError.forward(critic.forward(x), target).backward();
    for (const adam of adams) {
      adam.step();
      adam.zero_grad();
    }
  };
  return { step, check: () => [] };
}

function gemm({ sizes: { n } }: Work): Made | null {
  if (n > 64) return null;
  const [a, b] = [30, 31].map((k) => torch.tensor(matrix(k, n, n)));
  const product = (): Any => torch.matmul(a, b);
  return { step: product, check: () => some(product().data.flat()) };
}

await serve({ update, gemm });
