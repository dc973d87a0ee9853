//! As much of TOML as manifests of packages have: tables, keys, strings and lists of strings.
//!
//! What it does not understand it leaves out; it never fails and never nests.

use std::collections::BTreeMap;

/// Most keys of one file.
const MAX_KEYS: usize = 20_000;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// The strings of a list; what else is in it is left out.
    List(Vec<String>),
    /// An inline table, by its own keys.
    Table(BTreeMap<String, Value>),
    /// `true`, a number, a date, as it stands.
    Word(String),
}

impl Value {
    /// The string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The strings of a list.
    pub(super) fn list(&self) -> &[String] {
        match self {
            Value::List(list) => list,
            _ => &[],
        }
    }

    /// The value of a key of an inline table.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Table(table) => table.get(key),
            _ => None,
        }
    }
}

/// One table of a file, under its name: `["package"]`. Each `[[bin]]` is one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: Vec<String>,
    /// Keys in the order of the file; dotted ones joined with a dot.
    pub(super) keys: Vec<(String, Value)>,
}

impl Table {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.keys.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Whether this is the table of this name.
    pub(super) fn is(&self, name: &[&str]) -> bool {
        self.name.iter().map(String::as_str).eq(name.iter().copied())
    }
}

/// The tables of a file; the keys before the first one are in a table without a name.
pub(super) fn tables(text: &str) -> Vec<Table> {
    let mut reader = Reader { rest: text };
    let mut tables = vec![Table::default()];
    for _ in 0..MAX_KEYS {
        reader.skip_blank();
        if reader.rest.is_empty() {
            break;
        }
        if reader.eat("[") {
            reader.eat("[");
            let name = reader.key();
            reader.skip_line();
            tables.push(Table { name, keys: Vec::new() });
        } else if let (Some((key, value)), Some(table)) = (reader.pair(), tables.last_mut()) {
            table.keys.push((key, value));
            reader.skip_line();
        } else {
            reader.skip_line();
        }
    }
    tables
}

/// The text that is still to be read.
struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Space, empty lines and comments.
    fn skip_blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return;
            }
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end + 1..]);
    }

    /// A key with its parts; empty when there is none.
    fn key(&mut self) -> Vec<String> {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            let part = match self.rest.chars().next() {
                Some('"' | '\'') => self.string().unwrap_or_default(),
                _ => self.word(|c| c.is_alphanumeric() || matches!(c, '-' | '_')),
            };
            if part.is_empty() {
                return parts;
            }
            parts.push(part);
            self.skip_space();
            if !self.eat(".") {
                return parts;
            }
        }
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn pair(&mut self) -> Option<(String, Value)> {
        let key = self.key().join(".");
        self.skip_space();
        if key.is_empty() || !self.eat("=") {
            return None;
        }
        self.skip_space();
        Some((key, self.value()?))
    }

    fn value(&mut self) -> Option<Value> {
        match self.rest.chars().next()? {
            '"' | '\'' => self.string().map(Value::Text),
            '[' => Some(Value::List(self.list())),
            '{' => Some(Value::Table(self.table())),
            _ => Some(Value::Word(self.word(|c| !matches!(c, '\n' | '\r' | '#' | ',' | ']' | '}' | ' ')))),
        }
    }

    /// A list; lists and tables in it are skipped with what is in them.
    fn list(&mut self) -> Vec<String> {
        let mut list = Vec::new();
        let mut depth = 0_usize;
        while let Some(c) = self.rest.chars().next() {
            match c {
                '"' | '\'' => {
                    let text = self.string();
                    list.extend(text.filter(|_| depth == 1));
                    continue;
                }
                '#' => {
                    self.skip_line();
                    continue;
                }
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.next();
            if depth == 0 {
                break;
            }
        }
        list
    }

    /// An inline table; tables in it are read as words and left out.
    fn table(&mut self) -> BTreeMap<String, Value> {
        let mut table = BTreeMap::new();
        self.eat("{");
        loop {
            self.skip_blank();
            if self.rest.is_empty() || self.eat("}") {
                return table;
            }
            if self.eat(",") {
                continue;
            }
            let key = self.key().join(".");
            self.skip_space();
            if key.is_empty() || !self.eat("=") {
                self.next();
                continue;
            }
            self.skip_space();
            if self.rest.starts_with('{') {
                self.list();
            } else if let Some(value) = self.value() {
                table.insert(key, value);
            }
        }
    }

    /// A string of any kind.
    fn string(&mut self) -> Option<String> {
        for (quotes, escapes) in [("\"\"\"", true), ("'''", false), ("\"", true), ("'", false)] {
            if self.eat(quotes) {
                return self.string_to(quotes, escapes);
            }
        }
        None
    }

    fn string_to(&mut self, end: &str, escapes: bool) -> Option<String> {
        let mut text = String::new();
        let one_line = end.len() == 1;
        loop {
            if self.eat(end) {
                return Some(text);
            }
            match self.next()? {
                '\n' if one_line => return None,
                '\\' if escapes => text.push(self.escaped()?),
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let digits = match self.next()? {
            'n' => return Some('\n'),
            't' => return Some('\t'),
            'r' => return Some('\r'),
            'b' => return Some('\u{8}'),
            'f' => return Some('\u{c}'),
            'u' => 4,
            'U' => 8,
            c => return Some(c),
        };
        let number = self.rest.get(..digits)?;
        self.rest = &self.rest[digits..];
        char::from_u32(u32::from_str_radix(number, 16).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn tables_have_their_keys() {
        let tables = tables(
            "top = 1 # said\n[package] # said\nname = \"a\\tb\\u00e9\" \nversion.workspace = true\n\n[[bin]]\nname = 'x'\n\
             [dependencies]\n\"q.r\" = { version = '1', features = [\"f\"], inner = { a = [1] } }\n\
             list = [ # said\n \"a\", 'b', [\"no\"], 3,\n]\nmulti = \"\"\"x\ny\"\"\"\n[a.\"b.c\"]\n",
        );
        assert_eq!(tables[0].get("top"), Some(&Value::Word("1".into())));
        assert_eq!(tables[1].get("name"), Some(&text("a\tb\u{e9}")));
        assert_eq!(tables[1].get("version.workspace"), Some(&Value::Word("true".into())));
        assert!(tables[2].is(&["bin"]));
        let dependency = tables[3].get("q.r").unwrap();
        assert_eq!(dependency.get("version"), Some(&text("1")));
        assert_eq!(dependency.get("features").unwrap().list(), ["f"]);
        assert_eq!(tables[3].get("list").unwrap().list(), ["a", "b"]);
        assert_eq!(tables[3].get("multi"), Some(&text("x\ny")));
        assert!(tables[4].is(&["a", "b.c"]));
    }

    #[test]
    fn rubbish_ends() {
        for text in [
            "[",
            "[[[",
            "a = ",
            "a = [",
            "a = {",
            "a = \"x",
            "= x",
            "a = {x",
            "a = [[[[",
            "{}",
            "a = \"\\u12",
            "]\u{0}é",
        ] {
            tables(text);
        }
        assert_eq!(tables("?\nb = 'c'\n")[0].get("b"), Some(&text("c")));
        let deep = "a = ".to_owned() + &"[".repeat(100_000) + &"{a=".repeat(100_000);
        assert!(tables(&deep).len() == 1);
    }
}
