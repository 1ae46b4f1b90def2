/** Settings chosen by measurement (docs/results.md), by task and algorithm. */
export const presets = {
  line: { reinforce: { gamma: 0.95, hidden: [32] } },
  bandit: { reinforce: { envs: 64, hidden: [], baseline: "mean" } },
  cartpole: {
    ppo: {
      envs: 8,
      rollout: 32,
      epochs: 20,
      minibatch: 256,
      gamma: 0.98,
      lambda: 0.8,
      learningRate: 1e-3,
      annealClip: true,
    },
    a2c: { steps: 250_000, envs: 8 },
    reinforce: { steps: 250_000 },
  },
  acrobot: {
    ppo: { envs: 16, rollout: 256, minibatch: 256, lambda: 0.94, normalizeObservation: true },
  },
  "mountain-car": {
    ppo: {
      envs: 16,
      rollout: 16,
      epochs: 4,
      minibatch: 64,
      lambda: 0.98,
      normalizeObservation: true,
      normalizeReward: true,
    },
  },
  "mountain-car-continuous": { ppo: {} },
  pendulum: {
    ppo: { envs: 4, rollout: 1024, epochs: 10, minibatch: 64, gamma: 0.9, learningRate: 1e-3 },
  },
  "frozen-lake": { ppo: {} },
  "cliff-walking": { ppo: {} },
  taxi: { ppo: {} },
  blackjack: { ppo: {} },
  catch: { ppo: {} },
  breakout: { ppo: { filters: [16], hidden: [128], activation: "relu" } },
  "connect-four": { ppo: { envs: 16, hidden: [128, 128] } },
  recommend: { ppo: {} },
  portfolio: { ppo: {} },
};
