/** Completion scripts of shells. Where a script offers nothing, the shell completes files. */

/** Everything that a script offers. */
export interface Completions {
  readonly commands: readonly CompletedCommand[];
  /** The algorithms and settings of each task, and of all tasks. */
  readonly tasks: Readonly<Record<string, TaskWords>>;
  readonly every: TaskWords;
  /** Values of options besides --algo and --set. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}
export interface CompletedCommand {
  readonly name: string;
  readonly options: readonly CompletedOption[];
  /** Its first argument. */
  readonly words: readonly string[];
}
interface CompletedOption {
  readonly name: string;
  readonly takesValue: boolean;
}
export interface TaskWords {
  readonly algorithms: readonly string[];
  readonly settings: readonly string[];
}

export const shells = { bash, zsh, fish } as const;

const listed = (words: readonly string[]): string => words.join(" ");
const assigned = (settings: readonly string[]): string =>
  listed(settings.map((name) => `${name}=`));
const flags = ({ options }: CompletedCommand): string =>
  listed([...options.map(({ name }) => `--${name}`), "--help"]);

/** The cases of a word list by the task that the line names, in the syntax that bash and zsh share. */
const taskCases = ({ tasks }: Completions): string =>
  Object.entries(tasks)
    .map(
      ([name, { algorithms, settings }]) =>
        `      ${name}) algorithms="${listed(algorithms)}"; settings="${assigned(settings)}" ;;`,
    )
    .join("\n");
const commandCases = ({ commands }: Completions): string =>
  commands
    .map(
      (command) =>
        `    ${command.name}) options="${flags(command)}"; first="${listed(command.words)}" ;;`,
    )
    .join("\n");
const valueCases = ({ values }: Completions): string =>
  Object.entries(values)
    .map(([option, words]) => `    --${option}) found="${listed(words)}" ;;`)
    .join("\n");
const commandNames = ({ commands }: Completions): string =>
  listed(commands.map(({ name }) => name));

/** Sets `found` from `line`, an array of the words before the cursor without the program's name, and `cur`. */
const choose = (given: Completions): string => `\
  local options="" first="" found="" word prev=""
  local algorithms="${listed(given.every.algorithms)}"
  local settings="${assigned(given.every.settings)}"
  for word in "\${line[@]}"; do
    prev="$word"
    case "$word" in
${taskCases(given)}
    esac
  done
  case "$command" in
${commandCases(given)}
  esac
  case "$prev" in
    "") found="${commandNames(given)}" ;;
    --algo) found="$algorithms" ;;
    --set) found="$settings" ;;
${valueCases(given)}
    *)
      if [[ "$cur" == -* ]]; then found="$options"
      elif [[ "$prev" == "$command" ]]; then found="$first"
      fi ;;
  esac`;

function bash(given: Completions): string {
  return `# pigrad's completion for bash: source <(pigrad completion bash)
_pigrad() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}"
  local line=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
${choose(given)}
  if [[ "$prev" == --set ]]; then compopt -o nospace 2> /dev/null; fi
  COMPREPLY=($(compgen -W "$found" -- "$cur"))
}
complete -o default -F _pigrad pigrad
`;
}

function zsh(given: Completions): string {
  return `#compdef pigrad
# pigrad's completion for zsh: source <(pigrad completion zsh)
_pigrad() {
  local cur="\${words[CURRENT]}" command="\${words[2]}"
  local -a line=("\${(@)words[2,CURRENT-1]}")
${choose(given)}
  if [[ -z "$found" ]]; then _files
  elif [[ "$prev" == --set ]]; then compadd -S "" -- \${=found}
  else compadd -- \${=found} || _files
  fi
}
compdef _pigrad pigrad
`;
}

function fish(given: Completions): string {
  const line = (condition: string, rest: string): string =>
    `complete -c pigrad -n '${condition}' ${rest}`;
  const seen = (name: string): string => `__fish_seen_subcommand_from ${name}`;
  const unseen = `not ${seen(commandNames(given))}`;
  const names = Object.entries(given.tasks);
  const isOther = `not ${seen(listed(names.map(([name]) => name)))}`;
  const perTask = (command: string, option: string, words: (task: TaskWords) => string) => [
    ...names.map(([name, task]) =>
      line(`${seen(command)}; and ${seen(name)}`, `-l ${option} -x -a '${words(task)}'`),
    ),
    line(`${seen(command)}; and ${isOther}`, `-l ${option} -x -a '${words(given.every)}'`),
  ];
  const optionLines = (command: string, { name, takesValue }: CompletedOption): string[] => {
    if (name === "algo") return perTask(command, name, ({ algorithms }) => listed(algorithms));
    if (name === "set") return perTask(command, name, ({ settings }) => assigned(settings));
    const values = given.values[name];
    const rest = values === undefined ? (takesValue ? "-r" : "") : `-x -a '${listed(values)}'`;
    return [line(seen(command), `-l ${name} ${rest}`.trimEnd())];
  };
  const lines = given.commands.flatMap(({ name, options, words }) => [
    ...(words.length === 0 ? [] : [line(seen(name), `-a '${listed(words)}'`)]),
    ...options.flatMap((option) => optionLines(name, option)),
  ]);
  return `# pigrad's completion for fish: pigrad completion fish | source
${line(unseen, `-f -a '${commandNames(given)}'`)}
${lines.join("\n")}
`;
}
