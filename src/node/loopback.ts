/** Returns whether a request's Host header names this machine: a foreign name that leads here is DNS rebinding. */
export const isLocalHost = (host: string | undefined): boolean =>
  /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host ?? "");
