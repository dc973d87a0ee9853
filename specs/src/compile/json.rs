//! Reads JSON and remembers where everything is, so that what is wrong with a spec can be shown in its text.

use super::raw::Raw;

/// How deep values may nest, as in JavaScript.
const MAX_NESTING: usize = 64;

/// A place in a text, both numbers from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The line.
    pub(super) line: u32,
    /// The character in the line.
    pub(super) column: u32,
}

/// Where a value is, and what is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// Where it begins; a property begins with its name.
    pub(super) at: Position,
    /// The elements or properties, in their order.
    pub(super) inside: Vec<Place>,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where.
    pub(super) at: Position,
    /// What.
    pub(super) what: String,
}

/// Reads a text that is one value.
///
/// # Errors
/// At the first character that cannot stand there.
pub(super) fn read(text: &str) -> Result<(Raw, Place), Fault> {
    let mut reader = Reader { text: text.trim_start_matches('\u{feff}'), at: 0, line: 1, start: 0, depth: 0 };
    reader.space();
    let value = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.fault("nothing may follow the spec")),
    }
}

struct Reader<'t> {
    text: &'t str,
    /// The byte that is read next.
    at: usize,
    line: u32,
    /// Where the line begins.
    start: usize,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes a character, and anything after it that belongs to no value.
    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
            self.space();
        }
        found
    }

    fn space(&mut self) {
        while let Some(space) = self.rest().bytes().next().filter(|byte| b" \t\r\n".contains(byte)) {
            self.at += 1;
            if space == b'\n' {
                self.line += 1;
                self.start = self.at;
            }
        }
    }

    fn position(&self) -> Position {
        // A text is bounded far below what the cast could cut off.
        let column = self.text[self.start..self.at].chars().count() as u32 + 1;
        Position { line: self.line, column }
    }

    fn fault(&self, what: &str) -> Fault {
        let found = match self.peek() {
            Some(found) => format!("{what}, found {found:?}"),
            None => format!("{what}, found the end"),
        };
        Fault { at: self.position(), what: found }
    }

    fn value(&mut self) -> Result<(Raw, Place), Fault> {
        let at = self.position();
        if self.depth >= MAX_NESTING {
            return Err(self.fault("values may not nest so deep"));
        }
        self.depth += 1;
        let (raw, inside) = match self.peek() {
            Some('{') => self.object()?,
            Some('[') => self.list()?,
            Some('"') => (Raw::Text(self.string()?), Vec::new()),
            Some('-' | '0'..='9') => (self.number()?, Vec::new()),
            _ => (self.word()?, Vec::new()),
        };
        self.depth -= 1;
        self.space();
        Ok((raw, Place { at, inside }))
    }

    fn word(&mut self) -> Result<Raw, Fault> {
        let words = [("true", Raw::Bool(true)), ("false", Raw::Bool(false)), ("null", Raw::Nothing)];
        let found = words.into_iter().find(|(word, _)| self.rest().starts_with(word));
        let (word, raw) = found.ok_or_else(|| self.fault("expected a value"))?;
        self.at += word.len();
        Ok(raw)
    }

    fn number(&mut self) -> Result<Raw, Fault> {
        let part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        let length = self.rest().bytes().take_while(|byte| part(*byte)).count();
        let number = self.rest()[..length].parse().map_err(|_| self.fault("expected a number"))?;
        self.at += length;
        Ok(Raw::Number(number))
    }

    fn list(&mut self) -> Result<(Raw, Vec<Place>), Fault> {
        self.take('[');
        let (mut items, mut places) = (Vec::new(), Vec::new());
        while !self.take(']') {
            if !items.is_empty() && !self.take(',') {
                return Err(self.fault("expected ',' or ']'"));
            }
            let (item, place) = self.value()?;
            items.push(item);
            places.push(place);
        }
        Ok((Raw::List(items), places))
    }

    fn object(&mut self) -> Result<(Raw, Vec<Place>), Fault> {
        self.take('{');
        let (mut properties, mut places) = (Vec::new(), Vec::new());
        while !self.take('}') {
            if !properties.is_empty() && !self.take(',') {
                return Err(self.fault("expected ',' or '}'"));
            }
            let at = self.position();
            if self.peek() != Some('"') {
                return Err(self.fault("expected a property name in double quotes"));
            }
            let name = self.string()?;
            self.space();
            if !self.take(':') {
                return Err(self.fault("expected ':'"));
            }
            let (value, place) = self.value()?;
            properties.push((name, value));
            places.push(Place { at, ..place });
        }
        Ok((Raw::Object(properties), places))
    }

    /// A string, from one quote to the other.
    fn string(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let plain = self.rest().find(|found| matches!(found, '"' | '\\' | '\0'..='\u{1f}'));
            let length = plain.unwrap_or(self.rest().len());
            text.push_str(&self.rest()[..length]);
            self.at += length;
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                _ => return Err(self.fault("expected '\"' at the end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let escaped = self.rest().chars().nth(1);
        let plain = match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('u') => return self.unicode(),
            _ => return Err(self.fault("there is no such escape")),
        };
        self.at += 2;
        Ok(plain)
    }

    /// `\u1f98`, and the pairs that stand for one character. Half of a pair stands for what is no character.
    fn unicode(&mut self) -> Result<char, Fault> {
        let high = self.unit()?;
        if !(0xd800..0xdc00).contains(&high) || !self.rest().starts_with("\\u") {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let low = self.unit()?;
        let pair = (0x1_0000 + ((high - 0xd800) << 10)).checked_add(low.wrapping_sub(0xdc00) & 0x3ff);
        let whole = pair.filter(|_| (0xdc00..0xe000).contains(&low)).and_then(char::from_u32);
        Ok(whole.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Result<u32, Fault> {
        let digits =
            self.rest().get(2..6).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.fault("expected four hexadecimal digits after \\u"))?;
        self.at += 6;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Turns what was read into JSON again.
    fn value(raw: &Raw) -> serde_json::Value {
        match raw {
            Raw::Nothing | Raw::Function(_) => serde_json::Value::Null,
            Raw::Bool(value) => (*value).into(),
            Raw::Number(number) => (*number).into(),
            Raw::Text(text) => text.as_str().into(),
            Raw::List(items) => items.iter().map(value).collect(),
            Raw::Object(properties) => {
                properties.iter().map(|(name, property)| (name.clone(), value(property))).collect()
            }
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(|number| f64::from(number).into()),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                proptest::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn everything_has_its_place() {
        let text = "{\n  \"a\": [1,\n    true],\n  \"ü\": null, \"b\": \"x\"\n}";
        let (raw, place) = read(text).unwrap();
        assert_eq!(value(&raw), serde_json::json!({ "a": [1.0, true], "ü": null, "b": "x" }));
        let at = |place: &Place| (place.at.line, place.at.column);
        let inside: Vec<_> = place.inside.iter().map(at).collect();
        assert_eq!((at(&place), inside), ((1, 1), vec![(2, 3), (4, 3), (4, 14)]));
        assert_eq!(place.inside[0].inside.iter().map(at).collect::<Vec<_>>(), [(2, 9), (3, 5)]);
    }

    #[test]
    fn the_first_fault_is_found_where_it_is() {
        for (text, line, column, what) in [
            ("", 1, 1, "expected a value, found the end"),
            ("{", 1, 2, "expected a property name in double quotes, found the end"),
            ("{\n  \"a\": 1\n  \"b\": 2\n}", 3, 3, "expected ',' or '}', found '\"'"),
            ("{ \"a\" 1 }", 1, 7, "expected ':', found '1'"),
            ("[1 2]", 1, 4, "expected ',' or ']', found '2'"),
            ("[1, ]", 1, 5, "expected a value, found ']'"),
            ("{ \"a\": undefined }", 1, 8, "expected a value, found 'u'"),
            ("{ // no\n}", 1, 3, "expected a property name in double quotes, found '/'"),
            ("\"a\nb\"", 1, 3, "expected '\"' at the end of a string, found '\\n'"),
            ("\"\\x\"", 1, 2, "there is no such escape, found '\\\\'"),
            ("\"\\u12\"", 1, 2, "expected four hexadecimal digits after \\u, found '\\\\'"),
            ("1-2", 1, 1, "expected a number, found '1'"),
            ("{} {}", 1, 4, "nothing may follow the spec, found '{'"),
        ] {
            let expected = Fault { at: Position { line, column }, what: what.to_owned() };
            assert_eq!(read(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn deep_texts_are_refused() {
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
    }

    #[test]
    fn escapes_are_read() {
        for (text, expected) in [
            (r#""\n\t\r\b\f\"\\\/""#, "\n\t\r\u{8}\u{c}\"\\/"),
            (r#""\u00fc \ud83e\udd80""#, "ü 🦀"),
            (r#""\ud83e \udd80 \ud83e\u0041""#, "\u{fffd} \u{fffd} \u{fffd}"),
        ] {
            assert_eq!(read(text).unwrap().0, Raw::Text(expected.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_others_write_is_read(json in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
            prop_assert_eq!(value(&read(&text.unwrap()).unwrap().0), json);
        }

        #[test]
        fn no_text_does_harm(text in "[\\[\\]{}\",:0-9a-zA-Z\\\\ \n-]{0,64}") {
            let other = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            // Numbers may be written a little more freely here, such as with a leading zero.
            prop_assert!(read(&text).is_ok() || !other);
        }
    }
}
