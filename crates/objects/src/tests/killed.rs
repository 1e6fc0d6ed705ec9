//! A process that is killed while it takes objects.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use super::*;
use crate::{Listed, PartNumber};

/// Names the folder of the process that is killed.
const FOLDER: &str = "FAL_OBJECTS_KILLED";

/// The bodies are long enough for several writes.
const LENGTH: usize = 2_500_000;

fn part_number(number: u64) -> PartNumber {
    PartNumber::try_from(number).expect("a number in range")
}

/// Says what was acknowledged, one line each.
async fn take(store: Store, number: u64) {
    let id = store.new_id().expect("an id");
    if number.is_multiple_of(2) {
        keep(&store, id, &bytes(LENGTH)).await.expect("it is kept");
        println!("\nkept {id}");
        return;
    }
    store.begin(id, about("parts"), NOW).await.expect("it begins");
    println!("\nbegun {id}");
    let mut listed = Vec::new();
    for at in 1..=4 {
        let body = intake(&store, &bytes(LENGTH)).await.expect("it comes");
        let part = store.keep_part(body, id, part_number(at)).await.expect("it is kept");
        println!("\npart {id} {at} {}", part.etag());
        listed.push(Listed { number: part.number(), etag: part.etag().to_owned() });
    }
    store.complete(id, listed, NOW).await.expect("it is complete");
    println!("\ncomplete {id}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the process under test is told its folder")]
async fn the_process_that_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let store = Store::open(Options::new(folder)).expect("the store opens");
    let mut number = 0;
    loop {
        // Four at once, so that each kill meets several in different places.
        let takes = (0..4).map(|more| tokio::spawn(take(store.clone(), number + more)));
        for take in takes.collect::<Vec<_>>() {
            take.await.expect("it is taken");
        }
        number += 4;
    }
}

/// Kills a process after so many acknowledgements, and returns all that it gave.
fn kill_after(folder: &Path, most: usize) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "the process under test is started again")]
    let mut child = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "tests::killed::the_process_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).split(b'\n');
    let words = ["kept ", "begun ", "part ", "complete "];
    let mut said = Vec::new();
    let mut take = |line: Vec<u8>| {
        let line = String::from_utf8(line).expect("its output is text");
        said.extend(words.iter().any(|word| line.starts_with(word)).then_some(line));
        said.len()
    };
    while take(lines.next().expect("it goes on until it is killed").expect("its output")) < most {}
    child.kill().expect("it runs");
    // What it had said before it died was acknowledged as well, if the line is whole.
    let mut rest: Vec<_> = lines.map(|line| line.expect("its output")).collect();
    rest.pop();
    for line in rest {
        take(line);
    }
    child.wait().expect("it has ended");
    said
}

/// What a process had acknowledged of one upload.
type Parts = BTreeMap<u64, String>;

fn sort(said: &[String]) -> (Vec<ObjectId>, BTreeMap<ObjectId, Parts>) {
    let (mut whole, mut uploads) = (Vec::new(), BTreeMap::<ObjectId, Parts>::new());
    for line in said {
        let mut words = line.split(' ');
        let word = words.next().expect("a word");
        let id: ObjectId = words.next().expect("an id").parse().expect("an id");
        match (word, words.next(), words.next()) {
            ("begun", None, None) => drop(uploads.insert(id, Parts::new())),
            ("part", Some(at), Some(etag)) => {
                let parts = uploads.get_mut(&id).expect("it was begun");
                parts.insert(at.parse().expect("a number"), etag.to_owned());
            }
            ("kept" | "complete", None, None) => whole.push(id),
            _ => panic!("{line}"),
        }
    }
    (whole, uploads)
}

async fn check(folder: &TempDir, said: &[String]) {
    let objects = folder.path().join("objects");
    let store = open(folder);
    assert_eq!(names(&objects.join("temp")), [""; 0], "what was being written is gone");
    let (whole, uploads) = sort(said);
    let bodies = bytes(LENGTH);
    for id in whole {
        let count = if uploads.contains_key(&id) { 4 } else { 1 };
        assert!(all(&store, id).await == Some(bodies.repeat(count)), "{id} is there and whole");
    }
    for (id, parts) in uploads {
        let listed = |(number, etag): (&u64, &String)| Listed {
            number: part_number(*number),
            etag: etag.clone(),
        };
        let listed: Vec<_> = parts.iter().map(listed).collect();
        if listed.is_empty() {
            assert!(store.upload(id).is_some(), "{id} was begun");
            continue;
        }
        // One whose completion was not acknowledged may have been completed all the same.
        let object = store.complete(id, listed, NOW).await.expect("its parts are there");
        assert_eq!(object.length(), (parts.len() * LENGTH) as u64);
        assert!(all(&store, id).await == Some(bodies.repeat(parts.len())), "{id} is whole");
    }
    let used = store.used();
    drop(store);
    assert_eq!(open(folder).used(), used, "what counts is what is there");
}

//= docs/contract.md#object-durable
//= type=test
//# What a crash leaves of an upload that was not acknowledged MUST be removed at the next start.
#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    for most in [1, 7, 16] {
        let folder = folder();
        let said = kill_after(&folder.path().join("objects"), most);
        check(&folder, &said).await;
    }
}

#[tokio::test]
async fn what_a_crash_can_leave_is_cleared() {
    let folder = folder();
    let store = open(&folder);
    let (id, bare) = (store.new_id().expect("an id"), store.new_id().expect("an id"));
    store.begin(id, about("parts"), NOW).await.expect("it begins");
    let body = intake(&store, b"one").await.expect("it comes");
    let one = store.keep_part(body, id, part_number(1)).await.expect("it is kept");
    let used = store.used();
    drop(store);
    let objects = folder.path().join("objects");
    let upload = objects.join("open").join(id.to_string());
    // A completion that did not come to its end, a part that was replaced, an upload that never began.
    fs::write(upload.join("object"), b"{\"format\":1,").expect("it is written");
    fs::write(upload.join("stray"), b"x").expect("it is written");
    fs::create_dir(objects.join("open").join(bare.to_string())).expect("it is made");
    fs::create_dir(objects.join("temp/half")).expect("it is made");
    fs::write(objects.join("temp/half/data"), b"half").expect("it is written");

    let store = open(&folder);
    assert_eq!((store.used(), store.upload(bare)), (used, None));
    assert_eq!(names(&objects.join("temp")), [""; 0]);
    assert_eq!(names(&objects.join("open")), [id.to_string()]);
    assert_eq!(names(&upload), [one.file(), "begun".to_owned()]);
    let listed = Listed { number: one.number(), etag: one.etag().to_owned() };
    store.complete(id, vec![listed], NOW).await.expect("it goes on");
    assert_eq!(all(&store, id).await.as_deref(), Some(&b"one"[..]));
}
