/** Errors of the operating system in words: what could not be done to which path, why, and what to do. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";

type SystemError = NodeJS.ErrnoException;
interface Place {
  readonly address: string;
  readonly port: number;
}

/** Returns true for errors of the operating system: a path, a full disk, a port in use. */
export const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error &&
  typeof (error as SystemError).syscall === "string" &&
  /^E[A-Z0-9]+$/.test((error as SystemError).code ?? "");

const acts: Readonly<Record<string, string>> = {
  access: "write there",
  listen: "listen there",
  mkdir: "make the folder",
  open: "open the file",
  rename: "replace the file",
  scandir: "list the folder",
  write: "write",
};
const elsewhere = "choose another path";
const lessOnDisk = "free some space, then try again";
const reasons: Readonly<Record<string, string>> = {
  EACCES: `this user has no permission; ${elsewhere}, or change its permissions`,
  EPERM: `the system does not permit it; ${elsewhere}`,
  EROFS: `the file system is read-only; ${elsewhere}`,
  ENOSPC: `the disk is full; ${lessOnDisk}`,
  EDQUOT: `the disk quota is used up; ${lessOnDisk}`,
  EFBIG: "the file is larger than the limit (ulimit -f, or the file system's)",
  EIO: `the disk failed; ${elsewhere}`,
  EISDIR: "expected a file, got a folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  ELOOP: "expected a file or folder, got a link",
  EEXIST: `something else has this name; ${elsewhere}`,
  ENAMETOOLONG: `the name is too long; ${elsewhere}`,
  EMFILE: "too many files are open; raise the limit (ulimit -n)",
  ENOENT: "no such file or folder",
  EADDRINUSE:
    "another program uses this port; name another one, --port N, or 0 for any that is free",
};

/** Returns the error in one line; as the system has it where no path or no reason of ours belongs to it. */
export function systemText(error: SystemError): string {
  const { code = "", syscall = "", address, port } = error as SystemError & Partial<Place>;
  const path = address === undefined ? error.path : `${address}:${port}`;
  const reason = code === "ENOENT" && path !== undefined ? missing(path) : reasons[code];
  if (reason === undefined) return error.message.split("\n")[0];
  const at = path === undefined ? "" : `${path}: `;
  return `${at}cannot ${acts[syscall] ?? "read or write"}: ${reason} (${code})`;
}

function missing(path: string): string {
  const folder = dirname(resolve(path));
  return existsSync(folder) ? reasons.ENOENT : `there is no folder ${folder}; make it first`;
}
