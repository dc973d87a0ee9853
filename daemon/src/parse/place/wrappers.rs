//! What is known of commands inside commands beyond what specs say.
//!
//! Which tools run one of their arguments as a command although their spec does not say so, where that command runs,
//! and the wrappers that have no spec at all.

use specs::model::{Arg, Opt, ParserDirectives, Subcommand, Template};

/// A tool that runs its values, from one of them on, as a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The value that is the command; 0 is the first.
    pub(super) from: usize,
    /// It runs on another machine or in a container.
    pub(super) elsewhere: bool,
}

/// The tools, by their canonical names, with the value that is the command.
const HERE: [(&[&str], usize); 10] = [
    (&["caffeinate"], 0),
    (&["conda", "run"], 0),
    (&["lerna", "exec"], 0),
    (&["mamba", "run"], 0),
    (&["pipenv", "run"], 0),
    (&["pipx", "run"], 0),
    (&["poetry", "run"], 0),
    (&["uv", "run"], 0),
    (&["volta", "run"], 0),
    (&["zellij", "run"], 0),
];

/// The same for commands that run on another machine or in a container.
const ELSEWHERE: [(&[&str], usize); 28] = [
    (&["adb", "shell"], 0),
    (&["chroot"], 1),
    (&["colima", "ssh"], 0),
    (&["docker", "compose", "exec"], 1),
    (&["docker", "compose", "run"], 1),
    (&["docker", "container", "create"], 1),
    (&["docker", "container", "exec"], 1),
    (&["docker", "container", "run"], 1),
    (&["docker", "create"], 1),
    (&["docker", "exec"], 1),
    (&["docker", "run"], 1),
    (&["docker", "service", "create"], 1),
    (&["docker-compose", "exec"], 1),
    (&["docker-compose", "run"], 1),
    (&["fin", "exec"], 0),
    (&["gh", "codespace", "ssh"], 0),
    (&["heroku", "run"], 0),
    (&["kubectl", "create", "job"], 1),
    (&["kubectl", "debug"], 1),
    (&["kubectl", "exec"], 1),
    (&["kubectl", "run"], 1),
    (&["lima"], 0),
    (&["limactl", "shell"], 1),
    (&["mosh"], 1),
    (&["multipass", "exec"], 1),
    (&["ssh"], 1),
    (&["wezterm", "connect"], 1),
    (&["wezterm", "ssh"], 1),
];

/// Tools that are used like another one.
const ALIKE: [(&str, &str); 5] = [
    ("kubecolor", "kubectl"),
    ("nerdctl", "docker"),
    ("oc", "kubectl"),
    ("podman", "docker"),
    ("podman-compose", "docker-compose"),
];

/// Tools whose argument is called a script in their spec, but which go on reading options behind it.
const READ_ON: [&str; 3] = ["robot", "tsc", "wasm-bindgen"];

/// Where a command, by its canonical names, runs another one.
pub(super) fn run(command: &[String]) -> Option<Run> {
    let first = command.first()?;
    let first = ALIKE.iter().find(|(name, _)| name == first).map_or(first.as_str(), |(_, like)| like);
    let is = |path: &&[&str]| {
        path.len() == command.len()
            && path[0] == first
            && path[1..].iter().zip(&command[1..]).all(|(a, b)| a == b)
    };
    let within = |table: &[(&[&str], usize)], elsewhere| {
        table.iter().find(|(path, _)| is(path)).map(|(_, from)| Run { from: *from, elsewhere })
    };
    within(&HERE, false).or_else(|| within(&ELSEWHERE, true))
}

/// Whether what follows a script of this command is still the command's own.
pub(super) fn reads_on(command: &[String]) -> bool {
    command.first().is_some_and(|name| READ_ON.contains(&name.as_str()))
}

/// A command of which nothing is known: it takes paths.
pub(super) fn anything() -> Subcommand {
    let paths =
        Arg { optional: true, variadic: true, templates: vec![Template::Filepaths], ..Arg::default() };
    Subcommand { args: vec![paths], ..Subcommand::default() }
}

/// What is known of a tool without its spec.
struct Tool {
    name: &'static str,
    description: &'static str,
    /// Its options, separated by blanks: `|` between the names of one, `=` and a name where a value follows.
    options: &'static str,
    /// Names of its values; a command follows behind them.
    values: &'static [&'static str],
}

/// Wrappers without a spec, and options that the specs of a few others lack.
const TOOLS: [Tool; 34] = [
    tool("builtin", "Run a builtin of the shell", "", &[]),
    tool(
        "chroot",
        "Run a command with another root directory",
        "--userspec=user:group --groups=groups --skip-chdir",
        &["directory"],
    ),
    tool(
        "chrt",
        "Run a command with a real-time priority",
        "-f|--fifo -r|--rr -o|--other -b|--batch -i|--idle -a|--all-tasks -v|--verbose",
        &["priority"],
    ),
    tool(
        "dbus-run-session",
        "Run a command in a D-Bus session of its own",
        "--config-file=file --dbus-daemon=binary",
        &[],
    ),
    tool("doas", "Run a command as another user", "-C=config -L -n -s -u=user", &[]),
    tool(
        "docker",
        "",
        "-c|--context=context -H|--host=host --config=dir -l|--log-level=level --tlscacert=file --tlscert=file --tlskey=file",
        &[],
    ),
    tool("entr", "Run a command when files change", "-a -c -d -n -p -r -s -x -z", &[]),
    tool(
        "env",
        "",
        "-i|--ignore-environment -0|--null -u|--unset=name -C|--chdir=dir -S|--split-string=string -v|--debug",
        &[],
    ),
    tool("eval", "Run the arguments as a command of the shell", "", &[]),
    tool(
        "flock",
        "Run a command while a lock is held",
        "-s|--shared -e|-x|--exclusive -n|--nb|--nonblock -w|--wait|--timeout=seconds -E|--conflict-exit-code=number -o|--close -F|--no-fork -v|--verbose",
        &["file"],
    ),
    tool(
        "ionice",
        "Run a command with an I/O priority",
        "-c|--class=class -n|--classdata=level -t|--ignore",
        &[],
    ),
    tool(
        "kubectl",
        "",
        "--as=user --as-group=group --cache-dir=dir --certificate-authority=file --client-certificate=file --client-key=file --cluster=name --context=name --kubeconfig=file --profile=name --request-timeout=time -s|--server=address --token=token --user=name --username=name --password=password -v|--v=level",
        &[],
    ),
    tool(
        "ltrace",
        "Trace the library calls of a command",
        "-c -e=filter -f -o|--output=file -S -s=size -n|--indent=spaces",
        &[],
    ),
    tool("nice", "Run a command with another priority", "-n|--adjustment=adjustment", &[]),
    tool("nohup", "Run a command that a hangup does not end", "", &[]),
    tool(
        "parallel",
        "Run a command for each line of input",
        "-j|--jobs=number -k|--keep-order -n|--max-args=number -a|--arg-file=file --colsep=regexp --dry-run --bar --progress",
        &[],
    ),
    tool("pkexec", "Run a command as another user", "--user=user --keep-cwd --disable-internal-agent", &[]),
    tool("proxychains", "Run a command through a proxy", "-q -f=file", &[]),
    tool("proxychains4", "Run a command through a proxy", "-q -f=file", &[]),
    tool(
        "rlwrap",
        "Run a command with an editable input line",
        "-a -c -f=file -H=file -p=colour -r -s=size",
        &[],
    ),
    tool(
        "run0",
        "Run a command as another user",
        "-u|--user=user -g|--group=group -D|--chdir=dir --nice=level --setenv=name=value",
        &[],
    ),
    tool("setsid", "Run a command in a new session", "-c|--ctty -f|--fork -w|--wait", &[]),
    tool("ssh", "", "-B=interface -E=file -G -J=destination -P=tag -Q=query", &[]),
    tool(
        "stdbuf",
        "Run a command with other buffering",
        "-i|--input=mode -o|--output=mode -e|--error=mode",
        &[],
    ),
    tool(
        "strace",
        "Trace the system calls of a command",
        "-a=column -b=syscall -c -C -D -e=expression -E=variable -f -ff -i -I=when -k -o=file -O=overhead -P=path -q -r -s=size -S=order -t -tt -T -u=user -v -w -x -y -yy",
        &[],
    ),
    tool(
        "sudo",
        "",
        "-A|--askpass -B|--bell -b|--background -C|--close-from=number -D|--chdir=directory -E|--preserve-env -H|--set-home -i|--login -K|--remove-timestamp -k|--reset-timestamp -n|--non-interactive -P|--preserve-groups -p|--prompt=prompt -R|--chroot=directory -r|--role=role -S|--stdin -s|--shell -T|--command-timeout=timeout -t|--type=type -U|--other-user=user",
        &[],
    ),
    tool(
        "systemd-inhibit",
        "Run a command while sleep is inhibited",
        "--what=what --who=who --why=why --mode=mode",
        &[],
    ),
    tool(
        "systemd-run",
        "Run a command as a transient unit",
        "--user --scope -u|--unit=unit -p|--property=property --slice=slice --uid=user --gid=group --nice=level -D|--working-directory=dir -d|--same-dir -E|--setenv=name=value -t|--pty -P|--pipe -q|--quiet --wait -G|--collect -S|--shell",
        &[],
    ),
    tool("taskset", "Run a command on some processors", "-a|--all-tasks -c|--cpu-list", &["mask"]),
    tool(
        "time",
        "",
        "-a|--append -f|--format=format -o|--output=file -p|--portability -q|--quiet -v|--verbose",
        &[],
    ),
    tool(
        "timeout",
        "Run a command for a limited time",
        "-f|--foreground -k|--kill-after=duration -p|--preserve-status -s|--signal=signal -v|--verbose",
        &["duration"],
    ),
    tool("unbuffer", "Run a command without output buffering", "-p", &[]),
    tool(
        "watch",
        "Run a command again and again, and show its output",
        "-b|--beep -c|--color -d|--differences -e|--errexit -g|--chgexit -n|--interval=seconds -p|--precise -q|--equexit=cycles -t|--no-title -w|--no-wrap -x|--exec",
        &[],
    ),
    tool(
        "xargs",
        "",
        "-0|--null -a|--arg-file=file -d|--delimiter=delimiter -E=eof -I=replacement -L|--max-lines=lines -n|--max-args=number -o|--open-tty -P|--max-procs=number -p|--interactive --process-slot-var=name -r|--no-run-if-empty -s|--max-chars=size -t|--verbose -x|--exit",
        &[],
    ),
];

const fn tool(
    name: &'static str,
    description: &'static str,
    options: &'static str,
    values: &'static [&'static str],
) -> Tool {
    Tool { name, description, options, values }
}

/// The tree of a wrapper that may have no spec of its own; its options are known when there is one, too.
pub(super) fn tree(name: &str) -> Option<Subcommand> {
    let tool = TOOLS.iter().find(|tool| tool.name == name)?;
    let value = |name: &&str| Arg { name: Some((*name).to_string()), ..Arg::default() };
    let command = Arg { is_command: true, ..value(&"command") };
    Some(Subcommand {
        names: vec![name.to_string()],
        description: Some(tool.description.to_string()).filter(|text| !text.is_empty()),
        options: tool.options.split_ascii_whitespace().map(option).collect(),
        args: tool.values.iter().map(value).chain([command]).collect(),
        parser: ParserDirectives { options_must_precede_arguments: true, ..ParserDirectives::default() },
        ..Subcommand::default()
    })
}

fn option(text: &str) -> Opt {
    let (names, value) = text.split_once('=').map_or((text, None), |(names, value)| (names, Some(value)));
    let arg = |name: &str| Arg { name: Some(name.to_string()), ..Arg::default() };
    Opt {
        names: names.split('|').map(String::from).collect(),
        args: value.map(arg).into_iter().collect(),
        ..Opt::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(command: &str) -> Option<(usize, bool)> {
        let command: Vec<String> = command.split(' ').map(String::from).collect();
        run(&command).map(|run| (run.from, run.elsewhere))
    }

    #[test]
    fn tools_that_run_a_value_are_known_by_their_whole_name() {
        for (command, expected) in [
            ("docker exec", Some((1, true))),
            ("podman container run", Some((1, true))),
            ("kubectl exec", Some((1, true))),
            ("ssh", Some((1, true))),
            ("poetry run", Some((0, false))),
            ("docker", None),
            ("docker ps", None),
            ("ssh exec", None),
        ] {
            assert_eq!(at(command), expected, "{command}");
        }
    }

    #[test]
    fn a_wrapper_without_a_spec_has_a_tree() {
        let timeout = tree("timeout").expect("a tool");
        assert_eq!(timeout.args.iter().map(|arg| arg.is_command).collect::<Vec<_>>(), [false, true]);
        let signal =
            timeout.options.iter().find(|option| option.names == ["-s", "--signal"]).expect("an option");
        assert_eq!(signal.args[0].name.as_deref(), Some("signal"));
        assert_eq!(tree("git"), None);
    }
}
