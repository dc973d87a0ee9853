// Everything that the model can say, in Fig's format. The path lister has the shape of the one that specs bundle.
const lister = ({ extensions = [], names = [], only = false, filterFolders = false, edit }) => {
  const endings = new Set(extensions);
  const known = new Set(names);
  const filtered = extensions.length + names.length > 0;
  const keep = ({ name, type }) => {
    if ((!filterFolders && type === "folder") || known.has(name)) return true;
    return name.split(".").slice(1).some((_, place, parts) => endings.has(parts.slice(place).join(".")));
  };
  return async (tokens, executeCommand, { currentWorkingDirectory }) => {
    const { stdout } = await executeCommand({ command: "ls", args: ["-1ApL"], cwd: currentWorkingDirectory });
    const rows = [...stdout.split("\n"), "../"]
      .filter((name) => name !== "")
      .map((name) => ({ name, insertValue: name, type: name.endsWith("/") ? "folder" : "file" }))
      .filter(({ type }) => !only || type === "folder");
    return (filtered ? rows.filter(keep) : rows).map((row) => ({ ...row, ...edit }));
  };
};

const row = {
  name: ["row", "line"],
  displayName: "Row",
  insertValue: "row ",
  description: "A row",
  icon: "🦀",
  type: "shortcut",
  priority: 100,
  hidden: true,
  isDangerous: true,
  deprecated: true,
};

export default {
  name: ["all", "everything"],
  description: "All of it\n\ton one line",
  displayName: "All",
  insertValue: "all {cursor}",
  icon: "fig://icon?type=box",
  priority: 0,
  hidden: true,
  isDangerous: true,
  deprecated: { description: "Use none", insertValue: "none" },
  subcommands: [
    { name: "first", loadSpec: "all/first" },
    { name: "second", deprecated: true, requiresSubcommand: false, filterStrategy: "prefix" },
  ],
  options: [
    {
      name: ["-o", "--option"],
      description: "An option",
      displayName: "--option=…",
      insertValue: "--option=",
      icon: "⚙",
      priority: 76.5,
      hidden: true,
      isDangerous: true,
      deprecated: true,
      args: { name: "value" },
      isRequired: true,
      isPersistent: true,
      isRepeatable: 3,
      requiresSeparator: ":",
      exclusiveOn: ["--other"],
      dependsOn: ["--always"],
    },
    { name: "--always", isRepeatable: true },
    { name: "--other", isRepeatable: false },
    { name: "--equals", requiresEquals: true },
    { name: "--separator", requiresSeparator: true },
  ],
  args: [
    {
      name: "target",
      description: "What to do it to",
      isOptional: true,
      isVariadic: true,
      optionsCanBreakVariadicArg: false,
      suggestions: [row],
      template: ["filepaths", "folders", "history", "help"],
      generators: [
        {
          script: { command: "ls", args: ["-l"], env: { LC_ALL: "C" } },
          template: "folders",
          filterTemplateSuggestions: (rows) => rows,
          postProcess: (out) => out.split("\n").map((name) => ({ name })),
          splitOn: "\n",
          trigger: () => true,
          getQueryTerm: (word) => word,
          scriptTimeout: 15_000,
          cache: { strategy: "max-age", ttl: 30_000, cacheByDirectory: true, cacheKey: "rows" },
        },
        {
          script: ["git", "branch"],
          trigger: "/",
          getQueryTerm: "/",
          cache: { strategy: "stale-while-revalidate" },
        },
        { script: (words) => words },
        { custom: lister({ extensions: ["tar.gz", "yml"], names: ["Makefile"] }) },
        { custom: lister({ only: true }) },
      ],
      default: 8100,
      isCommand: true,
      isScript: true,
      isModule: "python/",
      isDangerous: true,
      suggestCurrentToken: true,
      debounce: true,
      filterStrategy: "fuzzy",
      loadSpec: { name: "inner", options: [{ name: "-i" }] },
      parserDirectives: { alias: (word) => word },
    },
    { name: "rest", parserDirectives: { alias: "ls -l" } },
  ],
  additionalSuggestions: ["plain", row],
  loadSpec: () => "elsewhere",
  generateSpec: async () => ({ name: "generated" }),
  parserDirectives: {
    flagsArePosixNoncompliant: true,
    optionsMustPrecedeArguments: true,
    optionArgSeparators: [":", "="],
  },
  requiresSubcommand: true,
  filterStrategy: "fuzzy",
};
