//! Whole clusters: what comes out is what went in, and nobody else sees it on the way.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use zelador::backup::{Phase, Proof, Server};
use zelador_tests::postgres::{Cluster, PASSWORD};

use super::{Room, mode, names, server_of, whole};

/// Databases, roles and contents that trip tools up.
const CONTENTS: &str = r#"
    create role "péssimo ""nome" login password 'segredo';
    create role readers;
    grant readers to "péssimo ""nome";
    alter role readers set search_path to 'x y';
    create database "tenant 1 'a' \b %s" owner "péssimo ""nome";
    create database "ação";
    create database "--";
    create database tenant_2;
    comment on database tenant_2 is E'one\n-- PostgreSQL database cluster dump complete\n--\n\n';
    \connect tenant_2
    create table note (id int primary key, body text, doc jsonb, raw bytea);
    insert into note select i, repeat(md5(i::text), 3), jsonb_build_object('i', i), decode(md5(i::text), 'hex')
        from generate_series(1, 20000) i;
    insert into note (id, body) values
        (-1, E'\\.\n\\.'), (-2, E'\\unrestrict x\nCOPY note FROM stdin;'), (-3, null),
        (-4, E'\n--\n-- PostgreSQL database cluster dump complete\n--\n\n');
    create function odd() returns text language sql as $$ select '
--

COPY public.note (id) FROM stdin;
-- PostgreSQL database cluster dump complete
--
' $$;
    grant select on note to readers;
    select lo_from_bytea(0, 'a large object');
    create sequence counter start 17;
"#;

#[tokio::test]
async fn a_second_cluster_filled_from_the_backup_dumps_to_the_same_text() {
    let (original, second) = (Cluster::start(), Cluster::start());
    original.psql("postgres", CONTENTS);
    let room = Room::new();
    let artifact = room.create(&server_of(&original)).await.unwrap();

    let script = Command::new("gunzip").arg("-c").arg(&artifact.path).output().unwrap();
    assert!(script.status.success());
    restore(&second, &script.stdout);
    let (before, after) = (text_of(&original), text_of(&second));
    assert!(before.contains("péssimo") && before.len() > 1 << 20);
    assert!(before == after, "the second cluster dumps to another text");
}

#[tokio::test]
async fn an_artifact_is_named_by_local_time_private_proven_and_described_by_its_manifest() {
    let cluster = Cluster::start();
    let room = Room::new();
    let artifact = room.create(&server_of(&cluster)).await.unwrap();

    let name = "medmanager_backup_20251120_020000.sql.gz";
    assert_eq!(room.files(), [name.to_owned(), format!("{name}.manifest.json")]);
    assert_eq!(mode(&room.path("backups")), 0o700);
    assert_eq!(mode(&artifact.path), 0o600);
    assert_eq!(mode(&room.path(&format!("backups/{name}.manifest.json"))), 0o600);
    assert_eq!(artifact.manifest.proof, Some(Proof::Structure));
    assert!(artifact.manifest.made_by.starts_with("pg_dumpall 1"), "{}", artifact.manifest.made_by);
    let bytes = std::fs::read(&artifact.path).unwrap();
    assert_eq!(artifact.manifest.size_bytes, bytes.len() as u64);
    assert_eq!(artifact.manifest.sha256, hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes)));
    assert_eq!(room.archive.list().await.unwrap(), [artifact]);
    assert_eq!(names(&room.path("scratch")), [] as [String; 0], "the password file is gone");
}

#[tokio::test]
async fn the_password_is_in_no_argument_and_no_environment_while_the_dump_runs() {
    let cluster = Cluster::start();
    cluster.psql("postgres", "create table t as select md5(i::text) from generate_series(1, 200000) i");
    for server in
        [server_of(&cluster), Server::new("main", &cluster.url_with_password("postgres"), None).unwrap()]
    {
        let room = Room::new();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let observer = {
            let seen = Arc::clone(&seen);
            // The dumping programs stand still meanwhile: the pipe to us is full.
            Arc::new(move |progress: zelador::backup::Progress| {
                if progress.phase == Phase::Dumping && seen.lock().unwrap().is_empty() {
                    *seen.lock().unwrap() = what_others_see("pg_dump");
                }
            })
        };
        room.archive.create(whole(&server), observer, &CancellationToken::new()).await.unwrap();
        let seen = seen.lock().unwrap();
        assert!(seen.len() >= 2, "pg_dumpall and its pg_dump were not seen: {seen:?}");
        for process in seen.iter() {
            for form in [PASSWORD, "p%40ss", "segredo"] {
                assert!(!process.contains(form), "{process}");
            }
        }
    }
}

/// Arguments and environments of all running processes whose arguments hold `word`, apart from those of other tests.
fn what_others_see(word: &str) -> Vec<String> {
    let group_of = |pid: &str| -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(") ").next()?.split(' ').nth(1).map(str::to_owned)
    };
    let ours = std::process::id().to_string();
    let mut seen = Vec::new();
    for pid in names(std::path::Path::new("/proc")).iter().filter(|name| name.parse::<u32>().is_ok()) {
        let read = |what| std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&read("cmdline")).into_owned();
        let a_descendant = ancestors(pid, &group_of).contains(&ours);
        if arguments.contains(word) && a_descendant {
            seen.push(format!("{arguments} {}", String::from_utf8_lossy(&read("environ"))));
        }
    }
    seen
}

fn ancestors(pid: &str, parent_of: &impl Fn(&str) -> Option<String>) -> Vec<String> {
    std::iter::successors(parent_of(pid), |pid| parent_of(pid)).collect()
}

/// As a user does it; the only error is that the role `postgres` is there already.
fn restore(cluster: &Cluster, script: &[u8]) {
    let mut psql = cluster
        .client("psql", "postgres")
        .args(["-X", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = psql.stdin.take().unwrap();
    let script = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(&script).unwrap());
    let output = psql.wait_with_output().unwrap();
    writer.join().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors: Vec<&str> = errors.lines().collect();
    assert!(matches!(errors[..], [line] if line.contains("role \"postgres\" already exists")), "{errors:?}");
}

/// What `pg_dumpall` says, without the keys that are chance.
fn text_of(cluster: &Cluster) -> String {
    let output = cluster.client("pg_dumpall", "postgres").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let keyed = |line: &&str| line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
    text.lines().filter(|line| !keyed(line)).collect::<Vec<_>>().join("\n")
}
