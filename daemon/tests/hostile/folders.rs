//! Folders with traps: whatever tools obey in them leaves a mark.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::daemon::{Home, executable, write};

/// A project of every kind at once, that is a repository too.
pub(crate) fn project(home: &Home) -> PathBuf {
    let folder = home.at("home/project");
    let trap = home.trap("project");
    for (name, text) in [
        (".envrc", trap.clone()),
        ("Makefile", format!("X := $(shell {trap})\ntarget:\n\t{trap}\n")),
        (
            "package.json",
            format!("{{\"scripts\": {{\"script\": \"{trap}\"}}, \"dependencies\": {{\"dependency\": \"1\"}}, \"workspaces\": [\"workspace\"]}}"),
        ),
        (".npmrc", "script-shell=./evil\nnode-options=--require ./evil\n".to_owned()),
        (".yarnrc.yml", "yarnPath: ./evil\n".to_owned()),
        (".yarnrc", "yarn-path ./evil\n".to_owned()),
        (".pnpmfile.cjs", "require('./evil')\n".to_owned()),
        ("bunfig.toml", "preload = ['./evil']\n".to_owned()),
        (
            "Cargo.toml",
            "[package]\nname = 'package'\nversion = '1.0.0'\n[[bin]]\nname = 'binary'\npath = 'x.rs'\n[features]\nfeature = []\n"
                .to_owned(),
        ),
        (".cargo/config.toml", "[build]\nrustc-wrapper = './evil'\nrustc = './evil'\n".to_owned()),
        ("rust-toolchain.toml", "[toolchain]\npath = './toolchain'\n".to_owned()),
        ("build.rs", "fn main() {}\n".to_owned()),
        ("justfile", format!("x := `{trap}`\nrecipe:\n  {trap}\n")),
        ("Taskfile.yml", format!("version: 3\nvars: {{X: {{sh: {trap}}}}}\ntasks: {{export: [{trap}]}}\n")),
        ("Rakefile", format!("`{trap}`\n")),
        ("Gemfile", format!("`{trap}`\ngem 'rails'\n")),
        ("composer.json", format!("{{\"scripts\": {{\"x\": \"{trap}\"}}}}")),
        ("manage.py", "import django\n".to_owned()),
        (".tool-versions", "ruby path:./evil\n".to_owned()),
        ("mise.toml", format!("[env]\nX = \"{{{{exec(command='{trap}')}}}}\"\n")),
        (".rubocop.yml", "require: ./evil\n".to_owned()),
        ("deno.json", format!("{{\"tasks\": {{\"task\": \"{trap}\"}}}}")),
        ("nx.json", "{}".to_owned()),
        ("turbo.json", "{}".to_owned()),
        ("docker-compose.yml", "services: {x: {}}\n".to_owned()),
        (".terraform/environment", "x".to_owned()),
        (".pre-commit-config.yaml", "repos: []\n".to_owned()),
        ("changed file", "x".to_owned()),
    ] {
        write(&folder.join(name), &text);
    }
    let script = format!("#!/bin/sh\n{trap} \"$0\"\n");
    let everywhere = ["", "bin/", "node_modules/.bin/", "vendor/bin/", "toolchain/bin/"];
    let programs = "evil git ls cat bash sh sed awk grep find ps id artisan console gradlew mvnw rails rustc cargo make npm node tmux \
         systemctl docker getent sort cut tr";
    for place in everywhere {
        for program in programs.split_whitespace() {
            let program = folder.join(place).join(program);
            write(&program, &script);
            executable(&program);
        }
    }
    repository(home, &folder);
    folder
}

/// Repositories whose configuration runs something wherever git lets it, each found in another way.
pub(crate) fn repositories(home: &Home) -> Vec<PathBuf> {
    let plain = home.at("home/plain");
    fs::create_dir_all(&plain).unwrap();
    repository(home, &plain);
    // A file in place of `.git` that points elsewhere.
    let pointing = home.at("home/pointing");
    fs::create_dir_all(&pointing).unwrap();
    write(&pointing.join(".git"), &format!("gitdir: {}\n", plain.join(".git").display()));
    write(&pointing.join("file"), "changed\n");
    // A repository that has others in it.
    let outer = home.at("home/outer");
    fs::create_dir_all(&outer).unwrap();
    repository(home, &outer);
    let inner = outer.join("module");
    fs::create_dir_all(&inner).unwrap();
    repository(home, &inner);
    git(&outer, &["update-index", "--add", "--cacheinfo", &format!("160000,{},module", head(&inner))]);
    write(
        &outer.join(".gitmodules"),
        "[submodule \"module\"]\npath = module\nurl = ./module\nupdate = !./evil\n",
    );
    write(&inner.join("file"), "changed again\n");
    // A bare repository in a folder, as a checkout can have one in it.
    let bare = home.at("home/bare");
    copy(&plain.join(".git"), &bare);
    git(&bare, &["config", "--file", "config", "core.bare", "true"]);
    vec![plain, pointing, outer, inner, bare]
}

fn repository(home: &Home, folder: &Path) {
    git(folder, &["init", "-q", "-b", "main"]);
    write(&folder.join("file"), "first\n");
    git(folder, &["add", "file"]);
    git(folder, &["commit", "-q", "-m", "x"]);
    git(folder, &["branch", "hostile;$(evil)"]);
    git(folder, &["tag", "v1"]);
    signed_commit(folder);
    write(&folder.join("file"), "changed\n");
    write(&folder.join(".gitattributes"), "* diff=trap filter=trap merge=trap\n");
    write(&folder.join(".git/info/attributes"), "* diff=trap filter=trap merge=trap\n");
    let script = folder.join(".git/trap");
    write(&script, &format!("#!/bin/sh\n{} \"$0 $*\"\ncat\n", home.trap("git")));
    executable(&script);
    for hook in
        "post-index-change post-checkout pre-commit reference-transaction fsmonitor-watchman".split(' ')
    {
        let hook = folder.join(".git/hooks").join(hook);
        write(&hook, &fs::read_to_string(&script).unwrap());
        executable(&hook);
    }
    let script = script.to_str().unwrap();
    for (name, value) in [
        ("core.fsmonitor", script),
        ("core.pager", script),
        ("core.editor", script),
        ("core.sshCommand", script),
        ("core.gitProxy", script),
        ("core.askPass", script),
        ("core.alternateRefsCommand", script),
        ("core.virtualFilesystem", script),
        ("core.hooksPath", ".git/hooks"),
        ("credential.helper", script),
        ("diff.external", script),
        ("diff.trap.command", script),
        ("diff.trap.textconv", script),
        ("filter.trap.clean", script),
        ("filter.trap.smudge", script),
        ("filter.trap.process", script),
        ("filter.trap.required", "true"),
        ("merge.trap.driver", script),
        ("interactive.diffFilter", script),
        ("gpg.program", script),
        ("gpg.ssh.program", script),
        ("log.showSignature", "true"),
        ("format.pretty", "%G?"),
        ("tag.sort", "signature:grade"),
        ("branch.sort", "signature:grade"),
        ("column.ui", "always"),
        ("color.ui", "always"),
        ("color.status", "always"),
        ("status.submoduleSummary", "true"),
        ("diff.submodule", "diff"),
        ("submodule.recurse", "true"),
        ("remote.origin.url", "ext::sh -c ./evil"),
        ("remote.origin.uploadpack", script),
        ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"),
    ] {
        git(folder, &["config", name, value]);
    }
    for verb in ["st", "evil", "branch", "log", "status", "for-each-ref", "config"] {
        git(folder, &["config", &format!("alias.{verb}"), &format!("!{script}")]);
    }
    for pager in ["branch", "log", "tag", "stash", "config", "diff", "status", "for-each-ref"] {
        git(folder, &["config", &format!("pager.{pager}"), script]);
    }
    write(
        &folder.join(".git/more"),
        &format!("[core]\nfsmonitor = {script}\n[filter \"trap\"]\nclean = {script}\n"),
    );
    git(folder, &["config", "include.path", "more"]);
}

/// Puts a commit on the branch that looks signed, so that git would ask a program about it.
fn signed_commit(folder: &Path) {
    let text = git(folder, &["cat-file", "commit", "HEAD"]);
    let (head, message) = text.split_once("\n\n").unwrap();
    let signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----";
    write(&folder.join(".git/commit"), &format!("{head}\n{signature}\n\n{message}"));
    let commit = git(folder, &["hash-object", "-t", "commit", "-w", ".git/commit"]);
    git(folder, &["update-ref", "refs/heads/main", commit.trim()]);
}

fn head(folder: &Path) -> String {
    git(folder, &["rev-parse", "HEAD"]).trim().to_owned()
}

/// What git does when nobody has switched anything off.
pub(crate) fn git_unprotected(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent").current_dir(folder);
    // It may fail: the traps are no good tools.
    let _ = git.args(arguments).output().unwrap();
}

/// git as its owner uses it, before there are traps or with all of them off.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let off = [
        "-c",
        "core.fsmonitor=",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "user.name=u",
        "-c",
        "user.email=u@e",
    ];
    let output = Command::new("git")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .current_dir(folder)
        .args(off)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}
