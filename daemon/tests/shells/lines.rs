//! Command lines without expansions, in which every command `w` is run: what it reports is what the shell read.

use proptest::prelude::*;
use protocol::Shell;

/// A line.
pub(crate) fn line(shell: Shell) -> BoxedStrategy<String> {
    // Every `w` gets a number, so that each call is told from the others.
    list(shell, 2)
        .prop_map(number)
        .prop_filter("the shell reads it once", move |text| readable(shell, text))
        .boxed()
}

/// bash 5.2 prints the commands of a substitution and reads that again, which loses here-documents and escapes. In fish a
/// line goes on over a comment, and what follows may be expanded.
fn readable(shell: Shell, text: &str) -> bool {
    let has = |pieces: &[&str]| pieces.iter().any(|piece| text.contains(piece));
    match shell {
        Shell::Bash if has(&["<("]) => !has(&["<<", "=(", "+=(", "\\"]),
        Shell::Bash if has(&["$("]) => !has(&["<<", "=(", "+=("]),
        Shell::Bash => true,
        Shell::Zsh => true,
        Shell::Fish => text.split("\\\n").skip(1).all(|rest| !rest.trim_start_matches(' ').starts_with('#')),
    }
}

/// Puts a number behind each `w`.
fn number(text: String) -> String {
    let mut out = String::new();
    for (at, piece) in text.split(CALL).enumerate() {
        if at > 0 {
            out.push_str(&format!("w n{at}"));
        }
        out.push_str(piece);
    }
    out
}

/// Stands for `w` and its number; no word has it.
const CALL: &str = "\u{10fffd}";

fn posix_word(shell: Shell) -> BoxedStrategy<String> {
    let keywords: &[&str] = match shell {
        Shell::Zsh => &[
            "if", "do", "done", "in", "esac", "then", "case", "for", "function", "!", "time", "coproc", "]]",
        ],
        _ => &[
            "if", "do", "done", "in", "esac", "then", "case", "for", "{", "}", "!", "time", "select", "]]",
            "[[",
        ],
    };
    let piece = prop_oneof![
        6 => "[a-c0-9_.,/@+-][a-c0-9_.,/@%+=-]{0,2}",
        2 => "\\\\[ \t'\"\\\\$`!~#*?\\[\\]{}()<>|&;^a-c]",
        2 => "'[ a-c\"\\\\$`~#*{}()<>|&;\n!]{0,4}'",
        2 => "\"([ a-c'~#*{}()<>|&;\n]|\\\\[\"\\\\$`ab\n]){0,4}\"",
        1 => "\\$'([ a-c\"$`#]|\\\\[nt'\\\\a\"]|\\\\x41|\\\\101|\\\\u00e9){0,4}'",
        1 => Just("\\\n".to_string()),
        1 => "[é日]",
        1 => "a#b",
    ];
    let pieces = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    prop_oneof![9 => pieces, 1 => prop::sample::select(keywords).prop_map(String::from)].boxed()
}

fn fish_word() -> BoxedStrategy<String> {
    let piece = prop_oneof![
        6 => "[a-c0-9_.,/:@+=!^-]{1,3}",
        2 => "\\\\[ \t'\"\\\\$*?~#()<>|&;{}\\[\\]nt]",
        1 => "\\\\(x41|101|u00e9|U0001f600)",
        2 => "'([ a-c\"$`~#*{}()<>|&;\n]|\\\\[\\\\'a]){0,4}'",
        2 => "\"([ a-c'~#*{}<>|&;()\n]|\\\\[\"\\\\$ab\n]){0,4}\"",
        1 => Just("\\\n".to_string()),
        1 => "[é日`]",
        1 => "a#b",
        1 => "a&b",
    ];
    let pieces = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    let keywords = &["if", "end", "and", "or", "not", "in", "case", "for", "begin", "!", "then", "do"];
    prop_oneof![9 => pieces, 1 => prop::sample::select(keywords.as_slice()).prop_map(String::from)].boxed()
}

fn word(shell: Shell) -> BoxedStrategy<String> {
    if shell == Shell::Fish { fish_word() } else { posix_word(shell) }
}

fn words(shell: Shell) -> BoxedStrategy<String> {
    prop::collection::vec(word(shell), 1..4).prop_map(|words| words.join(" ")).boxed()
}

fn redirect(shell: Shell) -> BoxedStrategy<String> {
    let mut all = vec![
        ">/dev/null",
        "> /dev/null",
        ">>/dev/null",
        "2>/dev/null",
        "2>&1",
        "</dev/null",
        "< /dev/null",
        "&>/dev/null",
        "&>>/dev/null",
        "2>>/dev/null",
        ">&2",
    ];
    match shell {
        Shell::Fish => all.extend([">'/dev/null'"]),
        Shell::Bash => all.extend([
            ">|/dev/null",
            "<>/dev/null",
            ">&/dev/null",
            "<<<'a b'",
            "<<< x",
            "3>&1",
            "12>/dev/null",
            ">\"/dev/null\"",
        ]),
        Shell::Zsh => all.extend([
            ">|/dev/null",
            ">!/dev/null",
            "<>/dev/null",
            ">&/dev/null",
            ">>|/dev/null",
            "&>|/dev/null",
            "<<<'a b'",
            ">&|/dev/null",
            "<<< x",
        ]),
    }
    prop::sample::select(all).prop_map(String::from).boxed()
}

/// A call of `w`, with assignments, redirections and arguments in any order that is one.
fn simple(shell: Shell) -> BoxedStrategy<String> {
    let assignments = match shell {
        Shell::Fish => word(shell).prop_map(|word| format!("A={word} ")).boxed(),
        _ => {
            let name = prop::sample::select(vec!["A=", "A+=", "B[1]=", "_x1="]);
            let value = prop_oneof![3 => word(shell), 1 => Just(String::new())];
            (name, value).prop_map(|(name, value)| format!("{name}{value} ")).boxed()
        }
    };
    let before = prop_oneof![6 => Just(String::new()), 1 => assignments];
    let argument = prop_oneof![4 => word(shell), 1 => redirect(shell)];
    let arguments = prop::collection::vec(argument, 0..4);
    let blank = prop::sample::select(vec![" ", "  ", "\t", " \\\n "]);
    (before, arguments, blank)
        .prop_map(|(before, arguments, blank)| {
            let arguments: Vec<String> =
                arguments.into_iter().map(|argument| [blank, &argument].concat()).collect();
            format!("{before}{CALL}{}", arguments.concat())
        })
        .boxed()
}

/// Commands one after the other, each of which is run and succeeds.
fn list(shell: Shell, depth: u32) -> BoxedStrategy<String> {
    let separators = match shell {
        Shell::Fish => vec!["; ", "\n", ";", " # it's\n", "; and ", " && ", " &&\n", ";;"],
        _ => vec!["; ", "\n", ";", " && ", "&&", " &&\n", " # it's (\n", "\n\n"],
    };
    let item = (statement(shell, depth), prop::sample::select(separators));
    (prop::collection::vec(item, 0..2), statement(shell, depth))
        .prop_map(|(items, last)| {
            let items: String = items.into_iter().map(|(item, separator)| item + separator).collect();
            items + &last
        })
        .boxed()
}

fn statement(shell: Shell, depth: u32) -> BoxedStrategy<String> {
    if depth == 0 {
        return simple(shell);
    }
    let compound =
        if shell == Shell::Fish { fish_compound(depth - 1) } else { posix_compound(shell, depth - 1) };
    prop_oneof![2 => simple(shell), 3 => compound].boxed()
}

/// Fills the holes of a template: `L` a list, `S` a call, `W` a word, `V` words.
fn fill(shell: Shell, depth: u32, template: &'static str) -> BoxedStrategy<String> {
    let pieces: Vec<BoxedStrategy<String>> = template
        .chars()
        .map(|c| match c {
            'L' => list(shell, depth),
            'S' => simple(shell),
            'W' => word(shell),
            'V' => words(shell),
            c => Just(c.to_string()).boxed(),
        })
        .collect();
    pieces.prop_map(|pieces| pieces.concat()).boxed()
}

fn one_of(shell: Shell, depth: u32, templates: &[&'static str]) -> BoxedStrategy<String> {
    proptest::strategy::Union::new(templates.iter().map(|template| fill(shell, depth, template))).boxed()
}

fn posix_compound(shell: Shell, depth: u32) -> BoxedStrategy<String> {
    let common = &[
        "{ L; }",
        "{\nL\n}",
        "( L )",
        "(true;L)",
        "if S; then L; fi",
        "if S\nthen L\nfi >/dev/null",
        "if false; then :; else L; fi",
        "if false; then :; elif S; then L; fi",
        "while S; do L; break; done",
        "until false; do L; break; done",
        "for x in xV; do L; done",
        "for x in xV\ndo\nL\ndone",
        "for ((i=0; i<1; i++)); do L; done",
        "case a in b) ;; a) L;; esac",
        "case 'x y' in\n a|b) : ;;\n (*) L\n ;;\nesac",
        "case in in in|x) L;& b) L;; xW) :;; esac",
        "f() { L; }; f",
        "f ()\n{ L; }\nf",
        "function f { L; }; f",
        "function f() { L; }; f",
        ": $( L)",
        ": \"$(:;L)\"",
        "A=$( L) && S",
        "A=(V); S",
        "A+=( V # x\n ) ; S",
        "cat <(L)",
        ": $( (:;L) ) $((1 + (2 * 3))); S",
        ": $((1<<2)); S",
        "((1 < 2)) && S",
        "[[ xW == xW && -z '' || a < b ]]; S",
        "[[ ( a == xW ) ]]; S",
        "! S || S",
        "S | S | { L; }",
        "S |& S",
        "S & wait; S",
        "false || S",
        "{ S <<E; S\n'\"( unbalanced\n\\$(w x)\nE\n}",
        "{ S <<'E F' | S\n$(w x) `\nE F\n}",
        "{ S <<-E <<\\D\n\tw x\n\tE\nw y\nD\nL\n}",
        "time S",
        ": ${x:-W}; S",
        ": \"${x:-a b}\"; S",
        "true && { L; } && S",
    ];
    let bash: &[&'static str] =
        &["case xW in (a) :;; *) L;;& b) :;; esac", "for x do :; done; S", ":; time { L; }"];
    let zsh: &[&'static str] = &[
        "{ L } always { L }",
        "{L}",
        "() { L }",
        "() { L } a b",
        "if [[ -n x ]] { L }",
        "if (true) { L }",
        "for x (a b) { L }",
        "for x (a b) S",
        "for x y (a b) { L }",
        "foreach x (a b); L; end",
        "repeat 1 S",
        "repeat 1 { L }",
        "f g() { L }; g",
        "function f g { L }; g",
        "case a { b) ;; a) L;; }",
        "while ((1)) { L; break }",
        "cat =(L)",
        "(( 1 )) && { L }",
    ];
    let own = if shell == Shell::Zsh { zsh } else { bash };
    let own_weight = if shell == Shell::Zsh { 2 } else { 1 };
    prop_oneof![4 => one_of(shell, depth, common), own_weight => one_of(shell, depth, own)].boxed()
}

fn fish_compound(depth: u32) -> BoxedStrategy<String> {
    one_of(
        Shell::Fish,
        depth,
        &[
            "begin; L; end",
            "begin L\nend >/dev/null",
            "if S; L; end",
            "if S\nL\nend",
            "if not S; else; L; end",
            "if false; else if S; L; end",
            "if S; and S; L; end",
            "while S; L; break; end",
            "for x in xV; L; end",
            "switch xW; case '*'; L; end",
            "switch a\ncase b c\ncase a 'd e'\nL\nend",
            "function f; L; end; f",
            "function f -a x --description 'it is'; L; end; f",
            ": (L)",
            ": a(L)b",
            ": $(L)",
            ": \"$(L)\"",
            ": (L)[1]",
            "A=(L) S",
            "not S; or S",
            "! S || S",
            "false; or S",
            "S | S | begin; L; end",
            "S 2>| S",
            "S &| S",
            "S & wait; S",
            "S &\nS",
            "time S",
            "true && begin; L; end && S",
        ],
    )
}

/// A line with aliases.
#[derive(Clone, Debug)]
pub(crate) struct Aliased {
    pub(crate) aliases: Vec<(String, String)>,
    pub(crate) global: Vec<(String, String)>,
    pub(crate) suffix: Vec<(String, String)>,
    pub(crate) line: String,
}

impl Aliased {
    /// What defines the aliases.
    pub(crate) fn definitions(&self) -> String {
        let define = |option: &'static str, aliases: &[(String, String)]| {
            let one = |(name, value): &(String, String)| {
                format!("alias {option} {name}='{}'\n", value.replace('\'', "'\\''"))
            };
            aliases.iter().map(one).collect::<String>()
        };
        [define("", &self.aliases), define("-g", &self.global), define("-s", &self.suffix)].concat()
    }
}

/// What forgets them.
pub(crate) fn forget_aliases(shell: Shell) -> &'static str {
    if shell == Shell::Zsh { "unalias -a; unalias -s -m '*'" } else { "unalias -a" }
}

/// Aliases `a`, `b`, `c` of each other and of `w`, and a line that has them in and out of the place of commands.
pub(crate) fn aliased(shell: Shell) -> BoxedStrategy<Aliased> {
    let zsh = shell == Shell::Zsh;
    let value = prop_oneof![
        3 => "(w|a|b|c)( (x|'y z'|a|b)){0,2}",
        1 => "(w|a|b|c) x ",
        1 => "X=1 (w|a) x",
        1 => "w 1 ; (w|a|b) 2",
        1 => "w 3 \\| (a|b)",
        1 => "! (a|b) x",
        1 => "\\{ w 5; \\} ; w",
        1 => "if w 6; then w 7; fi; (a|b)",
        1 => "(a|b) >/dev/null x",
    ];
    let named = |names: &'static [&'static str], value: BoxedStrategy<String>| {
        let pair = (prop::sample::select(names), value).prop_map(|(name, value)| (name.to_string(), value));
        prop::collection::vec(pair, 0..4)
    };
    let aliases = named(&["a", "b", "c"], value.boxed());
    let global = named(&["G", "H"], "(x y|\\| w 8|; w 9|G|H|a) ?".boxed());
    let suffix = named(&["txt", "md"], "(w 10|a|b) ?".boxed());
    let argument =
        prop::sample::select(vec!["a", "b", "x", "'a'", "G", "H", ">/dev/null", "k.txt", "a'b'", "\\c"]);
    let arguments = prop::collection::vec(argument, 0..3).prop_map(|arguments| {
        arguments.into_iter().map(|argument| format!(" {argument}")).collect::<String>()
    });
    let first = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "w",
        "\\a",
        "'b'",
        "A=1 a",
        ">/dev/null b",
        "k.txt",
        "! a",
        "{ a; }; b",
        "time c",
        "G",
        "k\\ l.md",
        "if w 11; then a; fi; b",
    ]);
    let command = (first, arguments).prop_map(|(first, arguments)| format!("{first}{arguments}"));
    let separator = prop::sample::select(vec!["; ", " | ", "\n", ";"]);
    let line = prop::collection::vec((command, separator), 1..4)
        .prop_map(|commands| {
            commands.into_iter().map(|(command, separator)| command + separator).collect::<String>()
        })
        .prop_map(|line| line.replace("| time", "; time").replace("| !", "; !"))
        .prop_map(|line| line.trim_end_matches([' ', '&', '|', ';', '\n']).to_string());
    (aliases, global, suffix, line)
        .prop_map(move |(aliases, global, suffix, line)| Aliased {
            aliases: if zsh { aliases } else { aliases.into_iter().map(without_circle).collect() },
            global: if zsh { global } else { Vec::new() },
            suffix: if zsh { suffix } else { Vec::new() },
            line,
        })
        .boxed()
}

/// The alias without the names of those before it: of a circle of several bash expands less than all, and which of them
/// depends on how it is entered.
fn without_circle((name, value): (String, String)) -> (String, String) {
    let before = |c: char| ('a'..='c').contains(&c) && c.to_string() < name;
    let value = value.chars().map(|c| if before(c) { 'w' } else { c }).collect();
    (name, value)
}
