/** Pictures and tables as files, whose names must say what they are. */
import { SettingError } from "../core/errors.ts";
import { checkPlace, codeOf } from "../node/files.ts";

/** Throws unless the file of `--flag` ends in its format's name, and can be written where it is to be. */
export function checkFile(flag: string, path: string | undefined, format = flag): void {
  if (path === undefined) return;
  if (!path.toLowerCase().endsWith(`.${format}`))
    throw new SettingError(`--${flag}: expected a file that ends in .${format}, got "${path}"`);
  checkPlace(path);
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
