//! A home, the daemon in it, and a client.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use protocol::frame::{self, Decoder};
use protocol::{Answer, Context, FromDaemon, Ran, Request, ToDaemon, TrustAnswer};
use specs::archive::Archive;

/// No test waits longer than this for anything; a loaded machine needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home with a daemon.
pub(crate) struct Home {
    dir: tempfile::TempDir,
    daemon: Child,
}

impl Home {
    pub(crate) fn new() -> Home {
        let dir = tempfile::Builder::new().prefix("q.").tempdir_in("/tmp").unwrap();
        for name in ["home", "run", "bin"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::set_permissions(dir.path().join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        let daemon = Command::new(env!("CARGO_BIN_EXE_qd"))
            .env_clear()
            .env("HOME", dir.path().join("home"))
            .env("XDG_RUNTIME_DIR", dir.path().join("run"))
            .env("Q_ARCHIVE", archive())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let home = Home { dir, daemon };
        home.play_programs();
        home.write("home/.ssh/config", "Host host.of.config\n  ProxyCommand touch canary\n");
        let end = Instant::now() + PATIENCE;
        while UnixStream::connect(home.socket()).is_err() {
            assert!(Instant::now() < end, "the daemon does not listen");
            sleep(Duration::from_millis(5));
        }
        home
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file with the folders that it lies in.
    pub(crate) fn write(&self, name: &str, text: &str) {
        write(&self.at(name), text);
    }

    pub(crate) fn archive(&self) -> Archive {
        Archive::open(&archive()).unwrap()
    }

    /// What would not be there if nothing had run.
    pub(crate) fn canaries(&self) -> String {
        fs::read_to_string(self.canary()).unwrap_or_default()
    }

    /// A command of the shell that leaves a mark.
    pub(crate) fn trap(&self, what: &str) -> String {
        format!("echo {what} >> {}", self.canary().display())
    }

    fn canary(&self) -> PathBuf {
        self.at("canary")
    }

    fn socket(&self) -> PathBuf {
        self.at("run/q/qd.sock")
    }

    /// Puts a program in the `PATH` for each one that does what a folder says, or uses the network.
    fn play_programs(&self) {
        for name in OBEDIENT.split_whitespace() {
            // What is asked in `/` obeys no folder.
            let script = format!(
                "#!/bin/sh\n[ \"$(pwd -P)\" = / ] || {} \"$@\"\necho \"{name} of-{name} # said\"\n",
                self.trap(name)
            );
            self.write(&format!("bin/{name}"), &script);
            executable(&self.at(&format!("bin/{name}")));
        }
    }

    /// A client in a folder, whose `PATH` has what `direnv` and careless people put there.
    pub(crate) fn client(&self, folder: &Path) -> Client {
        let own = folder.join("node_modules/.bin");
        let path =
            format!(".:./bin::{}:{}:/usr/local/bin:/usr/bin:/bin", own.display(), self.at("bin").display());
        let home = self.at("home");
        let env = [
            ("PATH", path.as_str()),
            ("HOME", home.to_str().unwrap()),
            ("LD_LIBRARY_PATH", ":."),
            ("PYTHONPATH", ""),
            ("BASH_ENV", "./evil"),
            ("ENV", "./evil"),
            ("GIT_EXTERNAL_DIFF", "./evil"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let cwd = folder.to_str().unwrap().to_owned();
        let context = Context { session: "1".into(), cwd, env, ..Context::default() };
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client { stream, decoder: Decoder::default() };
        client.send(&[ToDaemon::Context(context)]);
        client
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Programs that obey a folder, or use the network, whatever they are told. None of them is needed for an answer without
/// trust.
const OBEDIENT: &str = "ansible ansible-playbook ant artisan aws az bazel bun bundle cap cargo composer cordova \
    curl dart deno direnv django-admin docker-compose dotnet drush elm ember eslint expo firebase flutter gatsby gcloud gem \
    gh go gradle grunt gulp hasura helm heroku hexo http hugo ionic jest just laravel lerna make mask meteor \
    mise mix mocha mvn nest netlify next ng nix node npm npx nx phpunit php pip pip3 pipenv playwright pnpm poetry pre-commit \
    prettier prisma pulumi py.test pytest python python3 rails rake rspec rubocop ruby rush rustc sam sbt sequelize \
    serverless sls svn swift symfony task terraform terragrunt tox tsc tsx turbo uv vagrant vercel vite vitest vue webpack \
    wget wp yarn yo";

/// The archive: `Q_ARCHIVE`, or the one that is built beside the programs.
fn archive() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let archive = std::env::var_os("Q_ARCHIVE").map_or_else(|| root.join("target/q/specs.qa"), PathBuf::from);
    assert!(
        archive.exists(),
        "needs the spec archive: run `cargo specc build --out target/q/specs.qa` first"
    );
    archive
}

/// Writes a file with the folders that it lies in.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// One connection.
pub(crate) struct Client {
    stream: UnixStream,
    decoder: Decoder,
}

impl Client {
    pub(crate) fn send(&mut self, messages: &[ToDaemon]) {
        let frames: Vec<u8> = messages.iter().flat_map(|message| frame::encode(message).unwrap()).collect();
        self.stream.write_all(&frames).unwrap();
    }

    fn receive(&mut self) -> FromDaemon {
        let mut buffer = [0; 16 << 10];
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return message;
            }
            let length = self.stream.read(&mut buffer).expect("the daemon says something");
            assert!(length > 0, "the daemon left");
            self.decoder.push(&buffer[..length]);
        }
    }

    /// The last answer to a request.
    pub(crate) fn complete(&mut self, request: Request) -> Answer {
        self.send(&[ToDaemon::Complete(request)]);
        loop {
            match self.receive() {
                FromDaemon::Answer(answer) if !answer.pending => return *answer,
                FromDaemon::Answer(_) => {}
                other => panic!("not an answer: {other:?}"),
            }
        }
    }

    /// Asks until these names are offered. A program of a machine that is very busy may be too late at first.
    pub(crate) fn complete_until(&mut self, line: &str, expected: &[&str]) {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.complete(ask(1, line));
            let names: Vec<&str> = answer.candidates.iter().map(|row| row.name.as_str()).collect();
            if expected.iter().all(|name| names.contains(name)) {
                return;
            }
            assert!(Instant::now() < end, "{line:?} has no {expected:?}: {names:?}");
            self.send(&[ToDaemon::Ran(Ran::default())]);
        }
    }

    /// What became of a change of trust.
    pub(crate) fn trust(&mut self) -> TrustAnswer {
        match self.receive() {
            FromDaemon::Trust(answer) => answer,
            other => panic!("not about trust: {other:?}"),
        }
    }
}

/// A question that waits for everything that is fetched.
pub(crate) fn ask(generation: u64, line: &str) -> Request {
    Request { generation, line: line.into(), cursor: line.len() as u32, wait: 20_000, ..Request::default() }
}
