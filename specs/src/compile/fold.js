// Applies version diffs to a tree: `fold(base, versions)` yields `[[version, tree], ...]`, oldest version first, each
// tree with all diffs up to its version. Neither argument is changed, and functions stay the same objects.
//
// Subcommands and options are matched by a shared name, arguments by position; `remove: true` deletes; any other
// property of the diff replaces that of the tree. Nodes that a diff names come before those that it does not.
(base, versions) => {
  const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
  const shareName = (one, other) => list(one.name).some((name) => list(other.name).includes(name));
  const compare = (one, other) => {
    const [ones, others] = [one, other].map((version) => version.split(".").map(Number));
    return ones.map((part, place) => part - others[place]).find((difference) => difference !== 0) ?? 0;
  };

  const mergeNamed = (merge) => (nodes, diffs) => {
    const rest = [...list(nodes)];
    const merged = [];
    for (const diff of list(diffs)) {
      const place = rest.findIndex((node) => shareName(node, diff));
      const [node] = place < 0 ? [] : rest.splice(place, 1);
      if (diff.remove !== true) merged.push(node === undefined ? diff : merge(node, diff));
    }
    return [...merged, ...rest];
  };
  const mergeArgs = (args, diffs) =>
    list(diffs)
      .map((diff, place) => (diff?.remove === true ? null : { ...list(args)[place], ...diff }))
      .filter((arg) => arg !== null);
  const mergeNode = (rules) => (node, diff) => {
    const merged = { ...node, ...diff };
    for (const [key, merge] of Object.entries(rules)) {
      if (diff[key] !== undefined) merged[key] = merge(node[key], diff[key]);
    }
    return merged;
  };
  const mergeOption = mergeNode({ args: mergeArgs });
  const mergeSubcommand = (node, diff) =>
    mergeNode({ subcommands: mergeNamed(mergeSubcommand), options: mergeNamed(mergeOption), args: mergeArgs })(
      node,
      diff,
    );

  let tree = base;
  return Object.keys(versions)
    .sort(compare)
    .map((version) => {
      tree = { ...mergeSubcommand(tree, versions[version]), name: base.name };
      return [version, tree];
    });
}
