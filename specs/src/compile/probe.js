// Finds out what the well-known path lister of a spec keeps, by letting it list a made-up folder.
//
// Its options are captured variables, which nothing can read from outside. But it asks two sets, first the whole
// names, then the endings, and it matches a pattern: `Set.prototype.has` and `String.prototype.match` see them.
// Yields a promise of `{ files, folders, names, extensions }`, or of null when it does anything else.
(custom) => {
  const seen = [];
  let patterns = 0;
  let listed = null;
  const { has } = Set.prototype;
  const { match } = String.prototype;
  Set.prototype.has = function (value) {
    if (!seen.includes(this)) seen.push(this);
    return has.call(this, value);
  };
  String.prototype.match = function (pattern) {
    patterns += 1;
    return match.call(this, pattern);
  };
  const list = async ({ cwd }) => {
    listed = cwd;
    return { stdout: "folder/\nfile.ending\n", stderr: "", status: 0 };
  };
  const place = { searchTerm: "", currentWorkingDirectory: "/here/", environmentVariables: {}, isDangerous: false };
  const known = ["type", "name", "insertValue", "isDangerous", "context"];
  const judge = (rows) => {
    const plain = Array.isArray(rows) && rows.every((row) => Object.keys(row).every((key) => known.includes(key)));
    if (listed !== "/here/" || patterns > 0 || !plain) return null;
    const [names, extensions] = seen.map((set) => [...set]);
    return {
      files: rows.some((row) => row.name === "file.ending") || seen.length > 1,
      folders: rows.some((row) => row.name === "folder/"),
      names: names ?? [],
      extensions: extensions ?? [],
    };
  };
  const look = async () => {
    try {
      return judge(await custom([], list, place));
    } catch {
      return null;
    } finally {
      Set.prototype.has = has;
      String.prototype.match = match;
    }
  };
  return look();
}
