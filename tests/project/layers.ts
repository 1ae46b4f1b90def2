/**
 * `npm run layers`: a file of src imports from a lower level or from its own folder; only node/ and cli/
 * import node:*. Asserts how many modules were seen: a check that saw none is green too.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cruise, type ICruiseResult, type IForbiddenRuleType } from "dependency-cruiser";

/** Folders by level, lowest first. */
const levels = [
  ["core"],
  ["returns", "envs", "text", "io"],
  ["ops", "optim"],
  ["backends", "distributions", "estimators", "nn"],
  ["policies", "models"],
  ["oracle", "rollout", "export", "extra"],
  ["algos"],
  ["tasks"],
  ["node"],
  ["cli"],
];

const noCycles: IForbiddenRuleType = {
  name: "no-cycles",
  severity: "error",
  from: {},
  to: { circular: true }, // imports of types, too
};
const runtimeNeutral: IForbiddenRuleType = {
  name: "only-node-and-cli-see-node",
  severity: "error",
  from: { pathNot: "(^|/)src/(node|cli)/" },
  to: { dependencyTypes: ["core", "npm", "npm-dev", "unknown", "npm-no-pkg", "npm-unknown"] },
};
const seesOnlyBelow = levels.flatMap((folders, level) =>
  folders.map((folder): IForbiddenRuleType => {
    const others = levels
      .slice(level)
      .flat()
      .filter((other) => other !== folder);
    return {
      name: `${folder}-sees-only-below`,
      severity: "error",
      from: { path: `(^|/)src/${folder}/` },
      to: { path: `(^|/)src/(${[...others, "index.ts$"].join("|")})` },
    };
  }),
);

export interface LayerReport {
  /** "rule: from → to" of each violation. */
  readonly violations: readonly string[];
  readonly modules: number;
  readonly files: number;
}

/** Checks the src folder below `root`. */
export async function checkLayers(root: string): Promise<LayerReport> {
  const { output } = await cruise(["src"], {
    baseDir: root,
    ruleSet: { forbidden: [noCycles, runtimeNeutral, ...seesOnlyBelow] },
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  });
  const { modules, summary } = output as ICruiseResult;
  const violations = summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} → ${to}`,
  );
  const names = readdirSync(`${root}/src`, { recursive: true, encoding: "utf8" });
  const seen = modules.filter(({ source }) => source.startsWith("src/") && source.endsWith(".ts"));
  return {
    violations,
    modules: seen.length,
    files: names.filter((name) => name.endsWith(".ts")).length,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { violations, modules, files } = await checkLayers(
    fileURLToPath(new URL("../..", import.meta.url)),
  );
  for (const violation of violations) console.error(violation);
  console.log(`${modules} modules of ${files} files, ${violations.length} violations`);
  process.exitCode = violations.length > 0 || modules === 0 || modules !== files ? 1 : 0;
}
