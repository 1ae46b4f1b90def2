/** What a member of a team does who is not its leader: it joins in, on a thread or in a page's worker. */
import { UsageError } from "../core/errors.ts";
import type { SharedTeam } from "../core/shared-team.ts";
import { Pending } from "../core/waiting.ts";
import type { EnvironmentSession } from "./environment-session.ts";
import type { Session } from "./session.ts";

/** The session's `evaluate` with these arguments. */
interface Call {
  readonly evaluate: [number, number, boolean, boolean, number?];
}

/**
 * Joins in what the leader does until it ends; returns then. Blocks its thread while it waits. Throws UsageError where
 * the session waits for a promise: the leader alone calls what answers later.
 */
export function serve(session: Session, team: SharedTeam): void {
  for (let what = team.called(); what !== "close"; what = team.called()) {
    if (what === "update") update(session);
    else if (what === "states") (session as EnvironmentSession).training.env.joinStates();
    else session.evaluate(...(JSON.parse(what) as Call).evaluate);
  }
  session.close();
}

function update({ reports }: Session): void {
  const { value } = reports.next();
  if ((value as unknown) instanceof Pending)
    throw new UsageError("team: expected an update without promises, since a member cannot wait");
}
