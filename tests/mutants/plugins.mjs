/**
 * Stryker's plugins for a run: messages are left alone, code without a sampled mutant is not instrumented,
 * and what is instrumented beside the sample (the nodes around it) is not run.
 */
import { readFileSync } from "node:fs";
import { INSTRUMENTER_CONSTANTS } from "@stryker-mutator/api/core";
import {
  commonTokens,
  declareClassPlugin,
  declareFactoryPlugin,
  declareValuePlugin,
  PluginKind,
  tokens,
} from "@stryker-mutator/api/plugin";
import { DryRunStatus, TestStatus } from "@stryker-mutator/api/test-runner";
import { VitestTestRunner } from "./node_modules/@stryker-mutator/vitest-runner/dist/src/vitest-test-runner.js";

const file = process.env.PIGRAD_MUTANTS;
/** By file: the sampled mutants as [line, column, end line, end column, replacement]. */
const sample = file ? JSON.parse(readFileSync(file, "utf8")) : undefined;
const places = sample && Object.values(sample).flat();

/** Words for people: what an error says, and texts in templates. */
export const isMessage = ({ node }) =>
  (node.type === "NewExpression" && /Error$/.test(node.callee.name ?? "")) ||
  node.type === "TemplateLiteral";

const holdsOne = ({ loc }) =>
  places.some(
    ([line, column, endLine, endColumn]) =>
      (loc.start.line < line || (loc.start.line === line && loc.start.column <= column)) &&
      (loc.end.line > endLine || (loc.end.line === endLine && loc.end.column >= endColumn)),
  );

class Sampled {
  async init() {}
  async check(mutants) {
    return Object.fromEntries(mutants.map((m) => [m.id, { status: this.#status(m) }]));
  }
  async group(mutants) {
    return [mutants.map(({ id }) => id)];
  }
  #status({ fileName, location: { start, end }, replacement }) {
    const name = Object.keys(sample).find((path) => fileName.replaceAll("\\", "/").endsWith(path));
    const key = JSON.stringify([
      start.line + 1,
      start.column,
      end.line + 1,
      end.column,
      replacement,
    ]);
    return sample[name]?.some((one) => JSON.stringify(one) === key) ? "passed" : "compileError";
  }
}

/** Stryker's runner, to which a test file that cannot be loaded is no failure. */
class Runner extends VitestTestRunner {
  async run(options) {
    const result = await super.run(options);
    if (result.status !== DryRunStatus.Complete) return result;
    const broken = this.ctx.state
      .getFiles()
      .filter((file) => (file.result?.errors ?? []).length > 0);
    for (const { filepath, result: of } of broken) {
      const failureMessage = String(of.errors[0]?.message);
      const failed = { id: filepath, name: filepath, timeSpentMs: 0, failureMessage };
      result.tests.push({ ...failed, status: TestStatus.Failed });
    }
    return result;
  }
}
const makeRunner = (injector) =>
  injector.provideValue("globalNamespace", INSTRUMENTER_CONSTANTS.NAMESPACE).injectClass(Runner);
makeRunner.inject = tokens(commonTokens.injector);

export const strykerPlugins = [
  declareFactoryPlugin(PluginKind.TestRunner, "pigrad", makeRunner),
  declareValuePlugin(PluginKind.Ignore, "pigrad", {
    shouldIgnore(path) {
      if (isMessage(path)) return "a message";
      return places && path.node.loc && !holdsOne(path.node) ? "not sampled" : undefined;
    },
  }),
  ...(sample ? [declareClassPlugin(PluginKind.Checker, "sample", Sampled)] : []),
];
