//! Containers and images of the engine on this machine. Another machine's engine is the network's business, and is left
//! to the generator of the spec, which needs it allowed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use specs::model::Script;

use super::{Question, read, row};
use crate::candidates::Draft;
use crate::slow::Generated;

/// Most contexts that are looked through for the current one.
const MAX_CONTEXTS: usize = 200;

/// What is wanted of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Docker {
    program: Engine,
    what: What,
}

/// Whose engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Engine {
    Docker,
    Podman,
}

/// Things that an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Running,
    Paused,
    Containers,
    Images,
}

/// Separates the fields that we ask for; no name has one.
const SEPARATOR: char = '\t';

/// What a generator asks of an engine.
pub(super) fn wanted(generated: &Generated) -> Option<Docker> {
    let Some(Script::Argv(argv)) = &generated.generator.script else { return None };
    let post = generated.generator.post_process.as_ref()?;
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let program = match *argv.first()? {
        "docker" if matches!(post.module.as_str(), "docker" | "docker-compose") => Engine::Docker,
        "podman" if post.module == "podman" => Engine::Podman,
        _ => return None,
    };
    let what = match argv[1..] {
        ["ps", "--format", "{{ json . }}"] => What::Running,
        ["ps", "-a", "--format", "{{ json . }}"] => What::Containers,
        ["ps", "--filter", "status=paused", "--format", "{{ json . }}"] => What::Paused,
        ["image", "ls", "--format", _] | ["images", "--format", _] | ["images", "-a", "--format", _] => {
            What::Images
        }
        _ => return None,
    };
    Some(Docker { program, what })
}

/// What to run.
pub(super) fn question(docker: Docker, cwd: &Path) -> Question {
    let program = match docker.program {
        Engine::Docker => "docker",
        Engine::Podman => "podman",
    };
    let (verb, format): (&[&str], _) = match docker.what {
        What::Running => (&["ps"], "{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.ID}}"),
        What::Paused => {
            (&["ps", "--filter", "status=paused"], "{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.ID}}")
        }
        What::Containers => (&["ps", "-a"], "{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.ID}}"),
        What::Images => (&["images"], "{{.Repository}}\t{{.Tag}}\t{{.Size}}\t{{.ID}}"),
    };
    let argv = std::iter::once(program).chain(verb.iter().copied()).chain(["--format", format]);
    Question { argv: argv.map(str::to_owned).collect(), env: Vec::new(), cwd: cwd.to_owned() }
}

/// The socket of the engine that docker asks in this environment, when it is one of this machine: the one that is named,
/// that of the current context, or the usual one. `None` when it is elsewhere.
pub(super) fn socket(env: &BTreeMap<String, String>) -> Option<String> {
    let here = |host: &str| host.starts_with("unix://").then(|| host.to_owned());
    if let Some(host) = env.get("DOCKER_HOST").filter(|host| !host.is_empty()) {
        return here(host);
    }
    let folder = match (env.get("DOCKER_CONFIG"), env.get("HOME")) {
        (Some(folder), _) => Path::new(folder).to_owned(),
        (None, Some(home)) => Path::new(home).join(".docker"),
        (None, None) => return here(USUAL),
    };
    let current = env.get("DOCKER_CONTEXT").cloned().or_else(|| {
        let config: Value = serde_json::from_str(&read::text(&folder.join("config.json"))?).ok()?;
        config.get("currentContext")?.as_str().map(str::to_owned)
    });
    match current.as_deref() {
        None | Some("" | "default") => here(USUAL),
        Some(name) => here(&endpoint(&folder, name)?),
    }
}

/// Where docker's engine listens when nothing else is said.
const USUAL: &str = "unix:///var/run/docker.sock";

/// Where the engine of a context is.
fn endpoint(folder: &Path, name: &str) -> Option<String> {
    let contexts = read::entries(&folder.join("contexts/meta"), MAX_CONTEXTS);
    let metas = contexts.iter().filter_map(|dir| read::text(&dir.join("meta.json")));
    let mut metas = metas.filter_map(|text| serde_json::from_str::<Value>(&text).ok());
    let meta = metas.find(|meta| meta.get("Name").and_then(Value::as_str) == Some(name))?;
    meta.pointer("/Endpoints/docker/Host")?.as_str().map(str::to_owned)
}

/// The rows in what it printed.
pub(super) fn drafts(docker: Docker, output: &[u8]) -> Vec<Draft> {
    let text = String::from_utf8_lossy(output);
    let fields = text.lines().map(|line| line.split(SEPARATOR).collect::<Vec<_>>());
    match docker.what {
        What::Images => fields.filter_map(|fields| image(&fields)).collect(),
        _ => fields.filter_map(|fields| container(&fields)).collect(),
    }
}

fn container(fields: &[&str]) -> Option<Draft> {
    let [names, image, status, id] = fields else { return None };
    // Links give a container more names.
    let name = names.split(',').next().filter(|name| !name.is_empty())?;
    let names = vec![name.to_owned(), (*id).to_owned()];
    Some(Draft { names, display: Some(format!("{name} ({image})")), ..row(name, status) })
}

/// An image by its name, with a tag when it is not the usual one, or by its number.
fn image(fields: &[&str]) -> Option<Draft> {
    let [repository, tag, size, id] = fields else { return None };
    let name = match (*repository, *tag) {
        ("<none>", _) => (*id).to_owned(),
        (repository, "latest" | "<none>") => repository.to_owned(),
        (repository, tag) => format!("{repository}:{tag}"),
    };
    let mut names = vec![name.clone(), (*id).to_owned()];
    names.dedup();
    Some(Draft { names, display: Some(name.clone()), ..row(&name, &format!("{id} - {size}")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_an_engine_of_this_machine_is_asked() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".docker");
        let context = |name: &str, host: &str| {
            let dir = folder.join("contexts/meta").join(name);
            fs::create_dir_all(&dir).unwrap();
            let meta = serde_json::json!({"Name": name, "Endpoints": {"docker": {"Host": host}}});
            fs::write(dir.join("meta.json"), meta.to_string()).unwrap();
        };
        context("far", "ssh://far");
        context("desktop", "unix:///desktop.sock");
        let home = home.path().to_str().unwrap();
        let of = |current: &str, env: &[(&str, &str)]| {
            fs::write(folder.join("config.json"), format!("{{\"currentContext\": \"{current}\"}}")).unwrap();
            let env = env.iter().copied().chain([("HOME", home)]);
            socket(&env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        };
        assert_eq!(of("", &[]).as_deref(), Some(USUAL));
        assert_eq!(of("desktop", &[]).as_deref(), Some("unix:///desktop.sock"));
        assert_eq!(of("far", &[]), None);
        assert_eq!(of("missing", &[]), None);
        assert_eq!(of("far", &[("DOCKER_CONTEXT", "default")]).as_deref(), Some(USUAL));
        assert_eq!(of("", &[("DOCKER_HOST", "tcp://far")]), None);
        assert_eq!(of("far", &[("DOCKER_HOST", "unix:///x")]).as_deref(), Some("unix:///x"));
    }

    #[test]
    fn rows_have_a_name_and_a_number() {
        let docker = |what| Docker { program: Engine::Docker, what };
        let names = |what, output: &str| {
            let rows = drafts(docker(what), output.as_bytes());
            rows.iter().map(|row| row.names.join("|")).collect::<Vec<_>>()
        };
        assert_eq!(names(What::Running, "web,x/link\tnginx\tUp 2 hours\tab12\nrubbish\n"), ["web|ab12"]);
        let images = "nginx\tlatest\t10MB\ta1\nredis\t7\t9MB\tb2\n<none>\t<none>\t1MB\tc3\n";
        assert_eq!(names(What::Images, images), ["nginx|a1", "redis:7|b2", "c3"]);
    }
}
