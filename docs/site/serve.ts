/** `npm run docs:serve [-- PORT]`: serves the built site, on this machine only. */
import { existsSync } from "node:fs";
import { serveCommand } from "../playground/serve.ts";
import { siteFolder } from "./build.ts";

await serveCommand("site", siteFolder, () => {
  if (!existsSync(siteFolder)) throw new Error("expected a built site, found none: npm run docs");
});
