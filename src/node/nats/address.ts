/** Reads the server's address and the user from a URL, and from the environment variables of the nats command. */
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { SettingError } from "../../core/errors.ts";
import { readRegular } from "../files.ts";
import { unreadable } from "../missing.ts";
import type { Client } from "./client.ts";

export interface Address {
  /** host:port of each server of a cluster. */
  readonly servers: readonly string[];
  /** Require TLS, as the scheme tls:// says. */
  readonly tls: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const form =
  "nats://HOST:PORT or tls://HOST:PORT, with USER:PASSWORD@ or TOKEN@ before HOST and a PORT up to 65535";

/** Parses one URL, or the URLs of a cluster's servers with commas between. Throws SettingError that hides secrets. */
export function addressFrom(text: string): Address {
  const urls = text.split(",").map((part) => {
    const url = URL.canParse(part) ? new URL(part) : null;
    const fits = url !== null && /^(nats|tls):$/.test(url.protocol) && url.hostname !== "";
    if (!fits || !/^\/?$/.test(url.pathname))
      throw new SettingError(`the server's address: expected ${form}`);
    return url;
  });
  const [{ username, password }] = urls;
  const who =
    username === ""
      ? {}
      : password === ""
        ? { token: decodeURIComponent(username) }
        : { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
    tls: urls.some(({ protocol }) => protocol === "tls:"),
    ...who,
  };
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Returns the client's options for an address. What the URL does not say comes from `env`, as docs/scale.md lists. */
export function authOf(
  address: Address,
  env: Variables,
  { transport }: Client,
): NodeConnectionOptions {
  const { NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, NATS_NKEY } = env;
  const { NATS_CA, NATS_CERT, NATS_KEY } = env;
  const file = (name: string, path: string): Buffer => {
    try {
      return readRegular(path, { links: true, most: 2 ** 20 });
    } catch (error) {
      throw unreadable(path, `${name}: cannot read ${path}`, error);
    }
  };
  for (const [name, path] of Object.entries({ NATS_CA, NATS_CERT, NATS_KEY }))
    if (path) file(name, path); // a clear line, before the client finds out
  const tls = address.tls || NATS_CA || NATS_CERT;
  const files = {
    ...(NATS_CA && { caFile: NATS_CA }),
    ...(NATS_CERT && { certFile: NATS_CERT }),
    ...(NATS_KEY && { keyFile: NATS_KEY }),
  };
  return {
    servers: [...address.servers],
    ...(tls && { tls: files }),
    ...who(),
  };

  function who(): NodeConnectionOptions {
    const { user = NATS_USER, password = NATS_PASSWORD, token = NATS_TOKEN } = address;
    if (address.user === undefined && address.token === undefined) {
      if (NATS_CREDS)
        return { authenticator: transport.credsAuthenticator(file("NATS_CREDS", NATS_CREDS)) };
      if (NATS_NKEY) {
        const seed = file("NATS_NKEY", NATS_NKEY).toString().trim();
        return { authenticator: transport.nkeyAuthenticator(Buffer.from(seed)) };
      }
    }
    if (user && !address.token) return { user, ...(password && { pass: password }) };
    return token ? { token } : {};
  }
}
