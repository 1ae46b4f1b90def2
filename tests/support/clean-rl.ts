/** CleanRL's ppo.py on CartPole-v1: 4 environments × 128 steps, 4 epochs × 4 minibatches. */
export const cleanRl = {
  envs: 4,
  rollout: 128,
  epochs: 4,
  minibatch: 128,
  learningRate: 2.5e-4,
  gamma: 0.99,
  lambda: 0.95,
  valueClip: "max",
  entropyWeight: 0.01,
  annealClip: false,
};
