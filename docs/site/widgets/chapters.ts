/** The chapters' widgets: λ (4), the clip (5), a group's size (7). */
import { asker } from "./exact.ts";
import { drawCharts, part, sliders, Widget } from "./parts.ts";

const fixed = (x: number, digits = 3): string => x.toFixed(digits);
const power = (exponent: number): string => String(2 ** exponent);

/** λ as bias against variance, for a critic of any quality and any number of episodes. */
export class LambdaWidget extends Widget {
  protected fill(): void {
    const controls = part(this, "controls");
    const chart = part(this, "chart");
    const told = part(this, "told");
    let lambda = 0.95;
    const ask = asker("lambda", ({ lambdas, moments, errors }, { critic, episodes }) => {
      const here = Math.round(lambda * 20);
      const best = errors.indexOf(Math.min(...errors));
      const curve = (values: readonly number[]) => lambdas.map((x, i) => [x, values[i]] as const);
      drawCharts(chart, "Bias, spread and error against λ", [
        {
          title: `Errors as fractions of ‖∇J‖; V̂ = ${fixed(critic, 2)}·V, ${episodes} episodes`,
          x: "λ",
          curves: [
            {
              name: "bias",
              points: curve(moments.map(({ bias }) => bias)),
              color: 1,
              dashed: true,
            },
            { name: "error, √(bias² + variance/n)", points: curve(errors), color: 2 },
            { name: "your λ", points: [[lambdas[here], errors[here]]], color: 3, dots: "only" },
          ],
        },
      ]);
      told.textContent = `At λ = ${lambdas[here]}: bias ${fixed(moments[here].bias)}, variance of one episode ${fixed(moments[here].variance, 4)}, error ${fixed(errors[here])}. Least error: ${fixed(errors[best])} at λ = ${lambdas[best]}.`;
    });
    sliders(
      controls,
      [
        { label: "λ", min: 0, max: 1, step: 0.05, value: lambda },
        { label: "the critic says this times V", min: 0, max: 1.5, step: 0.05, value: 0.5 },
        { label: "episodes", min: 0, max: 13, step: 1, value: 6, shown: power },
      ],
      ([l, critic, exponent]) => {
        lambda = l;
        ask({ critic, episodes: 2 ** exponent });
      },
    );
  }
}

/** What the clip ε does to one decision's term of the loss, and to many steps on one batch. */
export class ClipWidget extends Widget {
  protected fill(): void {
    const controls = part(this, "controls");
    const arms = part(this, "chart");
    const chart = part(this, "chart");
    const ratios = Array.from({ length: 61 }, (_, i) => i / 30);
    const arm = (A: number, clip: number) =>
      ratios.map((ratio) => {
        const clipped = Math.min(Math.max(ratio, 1 - clip), 1 + clip);
        return [ratio, Math.min(ratio * A, clipped * A)] as const;
      });
    const ask = asker("clip", ({ points }, { clip }) => {
      const curve = (y: "promised" | "J" | "kl") =>
        points.slice(1).map((one) => [one.epoch, one[y]] as const);
      drawCharts(chart, "Promise, return and distance after epochs on one batch", [
        {
          title: `Steps on one batch of 4 episodes, ε = ${fixed(clip, 2)}`,
          x: "epochs",
          logX: true,
          curves: [
            {
              name: "promised by the surrogate",
              points: curve("promised"),
              color: 1,
              dashed: true,
            },
            { name: "exact J", points: curve("J"), color: 2 },
          ],
        },
        {
          title: "KL to the old policy, per episode",
          x: "epochs",
          logX: true,
          curves: [{ name: "exact KL", points: curve("kl"), color: 4 }],
        },
      ]);
    });
    sliders(controls, [{ label: "ε", min: 0.02, max: 1, step: 0.02, value: 0.2 }], ([clip]) => {
      drawCharts(arms, "The clipped term against the ratio", [
        {
          title: "The term min(ρÂ, clip(ρ)Â) of one decision",
          x: "ρ, the new probability over the old",
          curves: [
            { name: "Â = 1", points: arm(1, clip), color: 1 },
            { name: "Â = −1", points: arm(-1, clip), color: 2 },
          ],
        },
      ]);
      ask({ clip });
    });
  }
}

/** What a group's size and divisions do to the mean gradient, at each success rate. */
export class GroupWidget extends Widget {
  protected fill(): void {
    const controls = part(this, "controls");
    const chart = part(this, "chart");
    const ask = asker("group", ({ p, factors, equal }, { K }) => {
      const curve = (values: readonly number[]) => p.map((x, i) => [x, values[i]] as const);
      const names = ["RLOO", "Dr. GRPO", "GRPO", "MaxRL"] as const;
      drawCharts(chart, "The mean gradient of estimators, and groups that teach nothing", [
        {
          title: `Groups of ${K}: the mean gradient over ∇p`,
          x: "p, the success rate",
          logY: true,
          curves: names.map((name, i) => ({
            name,
            points: curve(factors[name]),
            color: (i + 1) as 1 | 2 | 3 | 4,
          })),
        },
        {
          title: "Share of groups with equal rewards",
          x: "p, the success rate",
          range: [0, 1],
          curves: [{ name: "they teach nothing", points: curve(equal), color: 2 }],
        },
      ]);
    });
    sliders(
      controls,
      [{ label: "K, the group's size", min: 2, max: 64, step: 1, value: 8 }],
      ([K]) => ask({ K }),
    );
  }
}
