//! Every setting, from every source, in the right order.

use super::*;
use crate::config::kind::Kind;

/// Returns a value that differs from the default.
pub fn another_value(setting: &Setting) -> Value {
    let another_number = |min, max| match setting.default_value() {
        Value::Number(number) if number == min => Value::Number(max),
        _ => Value::Number(min),
    };
    match setting.kind {
        Kind::Address => Value::Text("127.0.0.1:1".to_owned()),
        Kind::Count { min, max } | Kind::Size { min, max } | Kind::Time { min, max } => {
            another_number(min, max)
        }
        Kind::Switch => Value::Switch(setting.default_value() != Value::Switch(true)),
        Kind::Choice(choices) => {
            let other = |choice: &&&str| setting.default_value() != Value::Text((**choice).to_owned());
            let choice = choices.iter().find(other).expect("a choice has several");
            Value::Text((*choice).to_owned())
        }
        Kind::Text { .. } => Value::Text("another".to_owned()),
        Kind::List { .. } => Value::List(vec!["another".to_owned()]),
        Kind::Tokens => Value::List(vec![format!("shop:call:{}:Cart+Payments", "0a".repeat(32))]),
    }
}

/// Returns the value as a flag takes it.
fn plain(setting: &Setting, value: &Value) -> String {
    match (setting.kind, value) {
        (Kind::Tokens, Value::List(items)) => items.join(","),
        (_, value) => setting.kind.show(value),
    }
}

/// Where a value of a test comes from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Nowhere,
    File,
    Env,
    Flag,
}

/// Resolves one setting that has `weak` in the file and `value` in the sources up to `strongest`.
fn resolved(index: usize, value: &Value, from: &[From]) -> Effective {
    let setting = &SETTINGS[index];
    let text = plain(setting, value);
    // The weaker source says what is the default, so that it is noticed when it wins.
    let default = setting.kind.toml(&setting.default_value());
    let (section, name) = setting.path();
    let strongest = |source: From| from.last() == Some(&source);
    let file = from.contains(&From::File).then(|| {
        let value =
            if strongest(From::File) || default.is_empty() { setting.kind.toml(value) } else { default };
        (PathBuf::from("f.toml"), format!("[{section}]\n{name} = {value}\n"))
    });
    let weak = |source: From| {
        if strongest(source) { text.clone() } else { setting.kind.show(&setting.default_value()) }
    };
    let env = |name: &str| {
        let is_set = from.contains(&From::Env) && name == setting.env_name();
        is_set.then(|| weak(From::Env))
    };
    let given =
        from.contains(&From::Flag).then(|| Given { index, flag: setting.flag_name(), text: text.clone() });
    let flags = Flags { file: None, given: given.into_iter().collect() };
    let loaded = resolve(&flags, env, file).unwrap_or_else(|error| panic!("{}: {error:?}", setting.key));
    let mut settings = loaded.settings;
    let effective = loaded.effective[index].clone();
    assert_eq!((setting.at)(&mut settings).value(), effective.value, "{}", setting.key);
    effective
}

#[test]
fn a_flag_is_stronger_than_a_variable_and_that_than_the_file() {
    for (index, setting) in SETTINGS.iter().enumerate() {
        let value = another_value(setting);
        let check = |from: &[From], expected: &Value, source: Source| {
            let effective = resolved(index, &value, from);
            assert_eq!((&effective.value, &effective.source), (expected, &source), "{}", setting.key);
        };
        check(&[From::Nowhere], &setting.default_value(), Source::Default);
        check(&[From::File], &value, Source::File { path: "f.toml".into(), line: 2 });
        check(&[From::File, From::Env], &value, Source::Env(setting.env_name()));
        check(&[From::Env, From::Flag], &value, Source::Flag(setting.flag_name()));
        check(&[From::File, From::Env, From::Flag], &value, Source::Flag(setting.flag_name()));
    }
}

#[test]
fn mistakes_in_all_sources_are_told_at_once() {
    let index = SETTINGS.iter().position(|setting| setting.key == "guests.memory_max").unwrap();
    let given = vec![Given { index, flag: "guest-memory-mib".into(), text: "1MiB".into() }];
    let flags = Flags { file: None, given };
    let env = |name: &str| (name == "ABIDE_INGRESS_LISTEN").then(|| "localhost".to_owned());
    let file = (PathBuf::from("f.toml"), "[log]\nformt = 1\n".to_owned());
    let complaints = resolve(&flags, env, Some(file)).err().unwrap();
    assert_eq!(
        complaints,
        [
            "f.toml:2: unknown key log.formt; did you mean log.format?",
            "ABIDE_INGRESS_LISTEN: expected an address and a port, for example \"127.0.0.1:8080\", found \"localhost\"",
            "--guest-memory-mib: expected a size from \"2 MiB\" to \"4 GiB\", found \"1MiB\"",
        ]
    );
}

#[test]
fn an_empty_variable_is_none() {
    let loaded = resolve(&Flags::default(), |_| Some(String::new()), None).ok().unwrap();
    assert!(loaded.effective.iter().all(|effective| effective.source == Source::Default));
}

#[test]
fn secrets_are_never_shown() {
    let env = |name: &str| (name == "ABIDE_ADMIN_TOKEN").then(|| "hush-hush".to_owned());
    let loaded = resolve(&Flags::default(), env, None).ok().unwrap();
    assert_eq!(loaded.settings.server.admin.token.as_deref(), Some("hush-hush"));
    let shown = serde_json::to_string(&shown::shown(&loaded)).unwrap();
    assert!(shown.contains(r#""key":"admin.token","value":"***","source":"env""#), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn the_example_changes_nothing_and_every_line_of_it_may_be_used() {
    let example = example::example();
    let path = PathBuf::from("abide.toml");
    let loaded = resolve(&Flags::default(), |_| None, Some((path.clone(), example.clone()))).ok().unwrap();
    assert!(loaded.effective.iter().all(|effective| effective.source == Source::Default));
    let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.path().1).collect();
    let uncomment = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if names.iter().any(|name| rest.starts_with(&format!("{name} = "))) => rest.to_owned(),
        _ => line.to_owned(),
    };
    let used: String = example.lines().map(|line| uncomment(line) + "\n").collect();
    let loaded = match resolve(&Flags::default(), |_| None, Some((path, used.clone()))) {
        Ok(loaded) => loaded,
        Err(complaints) => panic!("{complaints:?}\n{used}"),
    };
    for effective in loaded.effective {
        assert_eq!(effective.source.name(), "file", "{}", effective.setting.key);
        let default = effective.setting.default_value();
        assert!(default == Value::Unset || default == effective.value, "{}", effective.setting.key);
    }
}

#[test]
fn what_a_running_server_does_not_take_over_is_named() {
    let with = |text: &str| {
        let file = Some((PathBuf::from("f.toml"), text.to_owned()));
        resolve(&Flags::default(), |_| None, file).ok().unwrap()
    };
    let started = with("[admin]\ntoken = \"first\"\ntls_cert = \"a.pem\"\n[log]\nfilter = \"info\"\n");
    let changed = with("[admin]\ntoken = \"other\"\ntls_cert = \"b.pem\"\n[guests]\ncpu_max = \"1s\"\n");
    // The filter is where it was by default.
    assert_eq!(started.needing_a_start(&changed), ["admin.tls_cert", "guests.cpu_max"]);
    assert_eq!(started.needing_a_start(&started), [""; 0]);
}
