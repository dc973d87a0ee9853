//! Where a property of a spec stands in the text of a JavaScript file, as far as the spec is written out there.
//!
//! The text is not evaluated, only read over: strings, comments, templates and regular expressions are told from what has
//! brackets in it. The way goes down from the default export as long as there are object and array literals; what a
//! variable or a call stands for is elsewhere, and then the last place that is certain is the answer.

/// Most steps of a way; as deep as values may nest.
const MAX_STEPS: usize = 64;

/// What a statement with the spec in it looks like, the words apart from each other.
const EXPORTS: [&[&str]; 3] =
    [&["export", "default"], &["module", ".", "exports", "="], &["completionSpec", "="]];

/// A text in which places are looked for.
pub(super) struct Script<'t> {
    text: &'t str,
    /// Where the object begins that is the spec.
    root: Option<usize>,
}

impl<'t> Script<'t> {
    /// Looks for the spec in a text.
    pub(super) fn new(text: &'t str) -> Script<'t> {
        Script { text, root: Reader { text: text.as_bytes(), at: 0 }.root() }
    }

    /// Where the way ends, line and column from 1, in characters; zeros when the spec is not written out.
    pub(super) fn place(&self, path: &str) -> (u32, u32) {
        let Some(root) = self.root else { return (0, 0) };
        let (mut found, mut begins) = (root, root);
        for step in steps(path).take(MAX_STEPS) {
            let mut reader = Reader { text: self.text.as_bytes(), at: begins };
            let Some(next) = reader.step(&step) else { break };
            (found, begins) = next;
        }
        position(self.text, found)
    }
}

/// A step on the way.
#[derive(Debug, PartialEq, Eq)]
enum Step<'p> {
    Property(&'p str),
    Element(usize),
}

/// The steps of a way such as `subcommands[3].name`.
fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split('.').filter(|part| !part.is_empty()).flat_map(|part| {
        let (name, elements) = part.split_once('[').unwrap_or((part, ""));
        let elements = elements.split(['[', ']']).filter_map(|number| number.parse().ok()).map(Step::Element);
        (!name.is_empty()).then_some(Step::Property(name)).into_iter().chain(elements)
    })
}

/// Line and column of a byte.
fn position(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// Reads over JavaScript. Works on bytes: all that it looks for is ASCII.
struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

/// A piece of JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    /// A name or a number.
    Word(&'t [u8]),
    /// A string, a template or a regular expression, with its marks.
    Quoted(&'t [u8]),
    /// Anything else, a byte at a time.
    Mark(u8),
}

impl<'t> Reader<'t> {
    /// Where the spec begins.
    fn root(&mut self) -> Option<usize> {
        let tokens = self.tokens();
        let exported = EXPORTS.iter().find_map(|export| after(&tokens, export))?;
        match tokens.get(exported)? {
            (at, Token::Mark(b'{')) => Some(*at),
            // A variable that was given the object before.
            (_, Token::Word(name)) => {
                let assigned =
                    tokens.windows(2).position(|two| two[0].1 == Token::Word(name) && is_set(two[1].1))?;
                let value = (assigned..tokens.len()).find(|at| tokens[*at].1 == Token::Mark(b'='))? + 1;
                matches!(tokens.get(value)?.1, Token::Mark(b'{')).then(|| tokens[value].0)
            }
            _ => None,
        }
    }

    /// All pieces with their places, those within brackets too.
    fn tokens(&mut self) -> Vec<(usize, Token<'t>)> {
        let mut tokens = Vec::new();
        while let Some(token) = self.token(tokens.last().map(|(_, token)| *token)) {
            tokens.push(token);
        }
        tokens
    }

    /// Takes a step into the value that begins here: where that stands, and where its value begins.
    fn step(&mut self, step: &Step) -> Option<(usize, usize)> {
        match step {
            Step::Property(name) => self.property(name),
            Step::Element(number) => self.element(*number),
        }
    }

    fn property(&mut self, name: &str) -> Option<(usize, usize)> {
        let (_, Token::Mark(b'{')) = self.token(None)? else { return None };
        loop {
            let (at, key) = self.token(Some(Token::Mark(b'{')))?;
            let key = match key {
                Token::Word(key) => key,
                Token::Quoted(key) => key.get(1..key.len() - 1)?,
                Token::Mark(b',') => continue,
                Token::Mark(_) => b"",
            };
            if key == name.as_bytes() {
                let value = self.token(Some(Token::Word(key)))?;
                let begins = if value.1 == Token::Mark(b':') { self.begin()? } else { at };
                return Some((at, begins));
            }
            // Back before what was taken: it may be a bracket.
            self.at = at;
            self.pass_comma()?;
        }
    }

    fn element(&mut self, number: usize) -> Option<(usize, usize)> {
        let (_, Token::Mark(b'[')) = self.token(None)? else { return None };
        for _ in 0..number {
            if self.text[self.begin()?..].starts_with(b"...") {
                return None;
            }
            self.pass_comma()?;
        }
        let begins = self.begin()?;
        let is_there = !matches!(self.text.get(begins), Some(b']' | b'.'));
        is_there.then_some((begins, begins))
    }

    /// Goes behind the next comma of this object or array; `None` at its end.
    fn pass_comma(&mut self) -> Option<()> {
        let (mut depth, mut last) = (0_usize, Some(Token::Mark(b',')));
        loop {
            let (_, token) = self.token(last)?;
            match token {
                Token::Mark(b',') if depth == 0 => return Some(()),
                Token::Mark(b'{' | b'[' | b'(') => depth += 1,
                Token::Mark(b'}' | b']' | b')') => depth = depth.checked_sub(1)?,
                _ => {}
            }
            last = Some(token);
        }
    }

    /// Where the next piece begins.
    fn begin(&mut self) -> Option<usize> {
        let here = self.at;
        let (begins, _) = self.token(None)?;
        self.at = here;
        Some(begins)
    }

    /// The next piece, and where it begins. `last` is the one before it, which says what a slash is.
    fn token(&mut self, last: Option<Token>) -> Option<(usize, Token<'t>)> {
        self.space();
        let begin = self.at;
        let first = *self.text.get(begin)?;
        let token = match first {
            b'"' | b'\'' | b'`' => self.quoted(first),
            b'/' if may_divide(last) => self.mark(first),
            b'/' => self.regular(),
            _ if is_word(first) => {
                while self.text.get(self.at).is_some_and(|byte| is_word(*byte)) {
                    self.at += 1;
                }
                Token::Word(&self.text[begin..self.at])
            }
            _ => self.mark(first),
        };
        Some((begin, token))
    }

    fn mark(&mut self, mark: u8) -> Token<'t> {
        self.at += 1;
        Token::Mark(mark)
    }

    /// Skips space and comments.
    fn space(&mut self) {
        while let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let length = if rest.starts_with(b"//") {
                rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
            } else if rest.starts_with(b"/*") {
                rest.windows(2).skip(2).position(|two| two == b"*/").map_or(rest.len(), |end| end + 4)
            } else if rest[0].is_ascii_whitespace() {
                1
            } else {
                return;
            };
            self.at += length;
        }
    }

    /// A string or a template; what is in `${}` of one is part of it.
    fn quoted(&mut self, quote: u8) -> Token<'t> {
        let begin = self.at;
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'$' if quote == b'`' && self.text.get(self.at) == Some(&b'{') => self.braces(),
                _ if byte == quote => break,
                _ => {}
            }
        }
        self.at = self.at.min(self.text.len());
        Token::Quoted(&self.text[begin..self.at])
    }

    /// Goes behind the brace that ends the one that begins here.
    fn braces(&mut self) {
        let (mut depth, mut last) = (0_usize, None);
        while let Some((_, token)) = self.token(last) {
            match token {
                Token::Mark(b'{') => depth += 1,
                Token::Mark(b'}') if depth <= 1 => return,
                Token::Mark(b'}') => depth -= 1,
                _ => {}
            }
            last = Some(token);
        }
    }

    /// A regular expression.
    fn regular(&mut self) -> Token<'t> {
        let begin = self.at;
        let mut in_class = false;
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at).filter(|byte| **byte != b'\n') {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                _ => {}
            }
        }
        self.at = self.at.min(self.text.len());
        Token::Quoted(&self.text[begin..self.at])
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Whether a slash behind this divides, and begins no regular expression.
fn may_divide(last: Option<Token>) -> bool {
    match last {
        Some(Token::Word(word)) => {
            !matches!(word, b"return" | b"typeof" | b"case" | b"in" | b"of" | b"await")
        }
        Some(Token::Quoted(_) | Token::Mark(b')' | b']' | b'}')) => true,
        Some(Token::Mark(_)) | None => false,
    }
}

/// What stands behind the name of a variable that is given a value, or a type first.
fn is_set(token: Token) -> bool {
    matches!(token, Token::Mark(b'=' | b':'))
}

/// The place behind the first such run of words and marks.
fn after(tokens: &[(usize, Token)], words: &[&str]) -> Option<usize> {
    let is = |token: &Token, word: &str| match token {
        Token::Word(found) => *found == word.as_bytes(),
        Token::Mark(found) => [*found] == *word.as_bytes(),
        Token::Quoted(_) => false,
    };
    let fits = |run: &[(usize, Token)]| run.iter().zip(words).all(|((_, token), word)| is(token, word));
    tokens.windows(words.len()).position(fits).map(|at| at + words.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPEC: &str = r#"// { not: "this" }
const other = { name: "}" };
/* export default { */
const completionSpec = {
  name: "tool", // a comment, with a comma
  description: `a ${["}", `x`].join("/")} b`,
  subcommands: [
    { name: "one", args: [other, { isOptionall: true }] },
    {
      "name": 'two',
      options: [{ name: ["-x", "--ex"], generators: { postProcess: (out) => out.split(/[/}]/).map((x) => ({ name: x })) } }],
      args: { template: "filepath" },
    },
    ...other.list,
    { name: "three" },
  ],
  method() { return 1 / 2; },
  priority: 900,
};
export default completionSpec;
"#;

    fn place_of(text: &str, path: &str) -> (u32, u32) {
        Script::new(text).place(path)
    }

    /// The text that stands at the place of a way.
    fn at(text: &str, path: &str) -> String {
        let (line, column) = place_of(text, path);
        let line = text.lines().nth((line as usize).wrapping_sub(1)).unwrap_or_default();
        let rest: String = line.chars().skip((column as usize).saturating_sub(1)).collect();
        rest.chars().take(8).collect()
    }

    #[test]
    fn a_property_is_found_where_it_is_written() {
        for (path, expected) in [
            ("", "{"),
            ("name", "name: \"t"),
            ("subcommands", "subcomma"),
            ("subcommands[0]", "{ name: "),
            ("subcommands[0].args[1].isOptionall", "isOption"),
            ("subcommands[1].name", "\"name\": "),
            ("subcommands[1].options[0].name[1]", "\"--ex\"],"),
            ("subcommands[1].args.template", "template"),
            ("priority", "priority"),
            // What is not written out there is said at the last place that is certain.
            ("subcommands[0].args[0].name", "other, {"),
            ("subcommands[4].name", "subcomma"),
            ("nothing", "{"),
        ] {
            assert_eq!(at(SPEC, path), expected, "{path}");
        }
    }

    #[test]
    fn every_way_to_export_is_known() {
        for (text, line) in [
            ("\nexport default { name: 1 }", 2),
            ("\n\nmodule.exports = { name: 1 };", 3),
            ("var completionSpec = {\nname: 1 };", 2),
            ("const s: Fig.Spec = {\n\nname: 1 };\nexport default s;", 3),
            ("const é = '日本'; export default {\n name: 1 }", 2),
            ("export default () => ({ name: 1 })", 0),
            ("1 + 1", 0),
            ("", 0),
        ] {
            assert_eq!(place_of(text, "name").0, line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_over(text in "(export default |[{}\\[\\]()`'\"/\\\\,:.$a\n*é]){0,60}", path in "([a-z]|\\[[0-9]\\]|\\.){0,8}") {
            place_of(&text, &path);
        }
    }
}
