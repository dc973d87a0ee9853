//! Whether a command line looks as if it had a secret in it. Such a line is never suggested: better to lose a good
//! suggestion than to draw a password while someone looks over a shoulder.

/// Parts of option and variable names that say that the value is secret, in lower case and without separators.
const TELLING: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "token",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "authkey",
    "credential",
    "bearer",
    "connectionstring",
    "sessionkey",
];

/// How the tokens of well-known services begin.
const TOKENS: [&str; 22] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "sk-",
    "sk_live_",
    "rk_live_",
    "npm_",
    "pypi-",
    "AIza",
    "hvs.",
    "dop_v1_",
    "SG.",
    "eyJ",
    "-----BEGIN",
];

/// Shortest token that is one: `sk-` alone is a word, `npm_config` is a variable.
const MIN_TOKEN: usize = 16;

/// Shortest run of mixed letters and digits that is taken for a key.
const MIN_KEY: usize = 32;

/// Whether a line may have a secret in it.
pub(crate) fn looks_secret(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    if lower.contains("authorization:") || lower.contains("bearer ") || lower.contains("basic ey") {
        return true;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    words.iter().enumerate().any(|(at, word)| is_secret_word(word, words.get(at + 1).copied()))
        || has_attached_password(&words)
}

/// Whether a word gives a secret away, alone or as the name of the next one.
fn is_secret_word(word: &str, next: Option<&str>) -> bool {
    let bare = word.trim_matches(['"', '\'']);
    has_url_password(bare)
        || names_a_secret(bare, next)
        || bare.split(['=', ':', ',', '"', '\'']).any(is_token)
}

/// `https://user:password@host`.
fn has_url_password(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// `--password x`, `--token=x`, `API_KEY=x`, `-Dpassword=x`, `token:x`. A variable as the value gives nothing away.
fn names_a_secret(word: &str, next: Option<&str>) -> bool {
    let (name, value) = match word.split_once(['=', ':']) {
        Some((name, value)) => (name, Some(value)),
        None if word.starts_with('-') => (word, next),
        None => return false,
    };
    let Some(value) = value.map(|value| value.trim_matches(['"', '\''])) else { return false };
    let is_harmless = value.is_empty() || value.starts_with('$') || value.starts_with('-') && value.len() > 1;
    tells(name) && !is_harmless
}

/// Whether the name of an option or variable says that its value is secret.
fn tells(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    matches!(plain.as_str(), "pass" | "pwd" | "pw" | "auth") && name.starts_with("--")
        || plain.ends_with("pass") && name.contains('_')
        || TELLING.iter().any(|part| plain.contains(part))
}

/// Whether a word is a token by itself.
fn is_token(word: &str) -> bool {
    if word.len() >= MIN_TOKEN && TOKENS.iter().any(|start| word.starts_with(start)) {
        return true;
    }
    is_aws_key(word) || is_random(word)
}

/// The identifiers of Amazon's keys: `AKIA` or `ASIA` and 16 capitals or digits.
fn is_aws_key(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("AKIA").or_else(|| word.strip_prefix("ASIA")) else { return false };
    rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A long run of capitals, small letters and digits all mixed, as keys in base 64 are and names are not.
fn is_random(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.as_bytes().iter().any(kind);
    word.len() >= MIN_KEY
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/_".contains(&byte))
        && word.matches('/').count() <= 2
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

/// Passwords that stand right behind a short option, or behind a user name: `mysql -pSecret`, `sshpass -p x`,
/// `curl -u user:password`.
fn has_attached_password(words: &[&str]) -> bool {
    let Some(program) = words.first().map(|word| word.rsplit('/').next().unwrap_or(word)) else {
        return false;
    };
    let rest = &words[1..];
    match program {
        "mysql" | "mysqldump" | "mysqladmin" | "mariadb" | "mariadb-dump" => {
            rest.iter().any(|word| word.starts_with("-p") && word.len() > 2)
        }
        "sshpass" => rest.iter().any(|word| word.starts_with("-p")),
        "curl" | "wget" | "http" | "https" | "xh" => has_user_password(rest),
        "openssl" => rest.iter().any(|word| word.contains("pass:")),
        "docker" | "podman" | "helm" | "redis-cli" | "az" | "oc" => has_short_password(program, rest),
        _ => false,
    }
}

/// `-u user:password`, `-a user:password`, with or without a space.
fn has_user_password(words: &[&str]) -> bool {
    let is_pair = |value: &str| {
        value.trim_matches(['"', '\'']).split_once(':').is_some_and(|(_, secret)| !secret.is_empty())
    };
    let after = |option: &str| words.windows(2).any(|pair| pair[0] == option && is_pair(pair[1]));
    ["-u", "-a", "--user", "--auth", "--proxy-user"].into_iter().any(after)
        || words.iter().any(|word| {
            ["-u", "-a", "--user=", "--auth="].iter().any(|option| {
                word.strip_prefix(option).is_some_and(|value| !value.starts_with('-') && is_pair(value))
            })
        })
}

/// `docker login -p x`, `redis-cli -a x`.
fn has_short_password(program: &str, words: &[&str]) -> bool {
    let logs_in = words.contains(&"login");
    match program {
        "redis-cli" => words.contains(&"-a"),
        _ => logs_in && words.iter().any(|word| word.starts_with("-p")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognised() {
        for line in [
            "mysql --password=hunter2 db",
            "mysql -uroot -phunter2",
            "deploy --token abc123",
            "deploy --api-key=abc",
            "export GITHUB_TOKEN=abc",
            "AWS_SECRET_ACCESS_KEY=abc aws s3 ls",
            "DB_PASS=abc ./run",
            "git clone https://me:hunter2@example.com/x.git",
            "curl -u me:hunter2 https://example.com",
            "curl -ume:hunter2 https://example.com",
            "curl -H 'Authorization: Bearer abc' https://example.com",
            "echo AKIAIOSFODNN7EXAMPLE",
            "gh auth login --with ghp_0123456789abcdef0123",
            "aws configure set x wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
            "sshpass -p hunter2 ssh host",
            "docker login -u me -phunter2",
            "redis-cli -a hunter2",
            "java -Dpassword=x Main",
            "openssl rsa -passin pass:x",
            "vault write x 'token=abc'",
            "curl example.com -d '{\"t\":\"eyJhbGciOiJIUzI1NiJ9.e30.abc\"}'",
        ] {
            assert!(looks_secret(line), "{line}");
        }
    }

    #[test]
    fn ordinary_lines_are_not() {
        for line in [
            "git checkout main",
            "git show 6520b4a0f1c2d3e4f5061728394a5b6c7d8e9f00",
            "mysql -p db",
            "cat password.txt",
            "curl https://example.com/a@b",
            "ssh me@example.com",
            "git clone ssh://git@example.com/x.git",
            "cp -p a b",
            "export TOKEN=$OTHER",
            "deploy --token \"$TOKEN\"",
            "pass show mail",
            "docker run -p 80:80 web",
            "npm install -g npm_config",
            "ls /usr/lib/x86_64-linux-gnu/GConf2Modules",
            "cd /home/me/Projects2024/MyApplication/src",
            "sk-learn",
        ] {
            assert!(!looks_secret(line), "{line}");
        }
    }
}
