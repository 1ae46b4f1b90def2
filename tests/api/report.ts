/** Everything that "pigrad" exports, with its type, one line each: a change of it shows in a diff. */
import { fileURLToPath } from "node:url";
import ts from "typescript";

const entry = fileURLToPath(new URL("../../src/index.ts", import.meta.url));
const flags =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope |
  ts.TypeFormatFlags.WriteArrowStyleSignature;

export function apiReport(): string {
  const program = ts.createProgram([entry], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    lib: ["lib.es2022.d.ts"],
    types: [],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const module = source && checker.getSymbolAtLocation(source);
  if (source === undefined || module === undefined) throw new Error(`api: no module ${entry}`);
  const typeOf = (type: ts.Type): string =>
    checker.typeToString(type, source, flags).replaceAll(/import\("[^"]*"\)\./g, "");
  const isPublic = (symbol: ts.Symbol): boolean => {
    const [declaration] = symbol.declarations ?? [];
    const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
    if (declaration !== undefined && (ts.getCombinedModifierFlags(declaration) & hidden) !== 0)
      return false;
    const internal = symbol.getJsDocTags(checker).some(({ name }) => name === "internal");
    return !internal && !symbol.name.startsWith("__");
  };
  const members = (type: ts.Type): string[] =>
    checker
      .getPropertiesOfType(type)
      .filter(isPublic)
      .map((member) => {
        const optional = (member.flags & ts.SymbolFlags.Optional) !== 0 ? "?" : "";
        return `  .${member.name}${optional}: ${typeOf(checker.getTypeOfSymbol(member))}`;
      })
      .sort();
  const described = (exported: ts.Symbol): string[] => {
    const alias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
    const symbol = alias ? checker.getAliasedSymbol(exported) : exported;
    const { name } = exported;
    if ((symbol.flags & ts.SymbolFlags.Class) !== 0) {
      const constructors = checker.getTypeOfSymbol(symbol).getConstructSignatures();
      const made = constructors.map((c) => `  new ${checker.signatureToString(c, source, flags)}`);
      return [`class ${name}`, ...made, ...members(checker.getDeclaredTypeOfSymbol(symbol))];
    }
    if ((symbol.flags & ts.SymbolFlags.Interface) !== 0)
      return [`interface ${name}`, ...members(checker.getDeclaredTypeOfSymbol(symbol))];
    if ((symbol.flags & ts.SymbolFlags.TypeAlias) !== 0) {
      const type = checker.getDeclaredTypeOfSymbol(symbol);
      return [
        `type ${name} = ${checker.typeToString(type, source, flags | ts.TypeFormatFlags.InTypeAlias)}`.replaceAll(
          /import\("[^"]*"\)\./g,
          "",
        ),
      ];
    }
    return [`${name}: ${typeOf(checker.getTypeOfSymbol(symbol))}`];
  };
  const exports = checker.getExportsOfModule(module).sort((a, b) => (a.name < b.name ? -1 : 1));
  return `${exports.flatMap(described).join("\n")}\n`;
}
