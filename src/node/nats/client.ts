/** Loads the NATS client, an optional dependency that nothing else imports. */
import { SettingError } from "../../core/errors.ts";
import { codeOf } from "../files.ts";

export interface Client {
  readonly transport: typeof import("@nats-io/transport-node");
  readonly jetstream: typeof import("@nats-io/jetstream");
  readonly obj: typeof import("@nats-io/obj");
}

export const packages = ["@nats-io/transport-node", "@nats-io/jetstream", "@nats-io/obj"];

/** Imports the client's packages. Throws SettingError, with what to install, where one is missing. */
export async function loadClient(): Promise<Client> {
  try {
    const [transport, jetstream, obj] = await Promise.all([
      import("@nats-io/transport-node"),
      import("@nats-io/jetstream"),
      import("@nats-io/obj"),
    ]);
    return { transport, jetstream, obj };
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new SettingError(`expected the NATS client, found none: npm i ${packages.join(" ")}`);
  }
}
