/** pigrad elo RUN: rates a game's policy among its past selves, random play and search. */
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { partOf } from "../core/state.ts";
import { ConnectFour, type Opponent, randomOpponent } from "../envs/connect-four.ts";
import { searchOpponent } from "../envs/connect-four-search.ts";
import { openEnvironmentRun, withTraining } from "../node/run-folder.ts";
import { eloRatings, roundRobin } from "../rollout/elo.ts";
import { League, policyOpponent } from "../rollout/league.ts";
import { only, wholeNumber } from "./args.ts";
import { evaluationSeed } from "./eval.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";
import { table } from "./table.ts";

export const eloHelp = `  pigrad elo RUN [--games N] [--copies N] [--seed N] [--json]
      Elo ratings of a run of connect-four: its policy, at most N (6) of the past selves that it learned
      from, search of depth 2, 4 and 6, and random play, which is 0; each pair plays N (20) games,
      of which each begins half. Policies draw their moves`;

const depths = [2, 4, 6] as const;

export function eloCommand(args: string[]): void {
  const { values, positionals } = parseOptions(args, {
    games: { type: "string" },
    copies: { type: "string" },
    seed: { type: "string" },
    json: { type: "boolean" },
  });
  const run = only("run folder", positionals);
  const games = wholeNumber("games", values.games, 2) ?? 20;
  const copies = wholeNumber("copies", values.copies, 0) ?? 6;
  const seed = wholeNumber("seed", values.seed, 0) ?? evaluationSeed;
  const players = playersOf(run, copies);
  const n = players.length;
  const points = roundRobin(
    players.map(([, player]) => player),
    games,
    new Random(seed),
  );
  const ratings = eloRatings(points);
  const rows = players.map(([player], i) => {
    const won = points.subarray(i * n, (i + 1) * n).reduce((sum, x) => sum + x, 0);
    return { player, elo: ratings[i], score: won / (games * (n - 1)) };
  });
  rows.sort((a, b) => b.elo - a.elo);
  if (values.json) for (const row of rows) sayJson({ type: "rating", run, games, seed, ...row });
  else
    say(
      table(
        ["player", "Elo", "score"],
        rows.map(({ player, elo, score }) => [
          player,
          elo.toFixed(0),
          `${(100 * score).toFixed(1)} %`,
        ]),
      ),
    );
}

/** Returns names and players. Throws SettingError for a run of another task. */
function playersOf(run: string, copies: number): [string, Opponent][] {
  const session = openEnvironmentRun(run);
  const { training, config } = session;
  if (!(training.env.envs[0] instanceof ConnectFour))
    throw new SettingError(`${run}: expected a run of connect-four, got one of ${config.task}`);
  const league = new League(training.model, new Random(0));
  withTraining(run, (state) => league.renew(partOf(state, "league")));
  return [
    ["random", randomOpponent],
    ...depths.map((depth): [string, Opponent] => [`search ${depth}`, searchOpponent(depth)]),
    ...league.copies(copies).map((copy, i): [string, Opponent] => [`past ${i + 1}`, copy]),
    ["policy", policyOpponent(training.model, false)],
  ];
}
