/**
 * A dialogue: find a hidden number by asking. The policy names a number, the environment says whether the
 * hidden one is lower ("<") or higher (">"), and so on: "8?<4?>6?". Halving what is left finds it soonest.
 * What is learned from first are the questions of players who guess at random among what is still possible.
 */
import { integer, type Values } from "../../core/settings.ts";
import { type Example, hash, mapSides, split } from "../../text/corpus.ts";
import type { Reward } from "../../text/rewards.ts";
import { symbols } from "../../text/symbols.ts";
import { endToken, type TextTask } from "../../text/task.ts";

export const guessSettings = {
  numbers: integer(15, "the hidden number is one of 1 to this many", { min: 2, max: 99 }),
  games: integer(4000, "games of random players to learn from first", { min: 10, max: 1_000_000 }),
};

/** Questions that halving needs at most: the last one names the number. */
export const optimalTurns = (numbers: number): number => {
  let turns = 0;
  for (let reach = 0; reach < numbers; reach = 2 * reach + 1) turns++;
  return turns;
};

const guessesOf = (said: string): number[] => (said.match(/\d+/g) ?? []).map(Number);

export function guess({ numbers, games }: Values<typeof guessSettings>): TextTask {
  const turns = optimalTurns(numbers) + 1;
  /** Answers the last question; null when the number is found or the turns are over. */
  const reply = (hidden: string, said: string): string | null => {
    const guesses = guessesOf(said);
    const last = guesses[guesses.length - 1];
    if (!/\d\?$/.test(said) || last === Number(hidden) || guesses.length >= turns) return null;
    return Number(hidden) < last ? "<" : ">";
  };
  const found: Reward = (hidden, said) => Number(guessesOf(said).at(-1) === Number(hidden));
  const asked: Reward = (_, said) => guessesOf(said).length;
  const hidden = Array.from({ length: numbers }, (_, i) => String(i + 1));
  const players = Array.from({ length: games }, (_, i) => i);
  const sides = split(players, 0.1, (player) => `side of ${player}`);
  return {
    tokenizer: symbols([...hidden, "?", "<", ">"], [endToken]),
    examples: mapSides(sides, (player) => game(player, numbers, turns, reply)),
    // every number is asked in training: what is held out is nothing but the draw of questions
    prompts: { train: hidden, validation: hidden, heldOut: hidden },
    visible: () => "",
    turnEnd: "?",
    reply,
    reward: (...sample) => found(...sample) * (1 - 0.1 * (asked(...sample) / turns)),
    measures: { found, asked },
    completionLength: 3 * turns,
  };
}

/** A game of a player who names any number that is still possible. */
function game(
  i: number,
  numbers: number,
  turns: number,
  reply: (hidden: string, said: string) => string | null,
): Example {
  const hidden = String(1 + (hash(`game ${i}`) % numbers));
  let [low, high] = [1, numbers];
  let said = "";
  for (let turn = 0; turn < turns; turn++) {
    const n = low + (hash(`turn ${turn} of ${i}`) % (high - low + 1));
    said += `${n}?`;
    const answer = reply(hidden, said);
    if (answer === null) break;
    said += answer;
    if (answer === "<") high = n - 1;
    else low = n + 1;
  }
  return { prompt: "", completion: said };
}
