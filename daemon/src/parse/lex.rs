//! A line to commands and words, with the cursor in mind.
//!
//! The whole line is read, behind the cursor too, so that the end of the word at the cursor is known. Substitutions,
//! subshells and groups nest; the innermost command around the cursor is the current one. Every byte of an unquoted
//! word remembers where it stands in the line, inside which quotes, and whether it is literal: an edit can replace a
//! part of a word and keep the rest as it was typed. Anything that is not a line of the shell is read as well as it
//! goes; nothing is an error, and nesting deeper than a bound is read as plain text.
//!
//! A `#` at the start of a word begins a comment in every shell. An interactive zsh without `interactive_comments` reads
//! it as a word, but people who type it there mean a comment, too.

use protocol::Shell;

use super::aliases::Aliases;
use super::reader::Reader;

/// How far the name of an assignment is looked for, in bytes; keeps long lines from being read again for every word.
const MAX_NAME: usize = 512;

/// Quotes around a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quote {
    /// None.
    #[default]
    None,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
    /// `$'…'`.
    Ansi,
}

/// One byte of a word's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where the character that it belongs to begins in the line.
    pub at: usize,
    /// The quotes around it.
    pub quote: Quote,
    /// Not literal: part of an expansion, a glob, a substitution.
    pub live: bool,
}

/// The cursor in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Where it stands in the line.
    pub at: usize,
    /// How many bytes of the text stand before it.
    pub text: usize,
    /// The quotes that are open at it.
    pub quote: Quote,
}

/// A word of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Unquoted; expansions as they were typed.
    pub text: String,
    /// One per byte of `text`.
    pub marks: Vec<Mark>,
    /// Where it starts in the line; for a word of an alias, where the alias starts.
    pub start: usize,
    /// Where it ends in the line.
    pub end: usize,
    /// Its quotes and substitutions are closed.
    pub closed: bool,
    /// The cursor, when it is in this word or at its end.
    pub cut: Option<Cut>,
}

impl Word {
    /// An empty word at the cursor.
    pub(super) fn empty(at: usize) -> Word {
        Word { start: at, end: at, closed: true, cut: Some(Cut { at, ..Cut::default() }), ..Word::default() }
    }

    /// The text before the cursor, or all of it.
    pub fn before(&self) -> &str {
        let cut = self.cut.map_or(self.text.len(), |cut| cut.text);
        self.text.get(..cut).unwrap_or(&self.text)
    }

    /// Typed without quotes, escapes or expansions.
    pub fn is_plain(&self) -> bool {
        self.end - self.start == self.text.len() && self.marks.iter().all(|mark| !mark.live)
    }

    pub(super) fn push(&mut self, c: char, mark: Mark) {
        self.text.push(c);
        self.marks.extend(std::iter::repeat_n(mark, c.len_utf8()));
    }
}

/// A redirection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// Where it starts, descriptor included.
    pub start: usize,
    /// Where its target ends.
    pub end: usize,
    /// The file; for a here-document its delimiter.
    pub target: Word,
    /// The target names a file, not a descriptor, a delimiter or a text.
    pub file: bool,
}

/// A simple command, or the words that begin a compound one: `for x in a b`, `case x in`, `[[ -f x ]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Where it may begin: behind the separator.
    pub start: usize,
    /// Its words; for the current command that of the cursor is the last.
    pub words: Vec<Word>,
    /// Assignments before it, and their values.
    pub assignments: Vec<Word>,
    /// Its redirections.
    pub redirects: Vec<Redirect>,
}

/// What the cursor stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spot {
    /// Nothing that can be completed: a comment, a here-document, behind a group.
    #[default]
    Nothing,
    /// The last word of the current command.
    Word,
    /// The last word of the current command, which is no argument but likely a path: `for x in …`, `[[ -f …`, `a=(…`.
    Path,
    /// The last word of the current command, which may be anything: a pattern or the value of `case`.
    Text,
    /// The target of this redirection of the current command.
    Redirect(usize),
    /// The value of this assignment of the current command.
    Assignment(usize),
}

/// A line of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// In the order in which they begin.
    pub commands: Vec<Command>,
    /// The one that the cursor is in.
    pub current: Option<usize>,
    /// Where in it.
    pub spot: Spot,
}

impl Line {
    /// The command at the cursor.
    pub fn command(&self) -> Option<&Command> {
        self.commands.get(self.current?)
    }

    /// The word at the cursor, whatever it is.
    pub fn word(&self) -> Option<&Word> {
        let command = self.command()?;
        match self.spot {
            Spot::Word | Spot::Path | Spot::Text => command.words.last(),
            Spot::Redirect(at) => command.redirects.get(at).map(|redirect| &redirect.target),
            Spot::Assignment(at) => command.assignments.get(at),
            Spot::Nothing => None,
        }
    }
}

/// Splits `text`, with the cursor at the byte `cursor`.
pub fn lex(text: &str, cursor: usize, shell: Shell) -> Line {
    lex_aliased(text, cursor, shell, Aliases::default())
}

/// Splits `text`, and puts in what words before the cursor stand for. Everything says where it stands in `text`.
pub fn lex_aliased(text: &str, cursor: usize, shell: Shell, aliases: Aliases) -> Line {
    Reader::new(text, cursor, shell, aliases).read()
}

/// Where the part of an assignment's value begins that the cursor is in: behind the last `:`, as in a list of folders.
pub fn value_start(word: &Word) -> usize {
    let value = assignment(&word.text).unwrap_or(0);
    let part = word.before().get(value..).and_then(|typed| typed.rfind(':'));
    part.map_or(value, |colon| value + colon + 1)
}

/// Whether the raw text `word` is an assignment, and if so where its value begins.
pub fn assignment(word: &str) -> Option<usize> {
    let end = (0..=MAX_NAME.min(word.len())).rev().find(|end| word.is_char_boundary(*end))?;
    let word = &word[..end];
    let name = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    if name == 0 || word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut at = name;
    if word[at..].starts_with('[') {
        at += word[at..].find(']')? + 1;
    }
    if word[at..].starts_with('+') {
        at += 1;
    }
    word[at..].starts_with('=').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    /// What the cursor stands in, with the words up to it joined by `·` and a `^` where it cuts the last one: `-`
    /// nothing, `>` a redirection, `=` an assignment, `/` paths, `?` text.
    fn words(marked: &str, shell: Shell) -> String {
        let cursor = marked.find('^').expect("a cursor");
        let line = lex(&marked.replacen('^', "", 1), cursor, shell);
        let with_cut = |word: &Word| {
            let mut text = word.text.clone();
            text.insert(word.cut.map_or(0, |cut| cut.text), '^');
            text
        };
        let all = |command: &Command| {
            let (last, before) = command.words.split_last().expect("a word at the cursor");
            let before = before.iter().map(|word| word.text.clone());
            before.chain([with_cut(last)]).collect::<Vec<_>>().join("·")
        };
        let Some((word, command)) = line.word().zip(line.command()) else { return "-".into() };
        match line.spot {
            Spot::Nothing => "-".into(),
            Spot::Redirect(_) => format!("> {}", with_cut(word)),
            Spot::Assignment(_) => format!("= {}", with_cut(word)),
            Spot::Word => all(command),
            Spot::Path => format!("/ {}", all(command)),
            Spot::Text => format!("? {}", all(command)),
        }
    }

    fn check(shells: &[Shell], rows: &[(&str, &str)]) {
        for shell in shells {
            for (line, expected) in rows {
                assert_eq!(words(line, *shell), *expected, "{line:?} in {shell:?}");
            }
        }
    }

    const POSIX: &[Shell] = &[Shell::Bash, Shell::Zsh];
    const BASH: &[Shell] = &[Shell::Bash];
    const ZSH: &[Shell] = &[Shell::Zsh];
    const FISH: &[Shell] = &[Shell::Fish];

    #[test]
    fn the_command_at_the_cursor_is_found() {
        check(
            &SHELLS,
            &[
                ("git ch^", "git·ch^"),
                ("git ^", "git·^"),
                ("^", "^"),
                ("  ^", "^"),
                ("a; b c^", "b·c^"),
                ("a;^", "^"),
                ("a; ^", "^"),
                ("a && b ^", "b·^"),
                ("a &&^", "^"),
                ("a && ^", "^"),
                ("a || b | c | d e^", "d·e^"),
                ("a & b^", "b^"),
                ("a\nb c^", "b·c^"),
                ("a |\n b c^", "b·c^"),
                ("a \\\n c^", "a·c^"),
                ("a^ | b", "a^"),
                ("a ^| b", "a·^"),
                ("a |^ b", "^"),
                ("a | ^", "^"),
                ("git |^", "^"),
                ("a |^| b", "-"),
                ("a &^& b", "-"),
                ("git ch^ --force", "git·ch^"),
                ("git ch^eckout --force; b", "git·ch^eckout"),
                ("git ^ --force", "git·^"),
                ("^ --force", "^"),
                ("g^it --force", "g^it"),
                ("echo $(git ch^)", "git·ch^"),
                ("echo $(git ch)^", "echo·$(git ch)^"),
                ("echo $(git ch) ^", "echo·$(git ch)·^"),
                ("echo $(^)", "^"),
                ("echo $(a; ^)", "^"),
                ("echo $(a |^| b) c", "-"),
                ("echo \"x $(git ch^", "git·ch^"),
                ("echo \"$(git ch^)\" x", "git·ch^"),
                ("echo # git ^", "-"),
                ("echo # a\ngit ^", "git·^"),
                ("# ^", "-"),
                ("echo a#b^", "echo·a#b^"),
                ("echo #^", "-"),
                ("echo ^#", "echo·^"),
            ],
        );
        check(
            POSIX,
            &[
                ("a |& d e^", "d·e^"),
                ("echo `git ch^`", "git·ch^"),
                ("echo `git ch^", "git·ch^"),
                ("echo \"`git ch^", "git·ch^"),
                ("echo `a \"x` b^", "echo·`a \"x`·b^"),
                ("echo `case x in a` b^", "echo·`case x in a`·b^"),
                ("echo `a=(b` c^", "echo·`a=(b`·c^"),
                ("(cd x; ls ^)", "ls·^"),
                ("(git ch^", "git·ch^"),
                ("{ git ch^", "git·ch^"),
                ("{ git ch^; }", "git·ch^"),
                ("{ a; }; git ch^", "git·ch^"),
                ("diff <(sort a^", "sort·a^"),
                ("diff <(a) >(sort a^)", "sort·a^"),
                ("diff <(a) ^", "diff·<(a)·^"),
                ("cat < <(sort a^)", "sort·a^"),
                ("echo ${x:-$(git ch^)}", "git·ch^"),
                ("echo \"${x:-$(git ch^", "git·ch^"),
                ("(a) ^", "-"),
                ("(a)^", "-"),
                ("(a)| b^", "b^"),
                ("{ a; } ^", "-"),
                ("{ a; } && b ^", "b·^"),
                ("x=$(git ch^)", "git·ch^"),
                ("x=$(git ch^", "git·ch^"),
                ("\"$(git ch^", "git·ch^"),
                ("((git ch^); ls)", "git·ch^"),
                ("a) b^", "b^"),
                ("sh -c 'git ch^'", "sh·-c·git ch^"),
                ("bash -c \"git ch^", "bash·-c·git ch^"),
                ("bash -c \"echo $(git ch^", "git·ch^"),
            ],
        );
    }

    #[test]
    fn keywords_are_not_commands() {
        check(
            POSIX,
            &[
                ("if git ch^", "git·ch^"),
                ("if true; then git ch^", "git·ch^"),
                ("if true; then\ngit ch^", "git·ch^"),
                ("if a; then b; elif git ch^", "git·ch^"),
                ("if a; then b; else git ch^; fi", "git·ch^"),
                ("while ! git ch^", "git·ch^"),
                ("until git ch^", "git·ch^"),
                ("while a; do git ch^; done", "git·ch^"),
                ("then^", "then^"),
                ("if^", "if^"),
                ("if a; then b; fi ^", "-"),
                ("if a; then b; fi | c^", "c^"),
                ("if a; then b; fi >x^", "> x^"),
                ("while a; do b; done <fi^", "> fi^"),
                ("(a) && b^", "b^"),
                ("echo if git^", "echo·if·git^"),
                ("'if' git^", "if·git^"),
                ("A=1 if x^", "if·x^"),
                ("time git ch^", "time·git·ch^"),
                ("time { git ch^", "git·ch^"),
                ("time (git ch^", "git·ch^"),
                ("time if git ch^", "git·ch^"),
                ("! git ch^", "git·ch^"),
                ("coproc git ch^", "git·ch^"),
                ("coproc X { git ch^", "git·ch^"),
                ("[ -f ^", "[·-f·^"),
                ("if [ -f ^ ]; then", "[·-f·^"),
                ("test -f x^", "test·-f·x^"),
            ],
        );
    }

    #[test]
    fn loops_have_words() {
        check(
            POSIX,
            &[
                ("for x in a b; do git ch^", "git·ch^"),
                ("for x in a b\ndo git ch^; done", "git·ch^"),
                ("for f in *.t^", "/ for·f·in·*.t^"),
                ("for f in ^", "/ for·f·in·^"),
                ("for f in a ^; do b; done", "/ for·f·in·a·^"),
                ("for f in a;^ do b; done", "^"),
                ("for f in $(git ch^", "git·ch^"),
                ("for f^", "-"),
                ("for ^", "-"),
                ("for f ^", "-"),
                ("for f in^", "-"),
                ("for f; do git ch^", "git·ch^"),
                ("for f do git ch^", "git·ch^"),
                ("for ((i=0; i<3; i++)); do git ch^", "git·ch^"),
                ("for ((i=0; i<^", "-"),
                ("select f in *.t^", "/ select·f·in·*.t^"),
                ("select f in a; do git ch^", "git·ch^"),
                ("for f in a; { git ch^", "git·ch^"),
                ("for f in do done; do b ^", "b·^"),
            ],
        );
        check(
            ZSH,
            &[
                ("for x (a b^", "/ a·b^"),
                ("for x (a b) git ch^", "git·ch^"),
                ("for x y (a b) { git ch^", "git·ch^"),
                ("foreach x (a b) git ch^", "git·ch^"),
                ("for x in (a|b)*; do c^", "c^"),
                ("repeat 3 git ch^", "git·ch^"),
                ("repeat ^", "-"),
                ("if [[ -n x ]] { git ch^", "git·ch^"),
                ("if (a) { git ch^", "git·ch^"),
                ("while ((1)) { git ch^", "git·ch^"),
                ("{git ch^", "git·ch^"),
                ("{ a } always { git ch^", "git·ch^"),
                ("{ a } && git ch^", "git·ch^"),
                ("a } b^", "a·}·b^"),
                ("noglob git ch^", "git·ch^"),
            ],
        );
        check(
            FISH,
            &[
                ("for f in *.t^", "/ for·f·in·*.t^"),
                ("for f in (git ch^", "git·ch^"),
                ("for f in a b; git ch^", "git·ch^"),
            ],
        );
    }

    #[test]
    fn cases_have_patterns() {
        check(
            POSIX,
            &[
                ("case x in a) git ch^", "git·ch^"),
                ("case $x in ^", "? ^"),
                ("case $x in^", "-"),
                ("case $x^", "? case·$x^"),
                ("case $x ^", "-"),
                ("case $x in a|b^", "? a·b^"),
                ("case $x in (a|^", "? a·^"),
                ("case $x in a) b;; c^", "? c^"),
                ("case $x in\n a) b;;\n c) git ch^", "git·ch^"),
                ("case $x in\n a) b;;\n ^", "? ^"),
                ("case $x in a) b;& c) git ch^", "git·ch^"),
                ("case $x in a) b;; esac; git ch^", "git·ch^"),
                ("case $x in a) b;; esac ^", "-"),
                ("case $x in a) b; esac | c^", "c^"),
                ("case $x in (a) case y in b) git ch^", "git·ch^"),
                ("case $x in a) case y in b) c;; esac;; d) git ch^", "git·ch^"),
                ("case $x in a) if b; then c; fi;; d^", "? d^"),
                ("case $x in $(git ch^", "git·ch^"),
                ("echo $(case x in a) b;; esac) c^", "echo·$(case x in a) b;; esac)·c^"),
                ("case $(git ch^) in", "git·ch^"),
            ],
        );
        check(
            ZSH,
            &[
                ("case x in a) b ;| c) git ch^", "git·ch^"),
                ("case x { a) git ch^", "git·ch^"),
                ("case x { a) b;; } && git ch^", "git·ch^"),
            ],
        );
    }

    #[test]
    fn tests_take_paths() {
        check(
            POSIX,
            &[
                ("[[ -f ^ ]]", "/ [[·-f·^"),
                ("[[ -f x^", "/ [[·-f·x^"),
                ("[[ -f a && -d b^ ]]", "/ [[·-f·a·-d·b^"),
                ("[[ a && b^", "/ [[·a·b^"),
                ("[[ ( a || b^ ) ]]", "/ [[·a·b^"),
                ("[[ -f a ]] && git ch^", "git·ch^"),
                ("[[ -f a ]] ^", "-"),
                ("[[ -f a ]]^", "-"),
                ("[[ -f a ]]; git ch^", "git·ch^"),
                ("[[ a < b ]] && git ch^", "git·ch^"),
                ("[[ a =~ b(c|d)$ ]] && git ch^", "git·ch^"),
                ("[[ a == b^(c|d) ]]", "/ [[·a·==·b^(c|d)"),
                ("[[ -n $(git ch^", "git·ch^"),
                ("[[ a == b\n&& -f c^", "/ [[·a·==·b·-f·c^"),
                ("if [[ -f x; then git ch^", "git·ch^"),
            ],
        );
    }

    #[test]
    fn functions_have_bodies() {
        check(
            POSIX,
            &[
                ("f() { git ch^", "git·ch^"),
                ("f () { git ch^", "git·ch^"),
                ("f()\n{ git ch^; }", "git·ch^"),
                ("f() (git ch^", "git·ch^"),
                ("function f { git ch^", "git·ch^"),
                ("function f() { git ch^", "git·ch^"),
                ("function f\n{ git ch^", "git·ch^"),
                ("function ^", "-"),
                ("function f^", "-"),
                ("f() { a; }; git ch^", "git·ch^"),
            ],
        );
        check(
            ZSH,
            &[
                ("() { git ch^", "git·ch^"),
                ("f g() { git ch^", "git·ch^"),
                ("function f g { git ch^", "git·ch^"),
            ],
        );
    }

    #[test]
    fn assignments_are_not_words() {
        check(
            POSIX,
            &[
                ("A=1 B+=2 git ch^", "git·ch^"),
                ("A[1]=x git ^", "git·^"),
                ("A[$i]+=x git ^", "git·^"),
                ("A=(x y) git ^", "git·^"),
                ("A=(x\ny # z)\n) git ^", "git·^"),
                ("A+=([k]=v) git ^", "git·^"),
                ("A=(x ba^) git", "/ x·ba^"),
                ("A=(^", "/ ^"),
                ("A=($(git ch^", "git·ch^"),
                ("declare A=(x y) B^", "declare·A=(x y)·B^"),
                ("local A=(x ba^", "/ x·ba^"),
                ("A=^", "= A=^"),
                ("A=b^ git", "= A=b^"),
                ("A^=b git", "-"),
                ("A=\"b c^", "= A=b c^"),
                ("PATH=~/b^", "= PATH=~/b^"),
                ("A=$(git ch^", "git·ch^"),
                ("git A=1^", "git·A=1^"),
                ("1A=1^", "1A=1^"),
                (">x A=1 git ch^", "git·ch^"),
            ],
        );
        check(FISH, &[("A=1 git ch^", "git·ch^"), ("A+=1^", "A+=1^"), ("A=(git ch^", "git·ch^")]);
    }

    #[test]
    fn redirections_are_not_words() {
        check(
            &SHELLS,
            &[
                ("ls >fi^", "> fi^"),
                ("ls > ^", "> ^"),
                ("ls >^", "> ^"),
                ("ls > fi^le -l", "> fi^le"),
                ("ls >^ -l", "> ^"),
                ("ls 2>^", "> ^"),
                ("ls 2>&1 ^", "ls·^"),
                ("ls 2>&1 -^ x", "ls·-^"),
                ("ls 2>&^", "-"),
                ("ls 2>/dev/null -^", "ls·-^"),
                ("ls >>x -^", "ls·-^"),
                ("ls >^> x", "-"),
                ("ls &>x -^", "ls·-^"),
                ("ls &>x^", "> x^"),
                ("ls &>>x -^", "ls·-^"),
                ("<in sort -^", "sort·-^"),
                ("a >x | b ^", "b·^"),
                ("a 2>&1 | b ^", "b·^"),
                ("ls a^>x", "ls·a^"),
                ("ls ^>x", "ls·^"),
                ("ls a2>x -^", "ls·a2·-^"),
            ],
        );
        check(
            POSIX,
            &[
                ("ls >|x^", "> x^"),
                ("ls <>x -^", "ls·-^"),
                ("ls >&fi^", "> fi^"),
                ("ls >&2 -^", "ls·-^"),
                ("ls <&- 2>&- -^", "ls·-^"),
                ("{fd}>x ls ^", "ls·^"),
                ("cat <<<te^", "-"),
                ("cat <<<te x^", "cat·x^"),
                ("exec 3<>x^", "> x^"),
                ("ls > >(tee x^)", "tee·x^"),
            ],
        );
        check(BASH, &[("ls 12>x -^", "ls·-^"), ("ls a 2>(b) -^", "ls·a·2>(b)·-^")]);
        check(
            ZSH,
            &[
                ("ls >!x^", "> x^"),
                ("ls >>|x -^", "ls·-^"),
                ("ls >&|x -^", "ls·-^"),
                ("ls &>!x -^", "ls·-^"),
                ("ls 12>x -^", "ls·12·-^"),
                ("ls <1-3>.txt -^", "ls·<1-3>.txt·-^"),
                ("ls f<->-^", "ls·f<->-^"),
                ("a &| b^", "b^"),
                ("a &! b^", "b^"),
            ],
        );
        check(
            FISH,
            &[
                ("ls >?x^", "> x^"),
                ("ls <?x^", "> x^"),
                ("ls 2>| less ^", "less·^"),
                ("ls >| less ^", "less·^"),
                ("ls &| less ^", "less·^"),
            ],
        );
    }

    #[test]
    fn here_documents_are_text() {
        check(
            POSIX,
            &[
                ("cat <<E\ngit ^\nE\n", "-"),
                ("cat <<E\ngit ^", "-"),
                ("cat <<E\nx\nE\ngit ^", "git·^"),
                ("cat <<E\nx\nE\n^", "^"),
                ("cat <<E\nx\nE^", "-"),
                ("cat <<E^", "-"),
                ("cat <<^", "-"),
                ("cat <<E | grep x^\nbody\nE\n", "grep·x^"),
                ("cat <<E -^\nbody\nE\n", "cat·-^"),
                ("cat <<A <<B\na\nA\nb ^\nB\n", "-"),
                ("cat <<A <<B\na\nA\nb\nB\ngit ^", "git·^"),
                ("cat <<'E F'\nx\nE F\ngit ^", "git·^"),
                ("cat <<\\E\n$(git ch^)\nE\n", "-"),
                ("cat <<E\n$(git ch^)\nE\n", "git·ch^"),
                ("cat <<E\n\\$(git ch^)\nE\n", "-"),
                ("cat <<-E\n\tx\n\tE\ngit ^", "git·^"),
                ("cat <<E\n\tE\ngit ^", "-"),
                ("x=$(cat <<E\n)\nE\n) git ^", "git·^"),
                ("cat <<E; x=$(a\n) \nb\nE\ngit ^", "git·^"),
            ],
        );
    }

    #[test]
    fn arithmetic_is_left_alone() {
        check(
            POSIX,
            &[
                ("echo $((1 + 2)) ^", "echo·$((1 + 2))·^"),
                ("echo $((1 + (2 * 3))) ^", "echo·$((1 + (2 * 3)))·^"),
                ("echo $((1 << 2)) x^", "echo·$((1 << 2))·x^"),
                ("echo $[1 + 2] x^", "echo·$[1 + 2]·x^"),
                ("((a > b)) && git ch^", "git·ch^"),
                ("((a > b^", "-"),
                ("((a)) ^", "-"),
                ("echo $(( $(git ch^", "git·ch^"),
                ("(( $(git ch^) ))", "git·ch^"),
                ("echo $((git ch^); ls)", "git·ch^"),
            ],
        );
    }

    #[test]
    fn globs_braces_and_history_are_left_alone() {
        check(
            &SHELLS,
            &[
                ("ls {a,b}/*^", "ls·{a,b}/*^"),
                ("ls *.{a,b} -^", "ls·*.{a,b}·-^"),
                ("ls a?[b]* x^", "ls·a?[b]*·x^"),
            ],
        );
        check(POSIX, &[("!! ^", "!!·^"), ("git !$ ch^", "git·!$·ch^"), ("ls @(a|b) x^", "ls·@(a|b)·x^")]);
        check(
            ZSH,
            &[
                ("ls *(.om[1,3]) x^", "ls·*(.om[1,3])·x^"),
                ("ls (a|b)* x^", "ls·(a|b)*·x^"),
                ("ls **/*(#q.) x^", "ls·**/*(#q.)·x^"),
                ("ls *(e:'[[ a = \")\" ]]':) x^", "ls·*(e:'[[ a = \")\" ]]':)·x^"),
                ("vi =(sort a^", "sort·a^"),
                ("vi =(sort a) x^", "vi·=(sort a)·x^"),
                ("ls =git x^", "ls·=git·x^"),
                ("ls a=(b) ^", "ls·a=(b)·^"),
            ],
        );
        check(FISH, &[("echo {a, b} x^", "echo·{a, b}·x^"), ("echo $x[1 2] y^", "echo·$x[1 2]·y^")]);
    }

    #[test]
    fn words_are_unquoted_and_cut_at_the_cursor() {
        check(
            POSIX,
            &[
                ("ls My\\ D^", "ls·My D^"),
                ("ls \"My D^", "ls·My D^"),
                ("ls \"My D^oc\" x", "ls·My D^oc"),
                ("ls 'a\\b^", "ls·a\\b^"),
                ("ls $'a\\tb^", "ls·a\tb^"),
                ("ls $'\\303\\251^", "ls·é^"),
                ("ls a\"b\"'c'^", "ls·abc^"),
                ("git che^ckout x", "git·che^ckout"),
                ("git ^--amend", "git·^"),
                ("ls \\^", "ls·^"),
                ("ls $HO^ME/x", "ls·$HO^ME/x"),
                ("ls ${HO^ME}", "ls·${HO^ME}"),
                ("ls a\\\nb^", "ls·ab^"),
            ],
        );
    }

    #[test]
    fn fish_has_its_own_syntax() {
        check(
            FISH,
            &[
                ("echo (git ch^)", "git·ch^"),
                ("echo (git ch^", "git·ch^"),
                ("echo a(b; git ch^", "git·ch^"),
                ("echo (a)[1] b^", "echo·(a)[1]·b^"),
                ("echo $(git ch^)", "git·ch^"),
                ("echo \"$(git ch^", "git·ch^"),
                ("echo \"(git ch^", "echo·(git ch^"),
                ("diff (a | psub) (git ch^ | psub)", "git·ch^"),
                ("a; and git ch^", "git·ch^"),
                ("a; or git ch^", "git·ch^"),
                ("not git ch^", "git·ch^"),
                ("! git ch^", "git·ch^"),
                ("begin; git ch^", "git·ch^"),
                ("begin git ch^", "git·ch^"),
                ("begin; a; end ^", "-"),
                ("begin; a; end | git ch^", "git·ch^"),
                ("if true; git ch^", "git·ch^"),
                ("if true; a; else if git ch^", "git·ch^"),
                ("if not git ch^", "git·ch^"),
                ("while git ch^", "git·ch^"),
                ("while read x; git ch^", "git·ch^"),
                ("switch $x^", "? switch·$x^"),
                ("switch x; case a b^", "? case·a·b^"),
                ("switch x; case a; git ch^", "git·ch^"),
                ("function f -d ^", "function·f·-d·^"),
                ("function f; git ch^", "git·ch^"),
                ("{ git ch^", "git·ch^"),
                ("echo `git ch^", "echo·`git·ch^"),
                ("echo 'it\\'s^", "echo·it's^"),
                ("echo a\\nb^", "echo·a\nb^"),
                ("echo a&b^", "echo·a&b^"),
                ("a &^", "^"),
                ("echo {a^", "echo·{a^"),
                ("then git^", "then·git^"),
                ("echo ${x} ^", "echo·${x}·^"),
                ("a <b^ c", "> b^"),
                ("a \\\n # b\n c^", "a·c^"),
                ("a \\\n # b^\n c", "-"),
            ],
        );
    }

    #[test]
    fn anything_is_read_without_a_panic() {
        for text in [
            "\"$(`",
            "${",
            "$((",
            "$[",
            "a=(",
            "((",
            ")",
            "<<",
            ">",
            "&>",
            "$'\\",
            "[[ (",
            "[[ a =~ ",
            "f()",
            "\\",
            "é\"",
            "case",
            "case x in",
            "case x in (",
            "for",
            "for (",
            "time",
            "coproc",
            "coproc x {",
            "function",
            "repeat",
            "{",
            "}",
            "]]",
            "`",
            "<<E\n$(",
            "<<-\n",
            "a=(b=(c=(",
            "<1-",
            "=(",
            "{a, ",
            "x[",
            "2>",
            "2>|",
            "!",
        ] {
            for shell in SHELLS {
                for cursor in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                    lex(text, cursor, shell);
                }
            }
        }
    }

    /// Everything that opens something, tens of thousands of times: neither the stack nor the time grows with it.
    #[test]
    fn depth_and_length_are_bounded() {
        const LENGTH: usize = 64 << 10;
        for piece in [
            "$(",
            "`",
            "\"$(",
            "\"${a:-",
            "${",
            "${\"",
            "$((",
            "((",
            "( (",
            "(",
            "<(",
            "=(",
            "a=(",
            "[[ ( ",
            "{ ",
            "{",
            "case x in a) ",
            "if ",
            "f() { ",
            "<<E ",
            "<<E\n",
            "\\\"",
            "'",
            "\"",
            "$'",
            "a[",
            "x[1",
            "$[",
            "for x (",
            "a=b ",
            "; ",
            "| ",
            "&",
            ">x ",
            "2>&1 ",
            "#",
            "\n",
            "\\\n",
            "é ",
            "*(",
            "@(\"",
            "$(\"${x:-`",
            "coproc x ",
            "time ",
            "!",
            "<1-2>",
            "$((a) b) ",
            "((a) b) ",
            "{a, ",
            "[[ a =~ (",
            "'a' ",
        ] {
            let text = piece.repeat(LENGTH / piece.len());
            for shell in SHELLS {
                lex(&text, text.len(), shell);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_has_its_cursor_in_its_spans(
            text in "([ a-c$(){}\\[\\]`'\"\\\\<>|&;#=~!é\n]|in|do|case|esac|for|if|fi|time|\\$\\(|<<a|\\[\\[|;;){0,40}",
            at in 0usize..60,
        ) {
            let cursor = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(text.len());
            for shell in SHELLS {
                let line = lex(&text, cursor, shell);
                for word in line.commands.iter().flat_map(|command| &command.words) {
                    proptest::prop_assert!(word.start <= word.end && word.end <= text.len());
                    proptest::prop_assert_eq!(word.text.len(), word.marks.len());
                    proptest::prop_assert!(word.marks.iter().all(|mark| text.is_char_boundary(mark.at)));
                }
                if let Some(word) = line.word() {
                    proptest::prop_assert!(word.start <= cursor && cursor <= word.end);
                    let cut = word.cut.expect("the cursor");
                    proptest::prop_assert_eq!(cut.at, cursor);
                    proptest::prop_assert!(word.text.is_char_boundary(cut.text));
                }
            }
        }

        #[test]
        fn any_text_is_read(text in "\\PC{0,60}", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
                for shell in SHELLS {
                    lex(&text, text.len(), shell);
                    lex(&text, 0, shell);
                }
            }
        }
    }
}
