/** Pictures and tables as files, whose names must say what they are. */
import { SettingError } from "../core/errors.ts";
import { codeOf } from "../node/files.ts";

/** Throws SettingError unless the file of `--flag` ends in its own format's name. */
export function checkEnding(flag: "svg" | "png" | "csv", path: string | undefined): void {
  if (path === undefined || path.toLowerCase().endsWith(`.${flag}`)) return;
  throw new SettingError(`--${flag}: expected a file that ends in .${flag}, got "${path}"`);
}

/** The part of @resvg/resvg-js that draws. It is not a dependency: who wants PNG pictures installs it. */
interface Resvg {
  readonly Resvg: new (svg: string, options: object) => { render(): { asPng(): Uint8Array } };
}
const drawer = "@resvg/resvg-js";

/** Returns an SVG picture as PNG, at twice its size. Throws SettingError where the library is not installed. */
export async function png(svg: string): Promise<Uint8Array> {
  const { Resvg } = await resvg();
  const options = { fitTo: { mode: "zoom", value: 2 }, font: { loadSystemFonts: true } };
  return new Resvg(svg, options).render().asPng();
}

async function resvg(): Promise<Resvg> {
  try {
    return (await import(drawer)) as Resvg;
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND" && codeOf(error) !== "MODULE_NOT_FOUND")
      throw error;
    throw new SettingError(
      `--png needs the package ${drawer}, which is not installed: npm install ${drawer}`,
    );
  }
}
