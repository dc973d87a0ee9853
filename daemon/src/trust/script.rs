//! Scripts that a generator gives to a shell: every command in them is judged, and what is not understood is not known
//! to be harmless. Also the little languages whose programs stand among the words: awk and sed.

use std::collections::BTreeMap;

use protocol::Shell;

use super::{Needs, Refusal, Word, programs};
use crate::parse::lex::{self, Command, lex};

/// The longest script that is looked at; those of the corpus have a few hundred bytes.
const MAX_SCRIPT: usize = 16 << 10;

/// What the lexer does not look into, or what changes the meaning of what it does look into.
const OPAQUE: &[&str] = &["<<", "((", "<(", ">(", "${", "$[", "()"];

/// Words that are syntax, and say nothing about what runs.
const SYNTAX: &str = "! { } case do done elif else esac fi for if in then until while";

/// Variables that decide what a name runs.
const POWERFUL: &[&str] =
    &["PATH", "IFS", "ENV", "CDPATH", "LD_", "DYLD_", "BASH", "GIT_", "DOCKER_", "PYTHON", "NODE_"];

/// What a shell with these arguments needs.
pub(super) fn needs(shell: &str, rest: &[Word], env: &BTreeMap<String, String>) -> Result<Needs, Refusal> {
    let script = match rest {
        [option, script] if option.text == "-c" && !script.open => script.text,
        _ => return Ok(Needs::trust(shell)),
    };
    let dialect = Shell::of_program(shell).unwrap_or_default();
    if script.len() > MAX_SCRIPT || OPAQUE.iter().any(|text| script.contains(text)) {
        return Ok(Needs::trust(shell));
    }
    // With the cursor at the end, the last word is not cut.
    let line = lex(script, script.len(), dialect);
    let mut needs = Needs::nothing();
    for command in &line.commands {
        needs = needs.and(command_needs(shell, script, command, env)?);
    }
    Ok(needs)
}

fn command_needs(
    shell: &str,
    script: &str,
    command: &Command,
    env: &BTreeMap<String, String>,
) -> Result<Needs, Refusal> {
    if command.redirects.iter().any(|redirect| !only_reads(script, redirect)) {
        return Err(Refusal::Never);
    }
    if command.words.iter().any(|word| !word.closed) || command.assignments.iter().any(is_powerful) {
        return Ok(Needs::trust(shell));
    }
    let words: Vec<Word> =
        command.words.iter().map(|word| Word { text: &word.text, open: is_open(word) }).collect();
    let words = without_syntax(&words);
    match words.first() {
        None => Ok(Needs::nothing()),
        // Its options cannot be seen to be switched off.
        Some(program) if program.text == "git" => Ok(Needs::trust("git")),
        Some(_) => programs::needs(words, env),
    }
}

/// The words behind those that are syntax. The words of a `for` are values.
fn without_syntax<'w, 't>(words: &'w [Word<'t>]) -> &'w [Word<'t>] {
    let is_syntax = |word: &Word| !word.open && SYNTAX.split_whitespace().any(|known| known == word.text);
    match words.iter().position(|word| !is_syntax(word)) {
        Some(at) if words[..at].iter().any(|word| matches!(word.text, "for" | "case")) => &[],
        Some(at) => &words[at..],
        None => &[],
    }
}

/// Whether a redirection neither writes nor can be anything else than what it seems.
fn only_reads(script: &str, redirect: &lex::Redirect) -> bool {
    let text = script.get(redirect.start..redirect.end).unwrap_or_default();
    let operator = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let target = redirect.target.text.as_str();
    operator.starts_with('<') || target == "/dev/null" || (operator.starts_with(">&") && target.len() == 1)
}

/// Whether something that is not known may turn out to be an option. What begins with a home or a slash does not.
fn is_open(word: &lex::Word) -> bool {
    let live = word.marks.iter().any(|mark| mark.live);
    // Brackets look like a glob.
    if !live || matches!(word.text.as_str(), "[" | "[[" | "]") {
        return false;
    }
    let behind = ["~/", "$HOME/"].iter().find_map(|home| word.text.strip_prefix(home)).unwrap_or(&word.text);
    let is_path = behind.len() < word.text.len() || behind.starts_with(['/', '.']);
    !is_path || behind.contains(['$', '`'])
}

/// Whether an assignment decides what other words run.
fn is_powerful(assignment: &lex::Word) -> bool {
    POWERFUL.iter().any(|name| assignment.text.starts_with(name))
}

/// Whether awk with these words neither writes nor runs anything: the program stands among them, and has no pipe, no
/// file but what it reads, and no call of the system.
pub(super) fn awk_only_looks(rest: &[Word]) -> bool {
    let mut words = rest.iter().skip_while(|word| word.text.starts_with("-F"));
    let Some(program) = words.next() else { return false };
    if program.open
        || program.text.starts_with('-')
        || words.any(|word| word.open || word.text.starts_with('-'))
    {
        return false;
    }
    let text = program.text.replace("||", " ").replace(">=", " ");
    !["|", ">", "@", "system", "/inet", "close", "printf -"].iter().any(|bad| text.contains(bad))
}

/// Whether sed with these words only prints.
pub(super) fn sed_only_looks(rest: &[Word]) -> bool {
    let mut scripts = Vec::new();
    let mut words = rest.iter().peekable();
    while let Some(word) = words.next() {
        match word.text {
            _ if word.open => return false,
            "-n" | "-r" | "-E" | "-rn" | "-nr" | "-nE" | "-En" => {}
            "-e" | "-ne" | "-re" | "-Ee" => scripts.extend(words.next()),
            text if text.starts_with('-') => return false,
            _ if scripts.is_empty() => scripts.push(word),
            // A file to read.
            _ => {}
        }
    }
    !scripts.is_empty() && scripts.iter().all(|script| !script.open && sed_only_prints(script.text))
}

/// Whether a script of sed has no command but `s`, `d`, `p`, `q` and `=`, and no flag that writes or runs.
fn sed_only_prints(script: &str) -> bool {
    let mut rest = script.trim_start();
    while !rest.is_empty() {
        let Some(after) = sed_addresses(rest).and_then(sed_command) else { return false };
        rest = after.trim_start_matches([' ', ';', '\n']);
    }
    true
}

/// What follows the addresses of a command.
fn sed_addresses(mut rest: &str) -> Option<&str> {
    loop {
        rest = match rest.chars().next()? {
            '0'..='9' => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
            '$' | '!' | ',' | ' ' => &rest[1..],
            '/' => sed_part(&rest[1..], '/')?,
            _ => return Some(rest),
        }
    }
}

/// What follows a command that only prints.
fn sed_command(rest: &str) -> Option<&str> {
    let mut chars = rest.chars();
    match chars.next()? {
        'd' | 'p' | 'q' | '=' => {
            Some(chars.as_str()).filter(|rest| rest.is_empty() || rest.starts_with([' ', ';', '\n']))
        }
        's' => {
            let delimiter = chars.next().filter(|c| c.is_ascii_punctuation() && *c != '\\')?;
            let rest = sed_part(sed_part(chars.as_str(), delimiter)?, delimiter)?;
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || "gpiI".contains(c));
            (rest.is_empty() || rest.starts_with([' ', ';', '\n'])).then_some(rest)
        }
        _ => None,
    }
}

/// What follows the next delimiter that is not escaped.
fn sed_part(text: &str, delimiter: char) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == delimiter && !escaped {
            return Some(&text[at + c.len_utf8()..]);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(script: &str) -> Result<Needs, Refusal> {
        let words = [Word { text: "-c", open: false }, Word { text: script, open: false }];
        needs("bash", &words, &BTreeMap::new())
    }

    #[test]
    fn scripts_that_only_look_may_run() {
        for script in [
            "until [[ -f package.json ]] || [[ $PWD = '/' ]]; do cd ..; done; cat package.json",
            "ps axo pid,comm | sed 1d",
            "cat .nextflow/history | awk '{ print $4 }'",
            "ollama ls | awk '!/NAME/ { print $1 }'",
            "command ls -Al ~/.tldrc/tldr/pages/linux/ 2>/dev/null",
            "\\command ls $HOME/.ssh | \\command grep --color=never -v 'pub'",
            "command find ~/.deno/bin -maxdepth 1 -perm -111 -type f",
            "ls -d */",
            "FILES=( $(find ./ -name BUILD) ); for f in $FILES; do echo \"----$f\"; \\cat \"$f\"; done",
            "for i in $(find -E . -regex \".*.robot\" -type f); do cat -s $i ; done",
            "bat --color unknow  2>&1 >/dev/null | grep possible",
            "command -v zoxide",
            "if [ -f Gemfile ]; then cat Gemfile | \\grep \"gem ['\\\"]rails['\\\"]\"; fi",
        ] {
            assert_eq!(of(script), Ok(Needs::nothing()), "{script}");
        }
    }

    #[test]
    fn one_command_that_is_not_known_is_enough() {
        for (script, program) in [
            ("make -qp | awk '{print $1}'", "make"),
            ("ls -1 `npm root -g`", "npm"),
            ("echo \"$(./x)\"", "./x"),
            ("cd android/ && ./gradlew tasks", "./gradlew"),
            ("cat x; $EDITOR x", "$EDITOR"),
            ("lerna list -p | while read p; do\n \\cat $p/package.json && echo END\ndone", "lerna"),
            ("if true; then x; fi", "x"),
            ("eval ls", "eval"),
            (". ./x", "."),
            ("ls | xargs rm", "xargs"),
            ("find * -maxdepth 0", "find"),
            ("find . -exec touch x {} +", "find"),
            ("PATH=.; ls", "bash"),
            ("PATH=. ls", "bash"),
            ("cat <<x\n$(x)\nx", "bash"),
            ("(( a[$(x)] ))", "bash"),
            ("echo ${x:-$(x)}", "bash"),
            ("f() { x; }; f", "bash"),
            ("cat <(x)", "bash"),
            ("ls 'x", "bash"),
            ("[ -v \"$x\" ]", "["),
            ("awk 'BEGIN { system(\"x\") }'", "awk"),
            ("awk '{ print | \"x\" }'", "awk"),
            ("awk -f x", "awk"),
            ("sed 's/a/b/e'", "sed"),
            ("sed -i s/a/b/ x", "sed"),
            ("sed '1e x'", "sed"),
            ("sort --compress-program=x", "sort"),
            ("git status --short | sed -ne '/^M /p'", "git"),
            ("command -p x", "command"),
            ("env -i x", "env"),
            ("command env ls", "command"),
        ] {
            assert_eq!(of(script), Ok(Needs::trust(program)), "{script}");
        }
        assert_eq!(of("cf apps | cut -d ' ' -f1"), Ok(Needs::network()));
    }

    #[test]
    fn what_writes_never_runs() {
        for script in [
            "ls > x",
            "echo x >> .bashrc",
            "ls &> x",
            "rm x",
            "ls | tee x",
            "{ ls; } > x",
            "tmux ls -F '#(x)'",
        ] {
            assert_eq!(of(script), Err(Refusal::Never), "{script}");
        }
    }

    #[test]
    fn scripts_of_sed_are_read() {
        for script in
            ["1d", "s/ .*//", "s|^- ||g", "s/.*Serial: (.*)/\\1/p", "s/.*\\///", "/^M /p", "2,$d; s/a/b/"]
        {
            assert!(sed_only_prints(script), "{script}");
        }
        for script in
            ["w x", "s/a/b/w x", "s/a/b/e", "r x", "e", "1!e", "s/a", "s", "d w x", "{p}", "a\\\nx", "/x"]
        {
            assert!(!sed_only_prints(script), "{script}");
        }
    }
}
