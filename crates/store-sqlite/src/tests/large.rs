//! Bodies that lie in files of their own.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use super::*;

const MIB: usize = 1024 * 1024;

fn large(number: u128, byte: u8) -> Op {
    let content = Content { headers: Vec::new(), body: vec![byte; MIB + 1] };
    Op::Submit { ticket: ticket(number), content, max_ahead: None }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("queue.sqlite-bodies")).expect("the folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).into_string().expect("a name")).collect();
    names.sort();
    names
}

#[test]
fn large_bodies_come_back_and_go_with_their_requests() {
    let folder = folder();
    let mut store = open(folder.path());
    store.commit(NOW, vec![large(1, 7), large(2, 8), submit(ticket(3))]).expect("a commit");
    let just = Content { headers: Vec::new(), body: vec![0; MIB] };
    commit(&mut store, Op::Submit { ticket: ticket(4), content: just, max_ahead: None });
    assert_eq!(files(folder.path()).len(), 2, "one of just 1 MiB lies in its row");
    let mut reader = store.reader().expect("a reader");
    let read = reader.content(RequestId::from_bits(2)).expect("it reads").expect("it is kept");
    assert!(read.body == vec![8; MIB + 1]);
    let Done::Claimed { batch, .. } = commit(&mut store, claim(2, 1)) else {
        panic!("not claimed")
    };
    assert!(batch[0].1.body == vec![7; MIB + 1] && batch[1].1.body == vec![8; MIB + 1]);
    let result = reply(vec![9; 2 * MIB]);
    commit(&mut store, settle(&batch[0].0, RESPONDED, Some(result.clone())));
    let again = Ruling::Again { charge: None, not_before: NOW };
    commit(&mut store, settle(&batch[1].0, again, Some(result.clone())));
    assert_eq!(files(folder.path()).len(), 2, "the input is gone, the result is there");
    drop(store);

    let mut store = open(folder.path());
    assert!(reader.reply(RequestId::from_bits(1)) == Ok(Some(result)));
    assert_eq!(reader.content(RequestId::from_bits(1)), Ok(None));
    let Done::Claimed { batch, .. } = commit(&mut store, claim(1, 9)) else {
        panic!("not claimed")
    };
    assert!(batch[0].0.id == RequestId::from_bits(2) && batch[0].1.body == vec![8; MIB + 1]);
    let expired = NOW + Duration::from_secs(60 * 60);
    store.commit(expired, vec![Op::Sweep { limit: 9, silent: Silent::Dead }]).expect("a commit");
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn only_their_owner_may_read_them() {
    let folder = folder();
    let mut store = open(folder.path());
    commit(&mut store, large(1, 1));
    let bodies = folder.path().join("queue.sqlite-bodies");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&bodies), 0o700);
    assert_eq!(mode(&bodies.join(&files(folder.path())[0])), 0o600);
}

#[test]
fn what_is_not_kept_leaves_no_file() {
    let folder = folder();
    let options = Options { max_pages: Some(200), ..options(folder.path()) };
    let mut store = Store::open(&options).expect("the store opens");
    commit(&mut store, large(1, 1));
    assert_eq!(commit(&mut store, large(1, 2)), Done::Duplicate);
    let leased = claimed(&mut store, 1, 1);
    let late = Ticket { state: leased[0].state, ..ticket(9) };
    let stale = settle(&late, RESPONDED, Some(reply(vec![1; 2 * MIB])));
    assert_eq!(commit(&mut store, stale), Done::Stale);
    let content = Content { headers: Vec::new(), body: vec![1; MIB] };
    let huge = Op::Submit { ticket: ticket(3), content, max_ahead: None };
    let error = store.commit(NOW, vec![large(2, 2), huge]).expect_err("it does not fit");
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn files_that_no_row_names_are_removed() {
    let folder = folder();
    let mut store = open(folder.path());
    commit(&mut store, large(1, 1));
    let named = files(folder.path());
    drop(store);
    let bodies = folder.path().join("queue.sqlite-bodies");
    fs::write(bodies.join("left-by-a-crash"), "x").expect("a file");
    let _store = open(folder.path());
    assert_eq!(files(folder.path()), named);
}

#[test]
fn a_missing_or_cut_file_is_damage_and_named() {
    let folder = folder();
    let mut store = open(folder.path());
    store.commit(NOW, vec![large(1, 1), submit(ticket(2))]).expect("a commit");
    let path = folder.path().join("queue.sqlite-bodies").join(&files(folder.path())[0]);
    let whole = fs::read(&path).expect("the file");
    let mut reader = store.reader().expect("a reader");
    let damages: [&dyn Fn(); 2] = [&|| fs::write(&path, "short").expect("the file"), &|| {
        fs::remove_file(&path).expect("the file")
    }];
    for damage in damages {
        damage();
        let claimed = store.commit(NOW, vec![claim(9, 1)]).expect_err("it cannot be handed out");
        let read = reader.content(RequestId::from_bits(1)).expect_err("it cannot be read");
        for error in [claimed, read] {
            let Error::Corrupt(text) = error else { panic!("{error:?}") };
            assert!(text.contains(&path.display().to_string()), "{text}");
        }
    }
    fs::write(&path, whole).expect("the file");
    assert_eq!(ids(&claimed(&mut store, 9, 1)), [1, 2], "nothing had happened");
}

#[test]
fn a_dead_letter_hands_its_large_input_on() {
    let folder = folder();
    let mut store = open(folder.path());
    commit(&mut store, large(1, 5));
    let leased = claimed(&mut store, 1, 1);
    let dead = Ruling::Exhaust(Ending::Responded(Status::new(503)));
    commit(&mut store, settle(&leased[0], dead, None));
    let (request, heir) = (RequestId::from_bits(1), RequestId::from_bits(2));
    commit(&mut store, Op::Resubmit { request, heir });
    assert_eq!(files(folder.path()).len(), 2);
    assert_eq!(commit(&mut store, Op::Drop { request }), Done::Noted);
    assert_eq!(files(folder.path()).len(), 1);
    let Done::Claimed { batch, .. } = commit(&mut store, claim(1, 2)) else {
        panic!("not claimed")
    };
    assert!(batch[0].0.id == heir && batch[0].1.body == vec![5; MIB + 1]);
}
